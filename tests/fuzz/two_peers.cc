#include "tests/fuzz/two_peers.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace weft::fuzz {

namespace {

constexpr std::size_t kInFlight = 256;  // datagrams towards one side; the oldest is lost beyond

std::uint8_t pattern(int side, std::size_t pair, std::uint32_t offset) {
  return static_cast<std::uint8_t>((offset * 2654435761u >> 15) + pair * 31 + static_cast<std::size_t>(side) * 77);
}

// WEFT_TRACE=1: one line a datagram.
void trace(const char* what, int to, Time now, const sim::Datagram& d) {
  static const bool wanted = std::getenv("WEFT_TRACE") != nullptr;
  if (!wanted) return;
  net::TcpSegment t;
  net::parse_tcp(ByteSpan(d.bytes).subspan(20), &t);
  std::fprintf(stderr, "%12.3f %s %d: port %u, seq %u ack %u flags %02x win %u val %u ecr %u, %zu bytes\n",
               static_cast<double>(now.ns()) / 1e6, what, to, load_be16(&d.bytes[to == 0 ? 22 : 20]), t.seq.raw(),
               t.ack.raw(), t.flags, t.window, t.tsval, t.tsecr, d.bytes.size());
}

}  // namespace

TwoPeers::TwoPeers(const net::TcpOptions& options, bool hostile) : options_(options), hostile_(hostile) {
  for (Side& side : sides_) side.engine = make_engine(side);
}

