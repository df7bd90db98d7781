// What must hold after each step, and in the end.
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/two_peers.h"

namespace weft::fuzz {

void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", property);
  std::abort();
}

// ---- after each step

namespace {

// It has said a window, and no FIN has come.
bool may_receive(net::TcpState state) {
  using enum net::TcpState;
  return state == kSynReceived || state == kEstablished || state == kFinWait1 || state == kFinWait2;
}

}  // namespace

void TwoPeers::settle() {
  for (int s : {0, 1}) {
    take_events(s);
    take_output(s);
    check(s);
  }
}

void TwoPeers::take_events(int s) {
  for (net::TcpEvent event; engine(s).poll_event(&event);) {
    if (event.kind == net::TcpEventKind::kSyn) {
      const net::FlowKey& key = engine(s).key(event.id);
      const std::size_t pair = (s == 0 ? key.local : key.remote).port - 2000u;
      require(pair < used_ || hostile_, "a SYN is somebody's");
      // One that comes late, after its connection has ended, opens nothing.
      if (pair >= used_ || end(s, pair).opened) {
        engine(s).refuse_syn(now_, event.id);
        continue;
      }
      end(s, pair).id = event.id;
      end(s, pair).opened = true;
      engine(s).accept_syn(now_, event.id, kPods[s]);
      continue;
    }
    for (std::size_t pair = 0; pair < used_; ++pair) {
      End& e = end(s, pair);
      if (!e.lives() || e.id != event.id) continue;
      if (event.kind == net::TcpEventKind::kPeerClosed) e.peer_closed = true;
      if (event.kind == net::TcpEventKind::kClosed) e.ended = true;
    }
  }
}

void TwoPeers::take_output(int s) {
  for (Packet packet; engine(s).poll_output(now_, &packet); packet = Packet()) {
    sim::Datagram whole = sim::flatten(packet);
    require(sim::checksum_ok(whole), "checksums are right");
    require(whole.gso_size != 0 || whole.bytes.size() <= side(s).mtu, "datagrams fit the MTU");
    const sim::Datagram said = whole;
    if ((whole.bytes.size() & 1) != 0) {
      launch(1 - s, std::move(whole));
    } else {
      for (sim::Datagram& piece : sim::cut(whole)) launch(1 - s, std::move(piece));
    }
    check_said(s, said);
  }
}

// Whoever speaks does not contradict itself, nor what it may.
void TwoPeers::check_said(int s, const sim::Datagram& datagram) {
  constexpr std::size_t kIpHeader = 20;
  net::TcpSegment t;
  require(net::parse_tcp(ByteSpan(datagram.bytes).subspan(kIpHeader), &t), "segments can be parsed");
  const std::size_t pair = load_be16(&datagram.bytes[s == 0 ? kIpHeader : kIpHeader + 2]) - 2000u;
  if (t.is(net::kRst) || pair >= used_) return;
  End& e = end(s, pair);
  if (t.has_timestamps) {
    // A cookie writes options into the low bits, which makes it a little older.
    require(t.is(net::kSyn) || !e.stamp || static_cast<std::int32_t>(t.tsval - *e.stamp) >= 0, "TSval never falls");
    e.stamp = t.tsval;
  }
  if (hostile_ || !t.is(net::kAck)) return;
  // A SYN-ACK may answer the peer's own SYN where a cookie of the peer was acknowledged before.
  require(t.is(net::kSyn) || !e.acknowledged || t.ack >= *e.acknowledged, "ACKs never go back");
  e.acknowledged = t.ack;
}

void TwoPeers::check(int s) {
  std::size_t lives = 0;
  std::uint64_t memory = 0;
  for (std::size_t pair = 0; pair < used_; ++pair) {
    if (!end(s, pair).lives()) continue;
    ++lives;
    memory += engine(s).info(end(s, pair).id).memory;
    check_end(s, pair);
  }
  const std::uint64_t account = engine(s).account_memory(kPods[s]);
  require(account >= memory, "the account holds what connections hold");
  require(account == memory || engine(s).connections() > lives, "nobody else holds anything");
}

