// Explicit congestion notification: who asks, what is marked, who answers.
#include "dataplane/net/ip.h"
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

std::string text(std::size_t n) { return std::string(n, 'x'); }

TcpOptions mode(EcnMode ecn) {
  TcpOptions options = TcpFixture::plain();
  options.ecn = ecn;
  return options;
}

// Both sides agreed.
TcpFixture with_ecn() {
  return TcpFixture::established(mode(EcnMode::kAlways), SegmentBuilder().flag(kEce));
}

std::uint8_t ecn_flags(const SentSegment& sent) { return sent.s.flags & (kEce | kCwr); }

TcpFixture asked(EcnMode ecn) {
  TcpFixture tcp(mode(ecn));
  tcp.receive(SegmentBuilder().syn().flag(kEce | kCwr).seq(kPeerSeq - 1).mss(kMss).window(65535));
  tcp.expect_event(TcpEventKind::kSyn);
  tcp.engine->accept_syn(tcp.now, tcp.id, kPod);
  tcp.syn = tcp.next_sent();
  tcp.iss = tcp.syn.s.seq.raw();
  return tcp;
}

TEST(TcpEcn, IsGrantedToAPeerThatAsks) {
  EXPECT_EQ(ecn_flags(asked(EcnMode::kWhenAsked).syn), kEce);
  EXPECT_EQ(ecn_flags(asked(EcnMode::kAlways).syn), kEce);
  EXPECT_EQ(ecn_flags(asked(EcnMode::kOff).syn), 0);
  EXPECT_EQ(ecn_flags(TcpFixture::syn_received(mode(EcnMode::kAlways)).syn), 0);
}

TEST(TcpEcn, IsAskedForOnlyWhenToldTo) {
  EXPECT_EQ(ecn_flags(TcpFixture::syn_sent(mode(EcnMode::kAlways)).syn), kEce | kCwr);
  EXPECT_EQ(ecn_flags(TcpFixture::syn_sent(mode(EcnMode::kWhenAsked)).syn), 0);
}

TEST(TcpEcn, SynThatIsSentAgainDoesNotAsk) {
  TcpFixture tcp = TcpFixture::syn_sent(mode(EcnMode::kAlways));
  tcp.run_next_timer();
  EXPECT_EQ(ecn_flags(tcp.next_sent()), 0);
}

TEST(TcpEcn, OnlyNewDataIsEct) {
  TcpFixture tcp = with_ecn();
  tcp.send(text(100));
  EXPECT_EQ(tcp.next_sent().ecn, Ecn::kEct0);
  tcp.run_next_timer();
  EXPECT_EQ(tcp.next_sent().ecn, Ecn::kNotEct);  // retransmission
  tcp.receive(tcp.from_peer().ack(101).bytes(text(100)));
  tcp.run_next_timer();
  EXPECT_EQ(tcp.next_sent().ecn, Ecn::kNotEct);  // ACK
  EXPECT_EQ(tcp.syn.ecn, Ecn::kNotEct);
}

TEST(TcpEcn, CodepointStandsWhereTheIpLayerReadsIt) {
  HeapBufferPool pool(256);
  for (const char* address : {"10.0.0.1", "fd00::1"}) {
    const Endpoint end{*IpAddress::parse(address), 80};
    TcpSegment segment;
    segment.ect = true;
    Packet packet;
    ASSERT_TRUE(build_headers({1, end, end}, segment, 0, pool, &packet));
    EXPECT_EQ(parse_ip(packet.bytes.front().bytes(), packet.bytes.size())->ecn, 2);
  }
}

TEST(TcpEcn, WindowProbeIsNotEct) {
  TcpFixture tcp = with_ecn();
  tcp.receive(tcp.from_peer().window(10));
  tcp.send(text(100));
  tcp.expect_silent();
  tcp.run_next_timer();
  EXPECT_EQ(tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(10))).ecn, Ecn::kNotEct);
}

TEST(TcpEcn, WithoutAgreementNothingIsEct) {
  TcpFixture tcp = TcpFixture::established(mode(EcnMode::kAlways));
  tcp.send(text(100));
  EXPECT_EQ(tcp.next_sent().ecn, Ecn::kNotEct);
}

TEST(TcpEcn, MarkIsEchoedUntilThePeerSaysCwr) {
  TcpFixture tcp = with_ecn();
  tcp.receive(tcp.from_peer().bytes(text(100)).congested());
  EXPECT_EQ(ecn_flags(tcp.next_sent()), kEce);  // at once
  tcp.send("x");
  EXPECT_EQ(ecn_flags(tcp.next_sent()), kEce);
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 100).flag(kCwr).bytes(text(100)));
  tcp.send("x");
  EXPECT_EQ(ecn_flags(tcp.next_sent()), 0);
  EXPECT_EQ(tcp.stats().ecn_ce_in, 1u);
}

TEST(TcpEcn, EchoReducesTheWindowOnceAWindowAndIsAnsweredByCwr) {
  TcpFixture tcp = with_ecn();
  tcp.send(text(10 * kMss));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(1 + 2 * kMss).flag(kEce));
  tcp.receive(tcp.from_peer().ack(1 + 4 * kMss).flag(kEce));
  EXPECT_EQ(tcp.stats().ecn_reductions, 1u);
  EXPECT_EQ(tcp.engine->info(tcp.id).cwnd, 5 * kMss);
  tcp.receive(tcp.from_peer().ack(1 + 10 * kMss).flag(kEce));
  tcp.send(text(3 * kMss));
  const SentSegment sent = tcp.expect_sent(tcp.to_peer().flag(kCwr).bytes(text(kMss)));  // no super-segment
  EXPECT_EQ(sent.ecn, Ecn::kEct0);
  EXPECT_EQ(ecn_flags(tcp.next_sent()), 0);
  EXPECT_EQ(tcp.stats().ecn_reductions, 1u);
  tcp.receive(tcp.from_peer().ack(1 + 13 * kMss).flag(kEce));
  EXPECT_EQ(tcp.stats().ecn_reductions, 2u);
}

TEST(TcpEcn, LossInAWindowThatWasReducedReducesNoMore) {
  TcpFixture tcp = with_ecn();
  tcp.send(text(10 * kMss));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(1 + 2 * kMss).flag(kEce));
  for (int i = 0; i < 3; ++i) tcp.receive(tcp.from_peer().ack(1 + 2 * kMss).flag(kEce));
  EXPECT_EQ(tcp.stats().fast_recoveries, 1u);
  EXPECT_EQ(tcp.engine->info(tcp.id).ssthresh, 5 * kMss);
}

// The recovery was needless, but the mark was not: were the window given back, the next loss, taken to be of the window
// that the mark had reduced, would not reduce it either.
TEST(TcpEcn, EchoInARecoveryKeepsItFromBeingUndone) {
  TcpOptions options = mode(EcnMode::kAlways);
  options.sack = true;
  TcpFixture tcp = TcpFixture::established(options, SegmentBuilder().flag(kEce).sack_ok());
  tcp.send(text(10 * kMss));
  tcp.discard_sent();
  tcp.now = tcp.now + kRtt;
  tcp.receive(tcp.from_peer().sack(1 + kMss, 1 + 4 * kMss).flag(kEce));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(1 + 5 * kMss).flag(kEce));
  tcp.receive(tcp.from_peer().ack(1 + 10 * kMss).sack(1, 1 + kMss));  // the first was only late
  EXPECT_EQ(tcp.stats().spurious_recoveries, 0u);
  EXPECT_LT(tcp.engine->info(tcp.id).ssthresh, 10 * kMss);
}

}  // namespace
}  // namespace weft::net
