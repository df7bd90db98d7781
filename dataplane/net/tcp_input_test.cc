// RFC 9293, 3.10.7 by state, with RFC 5961 and 7323 where they change it.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

// ---- CLOSED and LISTEN

TEST(TcpClosed, StraySegmentWithAckGetsResetAtItsAck) {
  TcpFixture tcp;
  tcp.receive(SegmentBuilder().seq(kPeerSeq).ack(777));
  const auto sent = tcp.expect_sent(SegmentBuilder().rst().seq(777));
  EXPECT_FALSE(sent.s.is(kAck));
  EXPECT_EQ(tcp.stats().drop_no_connection, 1u);
}

TEST(TcpClosed, StraySegmentWithoutAckGetsResetThatAcknowledgesIt) {
  TcpFixture tcp;
  tcp.receive(SegmentBuilder().seq(kPeerSeq).fin().bytes("abc"));
  tcp.expect_sent(SegmentBuilder().rst().flag(kAck).seq(0).ack(kPeerSeq + 4));
}

TEST(TcpClosed, StrayResetIsIgnored) {
  TcpFixture tcp;
  tcp.receive(SegmentBuilder().seq(kPeerSeq).rst());
  tcp.expect_silent();
}

TEST(TcpClosed, SynAckOfNoConnectionGetsReset) {
  TcpFixture tcp;
  tcp.receive(SegmentBuilder().syn().seq(1).ack(9));
  tcp.expect_sent(SegmentBuilder().rst().seq(9));
}

TEST(TcpClosed, TruncatedHeaderIsCounted) {
  TcpFixture tcp;
  Packet packet;
  Slice slice = Slice::allocate(*tcp.pool, 0);
  slice.append(20 + 10);
  packet.bytes.push_back(std::move(slice));
  tcp.engine->input(tcp.now, std::move(packet), {tcp.flow, Interception::kInbound, kPod, 20});
  EXPECT_EQ(tcp.stats().drop_malformed, 1u);
  tcp.expect_silent();
}

TEST(TcpListen, SynWaitsSilentlyForADecision) {
  TcpFixture tcp;
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).window(1000));
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).window(1000));
  tcp.expect_silent_for(Duration::seconds(5));
  tcp.expect_event(TcpEventKind::kSyn);
  TcpEvent none;
  EXPECT_FALSE(tcp.engine->poll_event(&none));
  EXPECT_EQ(tcp.engine->pod(tcp.id), kPod);
  EXPECT_EQ(tcp.engine->interception(tcp.id), Interception::kInbound);
  tcp.engine->accept_syn(tcp.now, tcp.id, kPod);
  tcp.expect_sent(SegmentBuilder().syn().ack(kPeerSeq));
}

TEST(TcpListen, RefusedSynGetsReset) {
  TcpFixture tcp;
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1));
  tcp.expect_event(TcpEventKind::kSyn);
  tcp.engine->refuse_syn(tcp.now, tcp.id);
  tcp.expect_sent(SegmentBuilder().rst().flag(kAck).seq(0).ack(kPeerSeq));
  EXPECT_EQ(tcp.engine->connections(), 0u);
}

TEST(TcpListen, DroppedSynGetsNothing) {
  TcpFixture tcp;
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1));
  tcp.expect_event(TcpEventKind::kSyn);
  tcp.engine->drop_syn(tcp.id);
  tcp.expect_silent();
  EXPECT_EQ(tcp.engine->connections(), 0u);
}

TEST(TcpListen, ResetWithdrawsTheSyn) {
  TcpFixture tcp;
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1));
  tcp.expect_event(TcpEventKind::kSyn);
  tcp.receive(SegmentBuilder().rst().seq(kPeerSeq));
  tcp.expect_closed(CloseReason::kSynWithdrawn);
}

TEST(TcpListen, OldestHalfOpenMakesRoomInAFullPodQueue) {
  TcpOptions options = TcpFixture::plain();
  options.syn_queue_per_pod = 4, options.syn_cookies = false;
  TcpFixture tcp(options);
  for (std::uint16_t port = 1; port <= 10; ++port) {
    FlowKey key = tcp.flow;
    key.remote.port = port;
    tcp.receive_on(key, SegmentBuilder().syn().seq(5));
  }
  EXPECT_EQ(tcp.stats().drop_syn_pod_queue_full, 6u);
  unsigned syns = 0, evicted = 0;
  for (TcpEvent event; tcp.engine->poll_event(&event);) {
    if (event.kind == TcpEventKind::kSyn) ++syns;
    if (event.kind != TcpEventKind::kClosed) continue;
    EXPECT_EQ(event.reason, CloseReason::kSynQueueFull);
    ++evicted;
    tcp.engine->close(tcp.now, event.id);
  }
  EXPECT_EQ(syns, 10u);
  EXPECT_EQ(evicted, 6u);
  EXPECT_EQ(tcp.engine->connections(), 4u);
}

TEST(TcpListen, GlobalQueueIsBounded) {
  TcpOptions options = TcpFixture::plain();
  options.syn_queue = 3, options.syn_cookies = false;
  TcpFixture tcp(options);
  for (std::uint16_t port = 1; port <= 5; ++port) {
    FlowKey key = tcp.flow;
    key.remote.port = port;
    tcp.receive_on(key, SegmentBuilder().syn().seq(5));
  }
  EXPECT_EQ(tcp.engine->connections(), 3u);
  EXPECT_EQ(tcp.stats().drop_syn_queue_full, 2u);
}