void TwoPeers::check_end(int s, std::size_t pair) {
  End& e = end(s, pair);
  const net::TcpInfo i = engine(s).info(e.id);
  const bool open = i.reason == net::CloseReason::kNone;
  require(i.sacked + i.lost <= i.in_flight && i.retransmitted <= i.in_flight, "the scoreboard is of what is in flight");
  require(i.in_flight <= i.send_queue + 1, "what is in flight is queued");
  require(!open || i.state < net::TcpState::kEstablished || (i.cwnd > 0 && i.mss > 0), "there is a window");
  require(i.bytes_in == e.read + i.receive_queue, "what was received is read or waits");
  require(i.receive_queue == engine(s).readable(e.id), "readable() is the queue");
  if (open && may_receive(i.state)) {
    require(i.bytes_in + i.receive_window >= e.edge, "the window never shrinks");
    e.edge = i.bytes_in + i.receive_window;
  }
  if (hostile_) return;
  const End& peer = end(1 - s, pair);
  require(i.bytes_in <= peer.written, "nothing arrives that was not written");
  require(i.bytes_out <= e.written, "nothing is acknowledged that was not written");
  const std::uint64_t sent = i.bytes_out + i.in_flight;
  require(sent <= e.written + 1, "nothing is sent that was not written, but for a FIN");
  // Edge 0: the peer's own SYN is out, and a cookie of it said the window.
  require(!open || !peer.lives() || peer.edge == 0 || sent <= peer.edge + 1,
          "nothing is sent beyond the window, but for a FIN");
  require(!e.peer_closed || (peer.shut && i.bytes_in == peer.written), "the end comes after the last byte");
}

// ---- the end

void TwoPeers::give_up(int s, std::size_t pair) {
  End& e = end(s, pair);
  receive(s, pair, UINT32_MAX);
  if (!e.shut) shutdown(s, pair);
  if (e.lives() && (e.ended || e.peer_closed)) close(s, pair);
}

void TwoPeers::abort_all() {
  for (std::size_t pair = 0; pair < used_; ++pair) {
    for (int s : {0, 1}) abort(s, pair);
  }
}

// False: nothing will ever happen again.
bool TwoPeers::finish_step() {
  for (int s : {0, 1}) {
    while (!side(s).arriving.empty()) deliver(s, 0);
    for (std::size_t pair = 0; pair < used_; ++pair) give_up(s, pair);
  }
  if (!sides_[0].arriving.empty() || !sides_[1].arriving.empty()) return true;
  if (engine(0).deadline().is_never() && engine(1).deadline().is_never()) return false;
  pass_to_deadline();
  return true;
}

void TwoPeers::finish() {
  // Hours of virtual time: 15 timeouts of two minutes, and TIME-WAIT. More steps than that are a storm.
  // Whom somebody has confused may wait, and answer keepalives, for ever: their programs lose patience.
  for (int steps = 0; finish_step(); ++steps) {
    if (hostile_ && steps == 1000) abort_all();
    require(steps < 20'000, "everything ends");
  }
  if (hostile_) abort_all();
  for (int s : {0, 1}) {
    for (std::size_t pair = 0; pair < used_; ++pair) require(!end(s, pair).lives(), "every connection ends");
    require(engine(s).connections() + engine(s).time_wait_entries() == 0, "connections are freed");
    require(engine(s).account_memory(kPods[s]) == 0, "accounts are empty");
    sides_[static_cast<std::size_t>(1 - s)].arriving.clear();
    const Side& all = side(s);
    require(all.headers.outstanding() + all.frames.outstanding() + all.large.outstanding() == 0, "buffers are back");
  }
}

}  // namespace weft::fuzz
