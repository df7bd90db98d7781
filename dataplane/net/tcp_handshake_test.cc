// RFC 9293, 3.10.7.1 to 3.10.7.3 and SYN-RECEIVED: what comes before a connection is established.
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

}  // namespace
}  // namespace weft::net
