// FIN and the closing states, TIME-WAIT; what the owner is told: only when all text has arrived, nothing.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

// ---- FIN and the closing states

TEST(TcpFin, InEstablishedIsAckedAndMovesToCloseWait) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().bytes("end").fin());
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 4));
  EXPECT_EQ(tcp.state(), TcpState::kCloseWait);
  tcp.expect_event(TcpEventKind::kReadable);
  tcp.expect_event(TcpEventKind::kPeerClosed);
  EXPECT_EQ(tcp.read(), "end");
  tcp.expect_silent_for(Duration::seconds(60));
}

TEST(TcpFin, CloseWaitStillSends) {
  TcpFixture tcp = TcpFixture::close_wait();
  tcp.send("bye");
  tcp.expect_sent(tcp.to_peer().seq(1).ack(kPeerSeq + 1).bytes("bye"));
  tcp.engine->shutdown_send(tcp.now, tcp.id);
  tcp.expect_sent(tcp.to_peer().seq(4).fin());
  EXPECT_EQ(tcp.state(), TcpState::kLastAck);
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).ack(5));
  tcp.expect_closed(CloseReason::kOrderly);
  EXPECT_EQ(tcp.engine->time_wait_entries(), 0u);
}

TEST(TcpFin, RetransmittedFinIsAckedAgain) {
  TcpFixture tcp = TcpFixture::close_wait();
  tcp.receive(tcp.from_peer().fin());
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 1));
}

TEST(TcpFin, HalfCloseStillReceives) {
  TcpFixture tcp = TcpFixture::fin_wait_2();
  EXPECT_EQ(tcp.state(), TcpState::kFinWait2);
  tcp.receive(tcp.from_peer().ack(2).bytes("more"));
  EXPECT_EQ(tcp.read(), "more");
  tcp.advance(Duration::seconds(3600));
  EXPECT_EQ(tcp.state(), TcpState::kFinWait2);
}

TEST(TcpFin, OrphanInFinWait2TimesOut) {
  TcpFixture tcp = TcpFixture::fin_wait_2();
  tcp.engine->close(tcp.now, tcp.id);
  EXPECT_EQ(tcp.engine->connections(), 1u);
  EXPECT_EQ(tcp.run_next_timer().ms(), 60'000);
  EXPECT_EQ(tcp.engine->connections(), 0u);
}

TEST(TcpFin, DataForAnOrphanGetsReset) {
  TcpFixture tcp = TcpFixture::fin_wait_2();
  tcp.engine->close(tcp.now, tcp.id);
  tcp.receive(tcp.from_peer().ack(2).bytes("late"));
  tcp.expect_sent(SegmentBuilder().rst().seq(2));
  EXPECT_EQ(tcp.engine->connections(), 0u);
}

TEST(TcpFin, CloseWithUnreadBytesResets) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().bytes("unread"));
  tcp.engine->close(tcp.now, tcp.id);
  tcp.expect_sent(SegmentBuilder().rst().flag(kAck).seq(1));
}

TEST(TcpFin, SimultaneousClose) {
  TcpFixture tcp = TcpFixture::fin_wait_1();
  tcp.receive(tcp.from_peer().fin());
  EXPECT_EQ(tcp.state(), TcpState::kClosing);
  tcp.expect_sent(tcp.to_peer().seq(2).ack(kPeerSeq + 1));
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).ack(2));
  EXPECT_EQ(tcp.state(), TcpState::kTimeWait);
  EXPECT_EQ(tcp.engine->time_wait_entries(), 1u);
}

TEST(TcpFin, FinThatAcksOursGoesStraightToTimeWait) {
  TcpFixture tcp = TcpFixture::fin_wait_1();
  tcp.receive(tcp.from_peer().ack(2).fin());
  tcp.expect_sent(tcp.to_peer().seq(2).ack(kPeerSeq + 1));
  EXPECT_EQ(tcp.state(), TcpState::kTimeWait);
  tcp.expect_event(TcpEventKind::kPeerClosed);
  tcp.expect_closed(CloseReason::kOrderly);
}

TEST(TcpFin, AbortResets) {
  TcpFixture tcp = TcpFixture::established();
  tcp.engine->abort(tcp.now, tcp.id);
  tcp.expect_sent(SegmentBuilder().rst().flag(kAck).seq(1).ack(kPeerSeq));
  EXPECT_EQ(tcp.engine->connections(), 0u);
  EXPECT_FALSE(tcp.engine->exists(tcp.id));
}

// ---- TIME-WAIT

TEST(TcpTimeWait, LastsItsTime) {
  TcpFixture tcp = TcpFixture::time_wait();
  EXPECT_EQ(tcp.run_next_timer().ms(), 60'000);
  EXPECT_EQ(tcp.engine->time_wait_entries(), 0u);
}

TEST(TcpTimeWait, FinAgainIsAckedAndRestartsTheTimer) {
  TcpFixture tcp = TcpFixture::time_wait();
  tcp.advance(Duration::seconds(30));
  tcp.receive(tcp.from_peer().ack(2).fin());
  tcp.expect_sent(tcp.to_peer().seq(2).ack(kPeerSeq + 1));
  EXPECT_EQ((tcp.engine->deadline() - tcp.now).ms(), 60'000);
}

TEST(TcpTimeWait, ResetDoesNotEndIt) {
  TcpFixture tcp = TcpFixture::time_wait();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).rst());
  EXPECT_EQ(tcp.engine->time_wait_entries(), 1u);
}