// ---- SYN-SENT

TEST(TcpSynSent, OptionsComeInTheUsualOrder) {
  TcpFixture tcp = TcpFixture::syn_sent(TcpOptions{});
  EXPECT_EQ(tcp.syn.s.mss, 1460);
  EXPECT_TRUE(tcp.syn.s.sack_permitted);
  EXPECT_TRUE(tcp.syn.s.has_timestamps);
  EXPECT_EQ(tcp.syn.s.window_scale, 5);
  EXPECT_EQ(tcp.syn.s.header_size, 40);
}

TEST(TcpSynSent, UnacceptableAckGetsReset) {
  TcpFixture tcp = TcpFixture::syn_sent();
  tcp.receive(SegmentBuilder().syn().seq(9).ack(5));
  tcp.expect_sent(SegmentBuilder().rst().seq(5));
  EXPECT_EQ(tcp.state(), TcpState::kSynSent);
}

TEST(TcpSynSent, ResetWithAckRefuses) {
  TcpFixture tcp = TcpFixture::syn_sent();
  tcp.receive(SegmentBuilder().rst().seq(0).ack(1));
  tcp.expect_closed(CloseReason::kRefused);
}

TEST(TcpSynSent, ResetWithoutAckIsIgnored) {
  TcpFixture tcp = TcpFixture::syn_sent();
  tcp.receive(SegmentBuilder().rst().seq(0));
  EXPECT_EQ(tcp.state(), TcpState::kSynSent);
}

TEST(TcpSynSent, SynAckEstablishesAndIsAcknowledged) {
  TcpFixture tcp = TcpFixture::syn_sent();
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).ack(1).mss(1000).window(500));
  tcp.expect_sent(tcp.to_peer().seq(1).ack(kPeerSeq));
  tcp.expect_event(TcpEventKind::kEstablished);
  EXPECT_EQ(tcp.engine->info(tcp.id).mss, 1000u);
}

TEST(TcpSynSent, MssDefaultsTo536) {
  TcpFixture tcp = TcpFixture::syn_sent();
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).ack(1).window(500));
  EXPECT_EQ(tcp.engine->info(tcp.id).mss, 536u);
}

TEST(TcpSynSent, DataOnSynAckIsDelivered) {
  TcpFixture tcp = TcpFixture::syn_sent();
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).ack(1).window(500).bytes("early"));
  EXPECT_EQ(tcp.read(), "early");
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 5));
}

TEST(TcpSynSent, SimultaneousOpen) {
  TcpFixture tcp = TcpFixture::syn_sent();
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).mss(1460).window(500));
  EXPECT_EQ(tcp.state(), TcpState::kSynReceived);
  tcp.expect_sent(SegmentBuilder().syn().seq(0).ack(kPeerSeq));
  tcp.receive(tcp.from_peer());
  tcp.expect_event(TcpEventKind::kEstablished);
}

TEST(TcpSynSent, RetransmitsWithBackoffUntilConnectTimeout) {
  TcpFixture tcp = TcpFixture::syn_sent();
  for (std::int64_t seconds : {1, 2, 4}) {
    EXPECT_EQ(tcp.run_next_timer().ms(), seconds * 1000);
    tcp.expect_sent(SegmentBuilder().syn().seq(0));
  }
  tcp.run_next_timer();  // 10 s after connect()
  tcp.expect_closed(CloseReason::kConnectTimedOut);
  tcp.expect_silent();
}

// ---- SYN-RECEIVED

TEST(TcpSynReceived, AckEstablishes) {
  TcpFixture tcp = TcpFixture::syn_received();
  tcp.receive(tcp.from_peer().bytes("hi"));
  tcp.expect_event(TcpEventKind::kEstablished);
  tcp.expect_event(TcpEventKind::kReadable);
  EXPECT_EQ(tcp.read(), "hi");
}

TEST(TcpSynReceived, WrongAckGetsReset) {
  TcpFixture tcp = TcpFixture::syn_received();
  tcp.receive(tcp.from_peer().ack(77));
  tcp.expect_sent(SegmentBuilder().rst().seq(77));
  EXPECT_EQ(tcp.state(), TcpState::kSynReceived);
}

TEST(TcpSynReceived, SynAgainGetsSynAckAgain) {
  TcpFixture tcp = TcpFixture::syn_received();
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).mss(kMss).window(65535));
  tcp.expect_sent(SegmentBuilder().syn().seq(0).ack(kPeerSeq));
}

TEST(TcpSynReceived, GivesUpAfterItsRetries) {
  TcpFixture tcp = TcpFixture::syn_received();
  for (int i = 0; i < 5; ++i) {
    tcp.run_next_timer();
    tcp.expect_sent(SegmentBuilder().syn().seq(0).ack(kPeerSeq));
  }
  tcp.run_next_timer();
  tcp.expect_closed(CloseReason::kHandshakeTimedOut);
}

TEST(TcpSynReceived, ResetEnds) {
  TcpFixture tcp = TcpFixture::syn_received();
  tcp.receive(SegmentBuilder().rst().seq(kPeerSeq));
  tcp.expect_closed(CloseReason::kResetByPeer);
}

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

SegmentBuilder with_stamps(std::uint32_t value = 500) { return SegmentBuilder().stamps(value, 0).sack_ok().scale(7); }

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
