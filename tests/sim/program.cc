#include "tests/sim/program.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"

namespace weft::sim {

namespace {

std::uint8_t pattern(int connection, int side, std::uint32_t offset) {
  const auto writer = static_cast<std::uint32_t>(connection * 2 + side);
  return static_cast<std::uint8_t>((offset * 2654435761u >> 13) + writer * 77);
}

}  // namespace

void Program::on_event(const net::TcpEvent& event) {
  switch (event.kind) {
    case net::TcpEventKind::kSyn: break;
    case net::TcpEventKind::kEstablished: established_ = true; break;
    case net::TcpEventKind::kReadable: may_read_ = true; break;
    case net::TcpEventKind::kWritable: may_write_ = true; break;
    case net::TcpEventKind::kPeerClosed: peer_closed_ = true; break;
    case net::TcpEventKind::kClosed: reason_ = event.reason; break;
  }
}

bool Program::run(Time now, net::TcpEngine& engine, BufferPool& pool) {
  if (gone_) return false;
  bool moved = false;
  if (established_) {
    moved = write_some(now, engine, pool);
    moved = read_some(now, engine) || moved;
    if (break_off(now, engine)) return true;
  }
  finish(now, engine);
  return moved || gone_;
}

// Writes until it is told that there is no room: from then on it relies on kWritable.
bool Program::write_some(Time now, net::TcpEngine& engine, BufferPool& pool) {
  const std::uint32_t before = written_;
  while (may_write_ && !told() && written_ < options_.bytes) {
    const std::size_t space = engine.send_space(id_);
    may_write_ = space > 0;
    if (!may_write_) break;
    const std::uint32_t most =
        std::min({static_cast<std::uint32_t>(std::min<std::size_t>(space, 1u << 30)), options_.largest_write,
                  options_.bytes - written_});
    std::vector<std::uint8_t> bytes(1 + random_.below(most));
    for (std::uint8_t& byte : bytes) byte = pattern(connection_, side_, written_++);
    engine.send(now, id_, ByteChain::copy_of(bytes, pool));
    ++writes_;
  }
  return written_ != before;
}

// Reads a piece when kReadable has promised one, or the last piece left some; without haste while the connection lives.
bool Program::read_some(Time now, net::TcpEngine& engine) {
  if (!may_read_) return false;
  if (!told() && now < read_at_) {
    wake_ = read_at_;
    return false;
  }
  wake_ = Time::never();
  const std::uint32_t before = read_;
  do {
    check(engine.receive(now, id_, told() ? SIZE_MAX : 1 + random_.below(options_.largest_read)));
    may_read_ = engine.readable(id_) > 0;
  } while (may_read_ && told() && failure_.empty());
  read_at_ = now + std::max(options_.read_pause, Duration::microseconds(10));
  if (may_read_) wake_ = read_at_;
  if (read_ == before) failure_ = "kReadable, and nothing to read";
  return read_ != before;
}

void Program::check(const ByteChain& bytes) {
  std::vector<std::uint8_t> flat(bytes.size());
  bytes.copy_to(0, flat);
  for (const std::uint8_t byte : flat) {
    if (byte != pattern(connection_, 1 - side_, read_)) {
      failure_ = absl::StrFormat("a wrong byte at %u", read_);
      return;
    }
    ++read_;
  }
}

bool Program::break_off(Time now, net::TcpEngine& engine) {
  const bool breaks = options_.ending == Ending::kAborts || options_.ending == Ending::kQuits;
  if (!breaks || told() || written_ + read_ < options_.ends_after) return false;
  options_.ending == Ending::kAborts ? engine.abort(now, id_) : engine.close(now, id_);
  return rude_ = gone_ = true;
}

void Program::finish(Time now, net::TcpEngine& engine) {
  if (established_ && all_written() && !shut_ && !told() && (options_.half_close || peer_closed_)) {
    engine.shutdown_send(now, id_);
    shut_ = true;
  }
  const bool drained = !may_read_ && engine.readable(id_) == 0;
  const bool leaves = options_.ending == Ending::kLeaves && shut_ && peer_closed_ && drained;
  if (!leaves && !(told() && drained)) return;
  engine.close(now, id_);
  gone_ = true;
}

}  // namespace weft::sim