std::unique_ptr<net::TcpEngine> TwoPeers::make_engine(Side& side) {
  auto engine = std::make_unique<net::TcpEngine>(options_, side.headers, Random(random_.next()));
  engine->set_interface(kWire, {side.mtu, 65'535, true});
  return engine;
}

Endpoint TwoPeers::address(int side, std::size_t pair) {
  return side == 0 ? Endpoint{IpAddress::v4(10, 0, 0, 1), static_cast<std::uint16_t>(2000 + pair)}
                   : Endpoint{IpAddress::v4(10, 0, 0, 2), 80};
}

// ---- programs

void TwoPeers::connect(int s) {
  if (used_ < kPairs) open(s, used_++);
}

void TwoPeers::connect_towards(std::size_t pair) {
  for (int s : {0, 1}) {
    if (pair < used_ && !end(s, pair).opened) open(s, pair);
  }
}

void TwoPeers::open(int s, std::size_t pair) {
  net::ConnectRequest request;
  request.key = {kWire, address(s, pair), address(1 - s, pair)};
  request.pod = request.account = kPods[s];
  end(s, pair).acknowledged = std::nullopt;  // a cookie may have answered the other's SYN
  if (const auto id = engine(s).connect(now_, request)) {
    end(s, pair).id = *id;
    end(s, pair).opened = true;
  }
  settle();
}

void TwoPeers::send(int s, std::size_t pair, std::uint32_t n) {
  End& e = end(s, pair);
  if (!e.lives()) return;
  n = static_cast<std::uint32_t>(std::min<std::size_t>(n, engine(s).send_space(e.id)));
  std::vector<std::uint8_t> bytes(n);
  for (std::uint32_t i = 0; i < n; ++i) bytes[i] = pattern(s, pair % kPairs, e.written + i);
  engine(s).send(now_, e.id, ByteChain::copy_of(bytes, side(s).frames));
  e.written += n;
  settle();
}

void TwoPeers::receive(int s, std::size_t pair, std::uint32_t most) {
  End& e = end(s, pair);
  if (!e.lives()) return;
  const ByteChain bytes = engine(s).receive(now_, e.id, most);
  std::vector<std::uint8_t> flat(bytes.size());
  bytes.copy_to(0, flat);
  for (std::uint8_t byte : flat) {
    require(hostile_ || byte == pattern(1 - s, pair % kPairs, e.read), "bytes arrive as they were written");
    ++e.read;
  }
  settle();
}

void TwoPeers::shutdown(int s, std::size_t pair) {
  End& e = end(s, pair);
  if (!e.lives()) return;
  engine(s).shutdown_send(now_, e.id);
  e.shut = true;
  settle();
}

void TwoPeers::close(int s, std::size_t pair) {
  End& e = end(s, pair);
  if (!e.lives()) return;
  engine(s).close(now_, e.id);
  e.shut = e.given_up = true;
  settle();
}

void TwoPeers::abort(int s, std::size_t pair) {
  End& e = end(s, pair);
  if (!e.lives()) return;
  engine(s).abort(now_, e.id);
  e.given_up = true;
  settle();
}

net::TcpSettings TwoPeers::settings(int s, std::size_t pair) const {
  return sides_[static_cast<std::size_t>(s)].engine->settings(
      pairs_[pair % kPairs].ends[static_cast<std::size_t>(s)].id);
}

void TwoPeers::change(int s, std::size_t pair, const net::TcpSettings& settings) {
  if (end(s, pair).lives()) engine(s).set_settings(now_, end(s, pair).id, settings);
  settle();
}

// ---- the wire

void TwoPeers::launch(int to, sim::Datagram&& datagram) {
  trace("for", to, now_, datagram);
  std::deque<sim::Datagram>& arriving = side(to).arriving;
  if (arriving.size() == kInFlight) arriving.pop_front();
  arriving.push_back(std::move(datagram));
}

void TwoPeers::deliver(int to, std::size_t index) {
  Side& s = side(to);
  if (s.arriving.empty()) return;
  const auto at = s.arriving.begin() + static_cast<std::ptrdiff_t>(index % s.arriving.size());
  const sim::Datagram datagram = std::move(*at);
  s.arriving.erase(at);
  trace("at", to, now_, datagram);
  const auto arrival = sim::arrival_of(datagram, kWire, kPods[to]);
  s.engine->input(now_, sim::to_packet(datagram, datagram.bytes.size() > 2000 ? s.large : s.frames), arrival);
  settle();
}

void TwoPeers::drop(int to, std::size_t index) {
  std::deque<sim::Datagram>& arriving = side(to).arriving;
  if (!arriving.empty()) arriving.erase(arriving.begin() + static_cast<std::ptrdiff_t>(index % arriving.size()));
}

void TwoPeers::duplicate(int to, std::size_t index) {
  std::deque<sim::Datagram>& arriving = side(to).arriving;
  if (!arriving.empty()) launch(to, sim::Datagram(arriving[index % arriving.size()]));
}

// The TCP header stays where it was, whole; the checksum is not looked at any more.
void TwoPeers::alter(int to, std::size_t index, std::uint32_t offset, std::uint8_t bits) {
  std::deque<sim::Datagram>& arriving = side(to).arriving;
  if (!hostile_ || arriving.empty()) return;
  sim::Datagram& datagram = arriving[index % arriving.size()];
  constexpr std::uint32_t kPorts = 24;
  const std::size_t at = kPorts + offset % (datagram.bytes.size() - kPorts);
  datagram.bytes[at] = static_cast<std::uint8_t>(datagram.bytes[at] ^ bits);
}

void TwoPeers::refuse_size(int to, std::size_t index, std::uint32_t mtu) {
  const std::deque<sim::Datagram>& arriving = side(to).arriving;
  if (arriving.empty()) return;
  const sim::Datagram& datagram = arriving[index % arriving.size()];
  const net::FlowKey key = sim::arrival_of(datagram, kWire, kPods[to]).key;
  const std::uint32_t sequence = load_be32(&datagram.bytes[24]);
  const net::IcmpError error{net::IcmpErrorKind::kPacketTooBig, sequence, mtu};
  engine(1 - to).on_icmp_error(now_, {kWire, key.remote, key.local}, error);
  settle();
}

void TwoPeers::set_mtu(int s, std::uint32_t mtu) {
  side(s).mtu = mtu;
  engine(s).set_interface(kWire, {mtu, 65'535, true});
  settle();
}

// ---- time and engines

void TwoPeers::pass(Duration d) {
  now_ = now_ + d;
  for (int s : {0, 1}) {
    engine(s).on_timer(now_);
    require(engine(s).deadline() > now_, "a timer that has run is not due");
  }
  settle();
}

void TwoPeers::pass_to_deadline() {
  const Time next = std::min(engine(0).deadline(), engine(1).deadline());
  if (!next.is_never()) pass(std::max(next - now_, Duration()));
}

void TwoPeers::hand_over(int s) {
  auto fresh = make_engine(side(s));
  const auto thaw = [&](const net::FrozenConnection& frozen) {
    const auto id = fresh->thaw(now_, frozen, side(s).frames);
    require(id.has_value(), "what was frozen can be thawed");
    return *id;
  };
  for (std::size_t pair = 0; pair < used_; ++pair) {
    End& e = end(s, pair);
    if (e.lives()) e.id = thaw(engine(s).freeze(now_, e.id));
  }
  engine(s).freeze_rest(now_, [&](net::FrozenConnection&& frozen) { thaw(frozen); });
  require(engine(s).connections() + engine(s).time_wait_entries() == 0, "everything is handed over");
  side(s).engine = std::move(fresh);
  settle();
}

}  // namespace weft::fuzz
