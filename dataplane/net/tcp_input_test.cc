// RFC 9293, 3.10.7.4 in ESTABLISHED, with RFC 5961 and 7323 where they change it; ICMP errors.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

// ---- sequence

TEST(TcpInput, OldSegmentIsAnsweredWithAckAndDropped) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().seq(kPeerSeq - 100).bytes(std::string(50, 'x')));
  tcp.expect_sent(tcp.to_peer().seq(1).ack(kPeerSeq));
  EXPECT_EQ(tcp.engine->readable(tcp.id), 0u);
}

TEST(TcpInput, SegmentBeyondTheWindowIsAnsweredWithAckAndDropped) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 70'000).bytes("x"));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq));
  EXPECT_EQ(tcp.stats().drop_out_of_window, 1u);
}

TEST(TcpInput, PartlyOldSegmentDeliversOnlyWhatIsNew) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().bytes("abc"));
  tcp.receive(tcp.from_peer().bytes("abcdef"));
  EXPECT_EQ(tcp.read(), "abcdef");
}

TEST(TcpInput, SegmentIsCutAtTheRightEdge) {
  TcpOptions options = TcpFixture::plain();
  options.receive_buffer_initial = options.receive_buffer_max = 10;
  TcpFixture tcp = TcpFixture::established(options);
  tcp.receive(tcp.from_peer().bytes("0123456789abcdef").fin());
  EXPECT_EQ(tcp.read(), "0123456789");
  EXPECT_EQ(tcp.state(), TcpState::kEstablished);
}

TEST(TcpInput, OutOfOrderIsKeptAndAnsweredAtOnce) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 3).bytes("def"));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq));
  EXPECT_EQ(tcp.engine->readable(tcp.id), 0u);
  tcp.receive(tcp.from_peer().bytes("abc"));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 6));
  EXPECT_EQ(tcp.read(), "abcdef");
}

TEST(TcpInput, FinBehindAHoleWaitsForIt) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 3).bytes("def").fin());
  EXPECT_EQ(tcp.state(), TcpState::kEstablished);
  tcp.receive(tcp.from_peer().bytes("abc"));
  EXPECT_EQ(tcp.state(), TcpState::kCloseWait);
  EXPECT_EQ(tcp.read(), "abcdef");
}

TEST(TcpInput, UrgentDataStaysInLine) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().flag(kUrg).bytes("urgent"));
  EXPECT_EQ(tcp.read(), "urgent");
}

TEST(TcpInput, SegmentWithoutAckIsDropped) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().no_ack().bytes("x"));
  EXPECT_EQ(tcp.engine->readable(tcp.id), 0u);
  EXPECT_EQ(tcp.stats().drop_no_ack, 1u);
}

TEST(TcpInput, KeepaliveProbeIsAnswered) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().seq(kPeerSeq - 1));
  tcp.expect_sent(tcp.to_peer().seq(1).ack(kPeerSeq));
}

// ---- RFC 5961

TEST(Tcp5961, ResetAtRcvNxtEnds) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().rst());
  tcp.expect_closed(CloseReason::kResetByPeer);
  tcp.expect_silent();
}

TEST(Tcp5961, ResetElsewhereInTheWindowIsChallenged) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 5).rst());
  tcp.expect_sent(tcp.to_peer().seq(1).ack(kPeerSeq));
  EXPECT_EQ(tcp.state(), TcpState::kEstablished);
}

TEST(Tcp5961, ResetOutsideTheWindowIsSilentlyDropped) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 100'000).rst());
  tcp.expect_silent();
}

TEST(Tcp5961, SynIsChallenged) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq + 9));
  tcp.expect_sent(tcp.to_peer().seq(1).ack(kPeerSeq));
  EXPECT_EQ(tcp.state(), TcpState::kEstablished);
}

TEST(Tcp5961, AckOfWhatWasNeverSentIsChallengedAndItsDataDropped) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().ack(1000).bytes("x"));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq));
  EXPECT_EQ(tcp.engine->readable(tcp.id), 0u);
}

