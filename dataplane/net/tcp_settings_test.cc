// What one connection does differently from the others.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

TEST(TcpSettings, DefaultsAreTheOptions) {
  TcpOptions options = TcpFixture::plain();
  options.nagle = true;
  options.user_timeout = Duration::seconds(7);
  const TcpFixture tcp(options);
  EXPECT_TRUE(tcp.engine->default_settings().nagle);
  EXPECT_EQ(tcp.engine->settings(tcp.id), tcp.engine->default_settings());
  EXPECT_EQ(tcp.engine->default_settings().user_timeout, Duration::seconds(7));
}

TEST(TcpSettings, NagleOfOneConnectionHoldsASmallWriteBackUntilItIsSwitchedOff) {
  TcpFixture tcp = TcpFixture::established();
  tcp.change([](TcpSettings& s) { s.nagle = true; });
  tcp.send("a");
  tcp.expect_sent(tcp.to_peer().bytes("a"));
  tcp.send("b");
  tcp.expect_silent();
  tcp.change([](TcpSettings& s) { s.nagle = false; });
  tcp.expect_sent(tcp.to_peer().bytes("b"));
}

TEST(TcpSettings, MaxSegmentBeforeTheSynIsWhatItAnnounces) {
  TcpFixture tcp;
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).mss(kMss).window(65535));
  tcp.expect_event(TcpEventKind::kSyn);
  tcp.change([](TcpSettings& s) { s.max_segment = 700; });
  tcp.engine->accept_syn(tcp.now, tcp.id, kPod);
  EXPECT_EQ(tcp.next_sent().s.mss, 700);
  EXPECT_EQ(tcp.engine->info(tcp.id).mss, 700u);
}

TEST(TcpSettings, MaxSegmentLaterLimitsWhatIsSent) {
  TcpFixture tcp = TcpFixture::established();
  tcp.change([](TcpSettings& s) { s.max_segment = 600; });
  tcp.send(std::string(1000, 'x'));
  EXPECT_EQ(tcp.next_sent().offload.gso_size, 600);
}

TEST(TcpSettings, QuickAcksAnswerEachSegmentAndDelayedOnesTheSecond) {
  TcpFixture tcp = TcpFixture::established();
  tcp.change([](TcpSettings& s) { s.acks = AckMode::kQuick; });
  tcp.receive(tcp.from_peer().bytes("a"));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 1));
  tcp.change([](TcpSettings& s) { s.acks = AckMode::kDelayed; });
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).bytes("b"));
  tcp.expect_silent();
  tcp.change([](TcpSettings& s) { s.acks = AckMode::kQuick; });
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 2));
}

TEST(TcpSettings, KeepaliveIsSwitchedOnInMidConnection) {
  TcpOptions options = TcpFixture::plain();
  options.keepalive_idle = {};
  TcpFixture tcp = TcpFixture::established(options);
  tcp.expect_silent_for(Duration::seconds(20));
  tcp.change([](TcpSettings& s) {
    s.keepalive = true;
    s.keepalive_idle = Duration::seconds(30);
    s.keepalive_interval = Duration::seconds(5);
    s.keepalive_probes = 1;
  });
  tcp.expect_silent_for(Duration::milliseconds(9'980));
  tcp.run_next_timer();
  tcp.expect_sent(tcp.to_peer().seq(0));
  EXPECT_EQ(tcp.run_next_timer(), Duration::seconds(5));
  tcp.expect_closed(CloseReason::kKeepaliveTimedOut);
}

TEST(TcpSettings, UserTimeoutTakesThePlaceOfTheNumberOfKeepaliveProbes) {
  TcpFixture tcp = TcpFixture::established();
  tcp.change([](TcpSettings& s) {
    s.keepalive = true;
    s.keepalive_idle = Duration::seconds(10);
    s.keepalive_interval = Duration::seconds(10);
    s.keepalive_probes = 1;
    s.user_timeout = Duration::seconds(35);
  });
  const Time start = tcp.now;
  while (tcp.engine->info(tcp.id).reason == CloseReason::kNone) tcp.run_next_timer();
  EXPECT_EQ((tcp.now - start).ms() / 1000, 40);
}

TEST(TcpSettings, BuffersOfOneConnectionHaveTheirOwnLimits) {
  TcpFixture tcp = TcpFixture::established();
  tcp.change([](TcpSettings& s) { s.send_buffer_max = 3000, s.receive_buffer_max = 2000; });
  EXPECT_EQ(tcp.engine->send_space(tcp.id), 3000u);
  EXPECT_EQ(tcp.engine->info(tcp.id).receive_buffer, 2000u);
}

TEST(TcpSettings, PeekingLeavesTheBytesWhereTheyAre) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().bytes("hello"));
  std::string seen(4, '.');
  tcp.engine->peek(tcp.id, {reinterpret_cast<std::uint8_t*>(seen.data()), seen.size()});
  EXPECT_EQ(seen, "hell");
  EXPECT_EQ(tcp.read(), "hello");
}

