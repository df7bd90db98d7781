// SYN cookies: a handshake that nobody remembers (RFC 4987, 3.6).
#include "dataplane/net/tcp_syn_cookies.h"

#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

TcpOptions one_syn_at_a_time() {
  TcpOptions options;  // with all extensions
  options.syn_queue_per_pod = 1;
  return options;
}

SegmentBuilder syn() {
  return SegmentBuilder().syn().seq(kPeerSeq - 1).window(65535).mss(1400).sack_ok().stamps(500, 0).scale(7);
}

// A fixture whose SYN queue is full, and the cookie that the next SYN got.
struct Flooded {
  TcpFixture tcp{one_syn_at_a_time()};
  SentSegment answer;
  explicit Flooded(const SegmentBuilder& with = syn()) {
    FlowKey other = tcp.flow;
    other.remote.port = 1;
    tcp.receive_on(other, syn());
    tcp.discard_events();
    tcp.receive(with);
    answer = tcp.next_sent();
    tcp.iss = answer.s.seq.raw();
  }
  SegmentBuilder ack() {
    SegmentBuilder built = SegmentBuilder().seq(kPeerSeq).ack(1).window(100);
    if (answer.s.has_timestamps) built.stamps(501, answer.s.tsval);
    return built;
  }
};

TEST(TcpSynCookies, FullQueueAnswersAndKeepsNothing) {
  Flooded f;
  EXPECT_EQ(f.answer.s.flags, kSyn | kAck);
  EXPECT_EQ(f.answer.s.ack, Seq(kPeerSeq));
  EXPECT_TRUE(f.answer.s.sack_permitted);
  EXPECT_NE(f.answer.s.window_scale, kNoWindowScale);
  EXPECT_EQ(f.tcp.engine->connections(), 1u);
  EXPECT_EQ(f.tcp.stats().syn_cookies_sent, 1u);
}

TEST(TcpSynCookies, AckOfACookieIsDecidedByTheOwnerAndKeepsTheOptions) {
  Flooded f;
  f.tcp.receive(f.ack());
  f.tcp.expect_event(TcpEventKind::kSyn);
  f.tcp.engine->accept_syn(f.tcp.now, f.tcp.id, kPod);
  f.tcp.expect_event(TcpEventKind::kEstablished);
  const TcpInfo info = f.tcp.engine->info(f.tcp.id);
  EXPECT_EQ(info.state, TcpState::kEstablished);
  EXPECT_EQ(info.mss, 1360u - kTimestampsSize);
  EXPECT_EQ(info.send_window, 100u << 7);
  f.tcp.receive(f.ack().bytes("hello"));
  EXPECT_EQ(f.tcp.read(), "hello");
}

TEST(TcpSynCookies, RefusalAfterACookieIsAReset) {
  Flooded f;
  f.tcp.receive(f.ack());
  f.tcp.expect_event(TcpEventKind::kSyn);
  f.tcp.engine->refuse_syn(f.tcp.now, f.tcp.id);
  const SentSegment reset = f.tcp.next_sent();
  EXPECT_TRUE(reset.s.is(kRst));
  EXPECT_EQ(reset.s.seq, f.answer.s.seq + 1);
}

TEST(TcpSynCookies, WithoutTimestampsTheOtherOptionsAreGivenUp) {
  Flooded f(SegmentBuilder().syn().seq(kPeerSeq - 1).window(65535).mss(1460).sack_ok().scale(7));
  EXPECT_FALSE(f.answer.s.sack_permitted);
  EXPECT_EQ(f.answer.s.window_scale, kNoWindowScale);
  f.tcp.receive(f.ack());
  f.tcp.expect_event(TcpEventKind::kSyn);
  f.tcp.engine->accept_syn(f.tcp.now, f.tcp.id, kPod);
  EXPECT_EQ(f.tcp.engine->info(f.tcp.id).send_window, 100u);
}

TEST(TcpSynCookies, GuessedAndStaleOnesAreReset) {
  for (const bool stale : {false, true}) {
    Flooded f;
    SegmentBuilder ack = f.ack();
    if (stale) {
      f.tcp.now = f.tcp.now + TcpSynCookies::kStep * 3;
    } else {
      ack.ack(2);
    }
    f.tcp.receive(ack);
    EXPECT_TRUE(f.tcp.next_sent().s.is(kRst));
    EXPECT_EQ(f.tcp.stats().syn_cookies_received, 0u);
  }
}

TEST(TcpSynCookies, StampNeverRunsAhead) {
  TcpSegment syn;
  syn.sack_permitted = true;
  syn.window_scale = 9;
  for (std::uint32_t tsval = 1000; tsval < 1100; ++tsval) {
    const std::uint32_t stamp = TcpSynCookies::stamp(tsval, syn);
    EXPECT_LE(stamp, tsval);
    EXPECT_GT(stamp + 33, tsval);
    EXPECT_EQ(stamp & 31u, 9u << 1 | 1u);
  }
}

TEST(TcpSynCookies, NoneIsBelievedWhileNoneIsOut) {
  TcpFixture tcp{one_syn_at_a_time()};
  tcp.receive(SegmentBuilder().seq(kPeerSeq).ack(1));
  EXPECT_TRUE(tcp.next_sent().s.is(kRst));
  EXPECT_EQ(tcp.stats().syn_cookies_failed, 0u);
}

}  // namespace
}  // namespace weft::net