// ---- RFC 7323

TEST(Tcp7323, PawsDropsAndAcknowledgesAnOldTimestamp) {
  TcpFixture tcp = TcpFixture::established(TcpOptions{}, with_stamps());
  tcp.receive(tcp.from_peer().stamps(499, 0).bytes("old"));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq));
  EXPECT_EQ(tcp.engine->readable(tcp.id), 0u);
  EXPECT_EQ(tcp.stats().drop_paws, 1u);
  tcp.receive(tcp.from_peer().stamps(501, 0).bytes("new"));
  EXPECT_EQ(tcp.read(), "new");
}

TEST(Tcp7323, EchoesTheTimestampOfTheSegmentThatAdvanced) {
  TcpFixture tcp = TcpFixture::established(TcpOptions{}, with_stamps());
  tcp.receive(tcp.from_peer().stamps(600, 0).bytes("a"));
  EXPECT_EQ(tcp.next_sent().s.tsecr, 600u);
}

TEST(Tcp7323, SegmentWithoutTheAgreedTimestampIsDropped) {
  TcpFixture tcp = TcpFixture::established(TcpOptions{}, with_stamps());
  tcp.receive(tcp.from_peer().bytes("x"));
  EXPECT_EQ(tcp.engine->readable(tcp.id), 0u);
  tcp.receive(tcp.from_peer().rst());  // but a RST needs none
  EXPECT_EQ(tcp.engine->info(tcp.id).reason, CloseReason::kResetByPeer);
}

TEST(Tcp7323, PeersWindowIsScaled) {
  TcpFixture tcp = TcpFixture::established(TcpOptions{}, with_stamps());
  tcp.receive(tcp.from_peer().stamps(501, 0).window(100));
  EXPECT_EQ(tcp.engine->info(tcp.id).send_window, 12'800u);
}

// ---- ICMP and the pod's end

TEST(TcpIcmp, HardErrorEndsOnlyAnAttempt) {
  TcpFixture opening = TcpFixture::syn_sent();
  opening.engine->on_icmp_error(opening.now, opening.flow, {IcmpErrorKind::kHard, opening.iss, 0});
  opening.expect_closed(CloseReason::kUnreachable);
  TcpFixture open = TcpFixture::established();
  open.send("x");
  open.discard_sent();
  open.engine->on_icmp_error(open.now, open.flow, {IcmpErrorKind::kHard, open.iss + 1, 0});
  EXPECT_EQ(open.state(), TcpState::kEstablished);
}

TEST(TcpIcmp, PacketTooBigLowersTheSegmentsAndSendsAgain) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send(std::string(2 * kMss, 'x'));
  tcp.discard_sent();
  tcp.engine->on_icmp_error(tcp.now, tcp.flow, {IcmpErrorKind::kPacketTooBig, tcp.iss + 1, 1240});
  const auto sent = tcp.expect_sent(tcp.to_peer().seq(1).bytes(std::string(2 * kMss, 'x')));
  EXPECT_EQ(sent.offload.gso_size, 1200);
}

TEST(TcpIcmp, ErrorAboutNothingInFlightIsIgnored) {
  TcpFixture tcp = TcpFixture::established();
  tcp.engine->on_icmp_error(tcp.now, tcp.flow, {IcmpErrorKind::kPacketTooBig, tcp.iss + 1, 600});
  EXPECT_EQ(tcp.engine->info(tcp.id).mss, kMss);
  EXPECT_EQ(tcp.stats().icmp_ignored, 1u);
}

TEST(TcpAbortAllOf, ResetsAndReports) {
  TcpFixture tcp = TcpFixture::established();
  tcp.engine->abort_all_of(tcp.now, kPod + 1);
  tcp.expect_silent();
  tcp.engine->abort_all_of(tcp.now, kPod);
  tcp.expect_sent(SegmentBuilder().rst().flag(kAck).seq(1));
  tcp.expect_closed(CloseReason::kAborted);
}

}  // namespace
}  // namespace weft::net
