// Test language: one engine in a given state, and its peer written by hand.
//   TcpFixture tcp = TcpFixture::established();
//   tcp.receive(tcp.from_peer().fin());
//   tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 1));
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/net/tcp_engine.h"
#include "dataplane/net/tcp_segment.h"

namespace weft::net {

inline constexpr InterfaceId kWire = 3;
inline constexpr InterfaceId kPod = 11;
inline constexpr std::uint32_t kPeerSeq = 1'000'001;  // the peer's first byte after its SYN
inline constexpr std::uint32_t kMss = 1460;
inline constexpr Duration kRtt = Duration::milliseconds(10);

// A segment to send or to expect. Numbers: `seq` and `ack` are relative to the first byte of our side where they name
// our numbers, absolute where they name the peer's (which the test chooses).
struct SegmentBuilder {
  TcpSegment s;
  std::string data;
  bool marked = false;
  std::optional<std::uint32_t> expected_seq, expected_ack, expected_window;

  SegmentBuilder& seq(std::uint32_t v) { return s.seq = Seq(v), expected_seq = v, *this; }
  SegmentBuilder& ack(std::uint32_t v) { return s.ack = Seq(v), expected_ack = v, flag(kAck); }
  SegmentBuilder& flag(std::uint8_t f) { return s.flags = static_cast<std::uint8_t>(s.flags | f), *this; }
  SegmentBuilder& no_ack() { return s.flags = static_cast<std::uint8_t>(s.flags & ~kAck), *this; }
  SegmentBuilder& syn() { return flag(kSyn); }
  SegmentBuilder& fin() { return flag(kFin); }
  SegmentBuilder& rst() { return flag(kRst); }
  SegmentBuilder& psh() { return flag(kPsh); }
  SegmentBuilder& window(std::uint16_t w) { return s.window = w, expected_window = w, *this; }
  SegmentBuilder& mss(std::uint16_t m) { return s.mss = m, *this; }
  SegmentBuilder& scale(std::uint8_t n) { return s.window_scale = n, *this; }
  SegmentBuilder& sack_ok() { return s.sack_permitted = true, *this; }
  SegmentBuilder& stamps(std::uint32_t val, std::uint32_t ecr) {
    return s.has_timestamps = true, s.tsval = val, s.tsecr = ecr, *this;
  }
  SegmentBuilder& sack(std::uint32_t left, std::uint32_t right) {
    return s.sack[s.sack_count++] = {Seq(left), Seq(right)}, *this;
  }
  SegmentBuilder& congested() { return marked = true, *this; }  // CE on its way
  SegmentBuilder& bytes(std::string text) { return data = std::move(text), *this; }
};

// A SYN-ACK with every extension, for established().
inline SegmentBuilder with_stamps(std::uint32_t value = 500) {
  return SegmentBuilder().stamps(value, 0).sack_ok().scale(7);
}

struct SentSegment {
  TcpSegment s;
  std::string data;
  Offload offload;
  Ecn ecn = Ecn::kNotEct;
  FlowKey key;
};

class TcpFixture {
 public:
  explicit TcpFixture(TcpOptions options = plain()) { restart(options); }
  TcpFixture(TcpFixture&&) = default;

  // Without extensions and without delay of ACKs; what a test is about, it switches on.
  static TcpOptions plain() {
    TcpOptions o;
    o.timestamps = o.sack = o.window_scale = false;
    o.quick_acks = 0;
    o.receive_buffer_initial = o.receive_buffer_max = 60'000;
    o.congestion = CongestionAlgorithm::kNewReno;
    return o;
  }