TEST(TcpTimeWait, SynAboveTheOldNumbersOpensAnew) {
  TcpFixture tcp = TcpFixture::time_wait();
  tcp.engine->close(tcp.now, tcp.id);
  tcp.discard_events();
  tcp.id = {};
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq + 1000).window(100));
  tcp.expect_event(TcpEventKind::kSyn);
  EXPECT_EQ(tcp.engine->time_wait_entries(), 0u);
  tcp.engine->accept_syn(tcp.now, tcp.id, kPod);
  EXPECT_GE(tcp.next_sent().s.seq.raw() - tcp.iss, 65'536u);
}

TEST(TcpTimeWait, OldSynIsOnlyAcknowledged) {
  TcpFixture tcp = TcpFixture::time_wait();
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 5));
  tcp.expect_sent(tcp.to_peer().seq(2).ack(kPeerSeq + 1));
  EXPECT_EQ(tcp.engine->time_wait_entries(), 1u);
}

// Not while the peer may still be in LAST-ACK, waiting for our ACK of its FIN.
TEST(TcpTimeWait, ActiveOpenTakesTheTupleAgainASecondAfterThePeersFin) {
  TcpFixture tcp = TcpFixture::established(TcpOptions{}, with_stamps());
  tcp.engine->close(tcp.now, tcp.id);
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().stamps(501, 0).ack(2).fin());
  tcp.discard_sent();
  ASSERT_EQ(tcp.engine->time_wait_entries(), 1u);
  ConnectRequest request;
  request.key = tcp.flow;
  tcp.advance(Duration::milliseconds(999));
  EXPECT_EQ(tcp.engine->connect(tcp.now, request).error(), ConnectError::kInUse);
  tcp.receive(tcp.from_peer().stamps(1500, 0).ack(2).fin());
  tcp.discard_sent();
  tcp.advance(Duration::milliseconds(999));
  EXPECT_EQ(tcp.engine->connect(tcp.now, request).error(), ConnectError::kInUse);
  tcp.advance(Duration::milliseconds(1));
  ASSERT_TRUE(tcp.engine->connect(tcp.now, request).has_value());
  const SentSegment syn = tcp.next_sent();
  EXPECT_GT(static_cast<std::int32_t>(syn.s.seq.raw() - tcp.iss), 2);
  EXPECT_GT(static_cast<std::int32_t>(syn.s.tsval - tcp.syn.s.tsval), 0);
}

// ---- a reset at the end

TEST(TcpEnd, ResetInLastAckWithTextInFlightIsAnError) {
  TcpFixture tcp = TcpFixture::close_wait();
  tcp.send("abc");
  tcp.engine->shutdown_send(tcp.now, tcp.id);
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).rst());
  tcp.expect_closed(CloseReason::kResetByPeer);
}

TEST(TcpEnd, ResetInLastAckWithTextNotYetSentIsAnError) {
  TcpFixture tcp = TcpFixture::close_wait();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).window(0));
  tcp.send("abc");
  tcp.engine->shutdown_send(tcp.now, tcp.id);
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).rst());
  tcp.expect_closed(CloseReason::kResetByPeer);
}

TEST(TcpEnd, ResetInClosingWithTextInFlightIsAnError) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send("abc");
  tcp.engine->shutdown_send(tcp.now, tcp.id);
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().fin());
  tcp.discard_events();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).rst());
  tcp.expect_closed(CloseReason::kResetByPeer);
}

TEST(TcpEnd, ResetInLastAckWhenOnlyTheFinIsOutIsTheEnd) {
  TcpFixture tcp = TcpFixture::close_wait();
  tcp.send("abc");
  tcp.discard_sent();
  tcp.engine->shutdown_send(tcp.now, tcp.id);
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).ack(4));
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).rst());
  tcp.expect_closed(CloseReason::kOrderly);
}

TEST(TcpEnd, TextOfASynWhoseOwnerHasGoneIsReset) {
  TcpFixture tcp(TcpFixture::plain());
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).mss(kMss).window(65535).bytes("early"));
  tcp.expect_event(TcpEventKind::kSyn);
  tcp.engine->accept_syn(tcp.now, tcp.id, kPod);
  tcp.iss = tcp.next_sent().s.seq.raw();
  tcp.engine->close(tcp.now, tcp.id);
  tcp.receive(tcp.from_peer());
  EXPECT_TRUE(tcp.next_sent().s.is(kRst));
  EXPECT_EQ(tcp.engine->connections(), 0u);
  EXPECT_EQ(tcp.engine->account_memory(kPod), 0u);
}

}  // namespace
}  // namespace weft::net