TEST(TcpSettings, OptionsMayChangeWhileConnectionsAreOpen) {
  TcpFixture tcp = TcpFixture::established();
  TcpOptions options = tcp.engine->options();
  options.sack = options.timestamps = true;
  options.window_shift = 3;
  options.window_scale = true;
  tcp.engine->set_options(options);
  ConnectRequest request;
  request.key = tcp.flow;
  request.key.local.port = 4001;
  ASSERT_TRUE(tcp.engine->connect(tcp.now, request));
  const SentSegment syn = tcp.next_sent();
  EXPECT_TRUE(syn.s.has_timestamps && syn.s.sack_permitted);
  EXPECT_EQ(syn.s.window_scale, 3);
  EXPECT_FALSE(tcp.engine->info(tcp.id).sack);
}

TEST(TcpSettings, KeepaliveWithoutAnyIntervalStillLetsTimePass) {
  TcpFixture tcp = TcpFixture::established();
  tcp.change([](TcpSettings& s) {
    s.keepalive = true;
    s.keepalive_idle = s.keepalive_interval = Duration();
    s.keepalive_probes = 3;
  });
  for (int i = 0; i < 10 && !tcp.engine->deadline().is_never(); ++i) {
    EXPECT_GE(tcp.run_next_timer(), Duration());
    tcp.discard_sent();
  }
  tcp.expect_closed(CloseReason::kKeepaliveTimedOut);
}

TEST(TcpSettings, KeepaliveOfAMonthIsOf24Days) {
  TcpFixture tcp = TcpFixture::established();
  tcp.change([](TcpSettings& s) {
    s.keepalive = true;
    s.keepalive_idle = Duration::seconds(31 * 86'400);
  });
  EXPECT_GT(tcp.run_next_timer(), Duration::seconds(23 * 86'400));
}

TEST(TcpSettings, ANarrowerLinkMakesOpenConnectionsSendSmallerSegments) {
  TcpFixture tcp = TcpFixture::established();
  tcp.engine->set_interface(kWire, {1000, 65535, true});
  EXPECT_EQ(tcp.engine->info(tcp.id).mss, 960u);
  EXPECT_EQ(tcp.engine->info(tcp.id).path_mtu, 1000u);
}

TEST(TcpSettings, WhatIcmpSaidExplainsASilentConnect) {
  TcpFixture tcp = TcpFixture::syn_sent();
  tcp.engine->on_icmp_error(tcp.now, tcp.flow, {IcmpErrorKind::kSoft, tcp.iss, 0});
  while (tcp.engine->info(tcp.id).reason == CloseReason::kNone) tcp.run_next_timer();
  tcp.expect_closed(CloseReason::kUnreachable);
}

TEST(TcpSettings, AClosedPortRefusesAConnect) {
  TcpFixture tcp = TcpFixture::syn_sent();
  tcp.engine->on_icmp_error(tcp.now, tcp.flow, {IcmpErrorKind::kPortClosed, tcp.iss, 0});
  tcp.expect_closed(CloseReason::kRefused);
}

}  // namespace
}  // namespace weft::net