  // ---- states
  static TcpFixture syn_sent(TcpOptions o = plain()) {
    TcpFixture t(o);
    ConnectRequest request;
    request.key = t.flow;
    request.pod = request.account = kPod;
    t.id = *t.engine->connect(t.now, request);
    const SentSegment syn = t.next_sent();
    t.iss = syn.s.seq.raw();
    t.syn = syn;
    return t;
  }
  static TcpFixture established(TcpOptions o = plain(), SegmentBuilder syn_ack = {}) {
    TcpFixture t = syn_sent(o);
    t.now = t.now + kRtt;
    if (syn_ack.s.mss == 0) syn_ack.mss(kMss);
    if (syn_ack.s.window == 0) syn_ack.window(65535);
    t.receive(syn_ack.syn().seq(kPeerSeq - 1).ack(1));
    t.discard_sent();
    t.expect_event(TcpEventKind::kEstablished);
    return t;
  }
  static TcpFixture passively_established(TcpOptions o = plain()) {
    TcpFixture t = syn_received(o);
    t.receive(t.from_peer());
    t.expect_event(TcpEventKind::kEstablished);
    return t;
  }
  static TcpFixture syn_received(TcpOptions o = plain()) {
    TcpFixture t(o);
    t.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).mss(kMss).window(65535));
    t.expect_event(TcpEventKind::kSyn);
    t.engine->accept_syn(t.now, t.id, kPod);
    t.syn = t.next_sent();
    t.iss = t.syn.s.seq.raw();
    return t;
  }
  static TcpFixture close_wait(TcpOptions o = plain()) {
    TcpFixture t = established(o);
    t.receive(t.from_peer().fin());
    t.discard_sent();
    t.discard_events();
    return t;
  }
  static TcpFixture fin_wait_1(TcpOptions o = plain()) {
    TcpFixture t = established(o);
    t.engine->shutdown_send(t.now, t.id);
    t.discard_sent();
    return t;
  }
  static TcpFixture fin_wait_2(TcpOptions o = plain()) {
    TcpFixture t = fin_wait_1(o);
    t.receive(t.from_peer().ack(2));
    return t;
  }
  static TcpFixture time_wait(TcpOptions o = plain()) {
    TcpFixture t = fin_wait_2(o);
    t.receive(t.from_peer().ack(2).fin());
    t.discard_sent();
    return t;
  }

  // ---- segments
  // Next in order, acknowledging everything of the handshake. In ack() and sack(), 1 is our first byte.
  SegmentBuilder from_peer() const { return SegmentBuilder().seq(kPeerSeq).ack(1).window(65535); }
  // In seq(), 1 is our first byte; ack() is absolute.
  SegmentBuilder to_peer() const { return SegmentBuilder().flag(kAck); }

  void receive(SegmentBuilder b) { receive_on(flow, std::move(b)); }
  void receive_on(const FlowKey& key, SegmentBuilder b) {
    if (b.s.is(kAck)) b.s.ack = b.s.ack + iss;
    for (std::size_t i = 0; i < b.s.sack_count; ++i) {
      b.s.sack[i] = {b.s.sack[i].left + iss, b.s.sack[i].right + iss};
    }
    FlowKey mirrored{key.interface, key.remote, key.local};
    Packet packet;
    ASSERT_TRUE(build_headers(mirrored, b.s, static_cast<std::uint32_t>(b.data.size()), *peer_pool, &packet));
    packet.offload = {};
    packet.offload.checksum_verified = true;
    packet.bytes.append(ByteChain::copy_of(as_bytes(b.data), *peer_pool));
    TcpArrival arrival{key, Interception::kInbound, kPod, static_cast<std::uint16_t>(ip_header_size(key))};
    if (b.marked) arrival.ecn = Ecn::kCe;
    engine->input(now, std::move(packet), arrival);
  }
  bool poll_sent(SentSegment* sent) {
    Packet packet;
    if (!engine->poll_output(now, &packet)) return false;
    std::string flat(packet.bytes.size(), '\0');
    packet.bytes.copy_to(0, {reinterpret_cast<std::uint8_t*>(flat.data()), flat.size()});
    const std::uint32_t ip = packet.offload.checksum_start;
    EXPECT_TRUE(parse_tcp(as_bytes(flat).subspan(ip), &sent->s));
    sent->data = flat.substr(ip + sent->s.header_size);
    sent->offload = packet.offload;
    sent->ecn = static_cast<Ecn>(flat[1] & 3);
    return true;
  }
  SentSegment next_sent() {
    SentSegment sent;
    EXPECT_TRUE(poll_sent(&sent)) << "nothing was sent";
    return sent;
  }
  void discard_sent() {
    for (SentSegment sent; poll_sent(&sent);) sent = {};
  }
  std::size_t count_sent() {
    std::size_t n = 0;
    for (SentSegment sent; poll_sent(&sent); ++n) sent = {};
    return n;
  }
  // The next segment is this one: flags (PSH aside) and data, and whatever was named.
  SentSegment expect_sent(const SegmentBuilder& want) {
    SentSegment sent;
    if (!poll_sent(&sent)) {
      ADD_FAILURE() << "nothing was sent";
      return sent;
    }
    EXPECT_EQ(sent.s.flags & ~kPsh, want.s.flags & ~kPsh);
    EXPECT_EQ(sent.data, want.data);
    if (want.expected_seq) { EXPECT_EQ(sent.s.seq.raw() - iss, *want.expected_seq); }
    if (want.expected_ack) { EXPECT_EQ(sent.s.ack.raw(), *want.expected_ack); }
    if (want.expected_window) { EXPECT_EQ(sent.s.window, *want.expected_window); }
    return sent;
  }
  void expect_silent() {
    SentSegment sent;
    EXPECT_FALSE(poll_sent(&sent)) << "sent flags " << int{sent.s.flags} << ", " << sent.data.size() << " bytes";
  }
  // Nothing is sent for this long, timers running.
  void expect_silent_for(Duration d) {
    const Time end = now + d;
    while (engine->deadline() <= end) {
      now = engine->deadline();
      engine->on_timer(now);
      expect_silent();
    }
    now = end;
    engine->on_timer(now);
    expect_silent();
  }
  void advance(Duration d) {
    now = now + d;
    engine->on_timer(now);
  }
  // To the next deadline; returns how far that was.
  Duration run_next_timer() {
    const Duration d = engine->deadline() - now;
    now = engine->deadline();
    engine->on_timer(now);
    return d;
  }

  // ---- the owner's side
  void send(std::string_view text) { engine->send(now, id, ByteChain::copy_of(as_bytes(text), *pool)); }
  std::string read(std::size_t max = SIZE_MAX) {
    ByteChain bytes = engine->receive(now, id, max);
    std::string flat(bytes.size(), '\0');
    bytes.copy_to(0, {reinterpret_cast<std::uint8_t*>(flat.data()), flat.size()});
    return flat;
  }
  template <typename Change>
  void change(Change&& change) {
    TcpSettings settings = engine->settings(id);
    change(settings);
    engine->set_settings(now, id, settings);
  }
  TcpState state() const { return engine->info(id).state; }
  TcpEvent expect_event(TcpEventKind kind) {
    TcpEvent event;
    if (!engine->poll_event(&event)) {
      ADD_FAILURE() << "no event";
      return event;
    }
    EXPECT_EQ(static_cast<int>(event.kind), static_cast<int>(kind));
    if (!id) id = event.id;
    return event;
  }
  void expect_closed(CloseReason reason) {
    EXPECT_EQ(to_string(expect_event(TcpEventKind::kClosed).reason), to_string(reason));
  }
  void discard_events() {
    for (TcpEvent event; engine->poll_event(&event);) {}
  }
  const TcpStats& stats() const { return engine->stats(); }

  FlowKey flow{kWire, {IpAddress::v4(10, 0, 0, 1), 4000}, {IpAddress::v4(10, 0, 0, 2), 80}};
  Time now = Time::from_ns(5'000'000'000'000);
  std::uint32_t iss = 0;
  SentSegment syn;
  ConnectionId id;
  // Held by pointer: the engine refers to them.
  std::unique_ptr<HeapBufferPool> headers = std::make_unique<HeapBufferPool>(256);
  std::unique_ptr<HeapBufferPool> pool = std::make_unique<HeapBufferPool>(2304);
  std::unique_ptr<HeapBufferPool> peer_pool = std::make_unique<HeapBufferPool>(2304);
  std::unique_ptr<TcpEngine> engine;

 private:
  void restart(const TcpOptions& options) {
    engine = std::make_unique<TcpEngine>(options, *headers, Random(42));
    engine->set_interface(kWire, {1500, 65535, true});
  }
};

}  // namespace weft::net
