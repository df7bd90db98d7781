#include "tests/sim/tcp_simulation.h"

#include <algorithm>
#include <cstdio>

namespace weft::sim {

namespace {

constexpr InterfaceId kWire = 7;
constexpr InterfaceId kPods[] = {101, 102};

Endpoint address(int side, bool v6, std::uint16_t port) {
  const char* texts[2][2] = {{"10.0.0.1", "10.0.0.2"}, {"fd00::1", "fd00::2"}};
  return {*IpAddress::parse(texts[v6 ? 1 : 0][side]), port};
}

}  // namespace

TcpSimulation::TcpSimulation(std::uint64_t seed, const WireOptions& wire, const std::array<ProgramOptions, 2>& programs,
                             const net::TcpOptions& options, bool v6)
    : random_(seed), wire_(wire), v6_(v6) {
  for (int side : {0, 1}) {
    auto& host = hosts_[static_cast<std::size_t>(side)];
    host = std::make_unique<Host>(options, random_.next());
    host->program = programs[static_cast<std::size_t>(side)];
    host->engine->set_interface(kWire, {1500, 65535, true});
  }
}

Outcome TcpSimulation::run(Duration patience) {
  net::ConnectRequest request;
  request.key = {kWire, address(0, v6_, 0), address(1, v6_, 80)};
  request.pod = request.account = kPods[0];
  request.connect_timeout = patience;
  hosts_[0]->id = *hosts_[0]->engine->connect(now_, request);
  progress_ = now_;
  const Time begin = now_;
  while (outcome_.failure.empty() && !quiet()) {
    step();
    if (now_ - progress_ > patience) outcome_.failure = "no progress";
    const auto elapsed = static_cast<std::uint64_t>((now_ - begin).ms());
    if (outcome_.timer_calls > 1000 + elapsed + outcome_.datagrams * 4) outcome_.failure = "timer storm";
  }
  if (outcome_.failure.empty()) outcome_.failure = check_end();
  outcome_.end = now_;
  return outcome_;
}

void TcpSimulation::step() {
  for (int side : {0, 1}) {
    take_events(side);
    run_program(side);
    transmit(side);
  }
  Time next = flying_.empty() ? Time::never() : flying_.top().at;
  for (auto& host : hosts_) {
    next = std::min(next, host->engine->deadline());
    if (host->read_at > now_ && host->engine->readable(host->id) > 0) next = std::min(next, host->read_at);
  }
  if (next.is_never()) {
    if (!outcome_.failure.empty() || quiet()) return;
    outcome_.failure = "nothing will ever happen again:";
    for (const auto& host : hosts_) {
      outcome_.failure += " " + std::string(to_string(host->engine->info(host->id).state)) + " of " +
                          std::to_string(host->engine->connections());
    }
    return;
  }
  now_ = std::max(now_, next);
  deliver();
  for (auto& host : hosts_) {
    if (host->engine->deadline() > now_) continue;
    ++outcome_.timer_calls;
    host->engine->on_timer(now_);
  }
}

void TcpSimulation::take_events(int side) {
  Host& host = *hosts_[static_cast<std::size_t>(side)];
  net::TcpEvent event;
  while (host.engine->poll_event(&event)) {
    switch (event.kind) {
      case net::TcpEventKind::kSyn:
        host.id = event.id;
        host.engine->accept_syn(now_, event.id, kPods[side]);
        break;
      case net::TcpEventKind::kEstablished: host.established = true; break;
      case net::TcpEventKind::kPeerClosed: host.peer_closed = true; break;
      case net::TcpEventKind::kClosed:
        host.closed = true;
        if (event.reason != net::CloseReason::kOrderly) {
          outcome_.failure = "side " + std::to_string(side) + " closed: " + std::string(to_string(event.reason));
        }
        break;
      default: break;
    }
    progress_ = now_;
  }
}

void TcpSimulation::run_program(int side) {
  Host& host = *hosts_[static_cast<std::size_t>(side)];
  if (!host.established || !host.engine->exists(host.id)) return;
  write_some(host, side);
  read_some(host, side);
  const bool all_written = host.written == host.program.bytes;
  if (all_written && !host.shut && (host.program.half_close || host.peer_closed)) {
    host.engine->shutdown_send(now_, host.id);
    host.shut = true;
  }
  if (host.shut && host.peer_closed && host.engine->readable(host.id) == 0) host.engine->close(now_, host.id);
}

void TcpSimulation::write_some(Host& host, int side) {
  while (host.written < host.program.bytes) {
    const auto space = static_cast<std::uint32_t>(std::min<std::size_t>(host.engine->send_space(host.id), 1u << 30));
    if (space == 0) return;
    const std::uint32_t most = std::min({space, host.program.largest_write, host.program.bytes - host.written});
    const auto n = static_cast<std::uint32_t>(1 + random_.below(most));
    std::vector<std::uint8_t> bytes(n);
    for (std::uint32_t i = 0; i < n; ++i) bytes[i] = pattern(side, host.written + i);
    host.engine->send(now_, host.id, ByteChain::copy_of(bytes, host.frames));
    host.written += n;
  }
}

void TcpSimulation::read_some(Host& host, int side) {
  if (now_ < host.read_at || host.engine->readable(host.id) == 0) return;
  ByteChain bytes = host.engine->receive(now_, host.id, 1 + random_.below(host.program.largest_read));
  std::vector<std::uint8_t> flat(bytes.size());
  bytes.copy_to(0, flat);
  for (std::uint8_t byte : flat) {
    if (byte == pattern(1 - side, host.read++)) continue;
    outcome_.failure = "side " + std::to_string(side) + " read a wrong byte at " + std::to_string(host.read - 1);
    return;
  }
  progress_ = now_;
  // Whatever is left is read at the next turn, or after the pause.
  host.read_at = now_ + std::max(host.program.read_pause, Duration::microseconds(10));
}

void TcpSimulation::transmit(int side) {
  Host& host = *hosts_[static_cast<std::size_t>(side)];
  Packet packet;
  while (host.engine->poll_output(now_, &packet)) {
    Datagram whole = flatten(packet);
    packet = Packet();
    if (whole.bytes.size() > 65'535 || (whole.gso_size == 0 && whole.bytes.size() > 1500)) outcome_.failure = "too big";
    if (random_.chance(wire_.keep_super_segments)) {
      launch(side, std::move(whole));
    } else {
      for (Datagram& piece : cut(whole)) launch(side, std::move(piece));
    }
  }
}

void TcpSimulation::launch(int side, Datagram&& datagram) {
  ++outcome_.datagrams;
  Host& host = *hosts_[static_cast<std::size_t>(side)];
  if (!checksum_ok(datagram)) outcome_.failure = "wrong checksum";
  if (random_.chance(wire_.loss)) return note(side, "lost", datagram);
  Time leaves = now_;
  if (wire_.bytes_per_second != 0) {
    const auto per_byte = 1'000'000'000 / static_cast<std::int64_t>(wire_.bytes_per_second);
    const Duration waiting = host.wire_free > now_ ? host.wire_free - now_ : Duration();
    if (waiting.ns() > per_byte * wire_.queue_bytes) return note(side, "overflow", datagram);
    leaves = now_ + waiting + Duration::nanoseconds(per_byte) * static_cast<std::int64_t>(datagram.bytes.size());
    host.wire_free = leaves;
  }
  if (wire_.mark > 0 && random_.chance(wire_.mark)) mark(datagram);
  note(side, "", datagram);
  const int copies = random_.chance(wire_.duplicate) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    Time at = leaves + wire_.delay;
    if (random_.chance(wire_.reorder)) {
      at = at + Duration::nanoseconds(static_cast<std::int64_t>(
                    random_.below(static_cast<std::uint64_t>(wire_.jitter.ns()) + 1)));
    }
    flying_.push({at, order_++, 1 - side, datagram});
  }
}

// What a congested router does to a datagram that allows it (RFC 3168, 5).
void TcpSimulation::mark(Datagram& datagram) {
  std::uint8_t* ip = datagram.bytes.data();
  const int shift = ip[0] >> 4 == 6 ? 4 : 0;
  if ((ip[1] >> shift & 3) == 0) return;
  ip[1] = static_cast<std::uint8_t>(ip[1] | 3 << shift);
}

void TcpSimulation::deliver() {
  while (!flying_.empty() && flying_.top().at <= now_) {
    const InFlight arrived = flying_.top();
    flying_.pop();
    Host& host = *hosts_[static_cast<std::size_t>(arrived.to)];
    BufferPool& pool = arrived.datagram.bytes.size() > 2000 ? host.large : host.frames;
    host.engine->input(now_, to_packet(arrived.datagram, pool), arrival_of(arrived.datagram, kWire, kPods[arrived.to]));
  }
}

bool TcpSimulation::quiet() const {
  return flying_.empty() && std::all_of(hosts_.begin(), hosts_.end(), [](const auto& host) {
    return host->engine->connections() == 0 && host->engine->time_wait_entries() == 0 && host->established;
  });
}

std::string TcpSimulation::check_end() {
  // What arrived last may have been answered by an RST that nobody waits for.
  for (int side : {0, 1}) transmit(side);
  for (int side : {0, 1}) {
    Host& host = *hosts_[static_cast<std::size_t>(side)];
    if (host.read != hosts_[static_cast<std::size_t>(1 - side)]->program.bytes) {
      return "side " + std::to_string(side) + " read only " + std::to_string(host.read);
    }
    if (host.engine->account_memory(kPods[side]) != 0) return "account not empty";
    if (host.headers.outstanding() + host.frames.outstanding() + host.large.outstanding() != 0) return "buffers leak";
  }
  return "";
}

void TcpSimulation::note(int side, const char* what, const Datagram& d) {
  if (!traced) return;
  const std::size_t ip = d.bytes[0] >> 4 == 6 ? 40 : 20;
  const std::uint8_t* tcp = &d.bytes[ip];
  const std::size_t payload = d.bytes.size() - ip - (tcp[12] >> 4) * 4u;
  char line[160];
  std::snprintf(line, sizeof line, "%10.3f %d> seq %u ack %u flags %02x win %u len %zu opt %u %s\n",
                static_cast<double>(now_.ns() - 1'000'000'000'000) / 1e6, side, load_be32(tcp + 4), load_be32(tcp + 8),
                tcp[13], load_be16(tcp + 14), payload, (tcp[12] >> 4) * 4u - 20, what);
  trace += line;
}

}  // namespace weft::sim
