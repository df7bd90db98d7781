// What is sent, how much, and when: windows, Nagle, ACKs, probes, retransmission.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

std::string text(std::size_t n) { return std::string(n, 'x'); }

TEST(TcpSend, WriteGoesOutAtOnceWithPsh) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send("hello");
  EXPECT_TRUE(tcp.expect_sent(tcp.to_peer().seq(1).ack(kPeerSeq).bytes("hello")).s.is(kPsh));
  tcp.expect_silent();
}

TEST(TcpSend, BulkIsOneSuperSegmentUpToTheInitialWindow) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send(text(40'000));
  const auto sent = tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(10 * kMss)));
  EXPECT_EQ(sent.offload.gso, GsoType::kTcp4);
  EXPECT_EQ(sent.offload.gso_size, kMss);
  EXPECT_FALSE(sent.s.is(kPsh));
  tcp.expect_silent();
}

TEST(TcpSend, SuperSegmentIsBoundedByTheInterface) {
  TcpFixture tcp = TcpFixture::established();
  tcp.engine->set_interface(kWire, {1500, 4500, true});
  tcp.send(text(5 * kMss));
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(3 * kMss)));
  tcp.expect_sent(tcp.to_peer().seq(1 + 3 * kMss).bytes(text(2 * kMss)));
}

TEST(TcpSend, RespectsThePeersWindow) {
  TcpFixture tcp = TcpFixture::established(TcpFixture::plain(), SegmentBuilder().window(2000));
  tcp.send(text(5000));
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(1460)));
  tcp.expect_silent();  // 540 of room, less than a segment and less than half of the largest window
  tcp.receive(tcp.from_peer().ack(1461).window(4000));
  tcp.expect_sent(tcp.to_peer().seq(1461).bytes(text(3540)));
}

TEST(TcpSend, NagleHoldsASmallSegmentWhileOthersAreInFlight) {
  TcpOptions options = TcpFixture::plain();
  options.nagle = true;
  TcpFixture tcp = TcpFixture::established(options);
  tcp.send("a");
  tcp.expect_sent(tcp.to_peer().seq(1).bytes("a"));
  tcp.send("b");
  tcp.send("c");
  tcp.expect_silent();
  tcp.receive(tcp.from_peer().ack(2));
  tcp.expect_sent(tcp.to_peer().seq(2).bytes("bc"));
}

TEST(TcpSend, FinRidesOnTheLastData) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send("bye");
  tcp.engine->shutdown_send(tcp.now, tcp.id);
  tcp.expect_sent(tcp.to_peer().seq(1).fin().bytes("bye"));
}

TEST(TcpSend, IsQueuedUntilTheHandshakeIsComplete) {
  TcpFixture tcp = TcpFixture::syn_sent();
  tcp.send("early");
  tcp.engine->shutdown_send(tcp.now, tcp.id);
  tcp.expect_silent();
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).ack(1).mss(1460).window(1000));
  tcp.expect_sent(tcp.to_peer().seq(1).ack(kPeerSeq).fin().bytes("early"));
  EXPECT_EQ(tcp.state(), TcpState::kFinWait1);
}

TEST(TcpSend, PayloadIsNotCopied) {
  TcpFixture tcp = TcpFixture::established();
  ByteChain bytes = ByteChain::copy_of(as_bytes(text(2000)), *tcp.pool);
  const Buffer* buffer = bytes.front().buffer();
  tcp.engine->send(tcp.now, tcp.id, std::move(bytes));
  Packet packet;
  ASSERT_TRUE(tcp.engine->poll_output(tcp.now, &packet));
  EXPECT_EQ(packet.bytes.back().buffer(), buffer);
  EXPECT_GE(packet.bytes.front().headroom(), 64u);
  packet = Packet();
  tcp.receive(tcp.from_peer().ack(2001));
  EXPECT_EQ(tcp.pool->outstanding(), 0u);
}

TEST(TcpSend, SpaceEndsAndComesBackWithAnEvent) {
  TcpOptions options = TcpFixture::plain();
  options.send_buffer_max = 10'000;
  TcpFixture tcp = TcpFixture::established(options);
  EXPECT_EQ(tcp.engine->send_space(tcp.id), 10'000u);
  tcp.send(text(10'000));
  EXPECT_EQ(tcp.engine->send_space(tcp.id), 0u);
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(5001));
  tcp.expect_event(TcpEventKind::kWritable);
  EXPECT_EQ(tcp.engine->send_space(tcp.id), 5'000u);
}

TEST(TcpSend, HeaderPoolRunsDryAndRecovers) {
  TcpFixture tcp = TcpFixture::established();
  std::vector<Slice> hoard;
  HeapBufferPool tight(256, 0);
  TcpEngine engine(TcpFixture::plain(), tight, Random(1));
  engine.set_interface(kWire, {});
  ConnectRequest request;
  request.key = tcp.flow;
  ASSERT_TRUE(engine.connect(tcp.now, request).has_value());
  Packet packet;
  EXPECT_FALSE(engine.poll_output(tcp.now, &packet));
  EXPECT_EQ(engine.stats().drop_header_pool, 1u);
  EXPECT_LE((engine.deadline() - tcp.now).ms(), 20);
}

// ---- acknowledging

TEST(TcpAck, IsDelayedForOneSmallSegment) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().bytes("x"));
  tcp.expect_silent();
  EXPECT_EQ(tcp.run_next_timer().ms(), 40);
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 1));
}

TEST(TcpAck, EverySecondFullSegmentAtOnce) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().bytes(text(1460)));
  tcp.expect_silent();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1460).bytes(text(1460)));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 2920));
}

TEST(TcpAck, RidesOnData) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().bytes("x"));
  tcp.send("y");
  tcp.expect_sent(tcp.to_peer().seq(1).ack(kPeerSeq + 1).bytes("y"));
  tcp.expect_silent_for(Duration::milliseconds(150));
}

TEST(TcpAck, FirstSegmentsAreAcknowledgedAtOnce) {
  TcpFixture tcp = TcpFixture::established(TcpOptions{});
  tcp.receive(tcp.from_peer().bytes("x"));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 1));
}

// What takes the 8 of the start: the next one is delayed.
void use_up_quick_acks(TcpFixture& tcp) {
  for (std::uint32_t i = 0; i < 8; ++i) {
    tcp.receive(tcp.from_peer().seq(kPeerSeq + i).bytes("x"));
    tcp.discard_sent();
  }
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 8).bytes("x"));
  tcp.expect_silent();
  tcp.run_next_timer();
  tcp.discard_sent();
}

// The peer begins again with one segment, and waits for the ACK.
TEST(TcpAck, IsAtOnceAgainAfterASilenceOfATimeout) {
  TcpFixture tcp = TcpFixture::established(TcpOptions{});
  use_up_quick_acks(tcp);
  tcp.expect_silent_for(Duration::seconds(2));
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 9).bytes("x"));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 10));
}

TEST(TcpAck, IsAtOnceAgainAfterADuplicate) {
  TcpFixture tcp = TcpFixture::established(TcpOptions{});
  use_up_quick_acks(tcp);
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 8).bytes("x"));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 9));
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 9).bytes("x"));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 10));
}

TEST(TcpAck, EachOutOfOrderSegmentHasItsOwn) {
  TcpFixture tcp = TcpFixture::established();
  for (std::uint32_t i = 1; i <= 3; ++i) tcp.receive(tcp.from_peer().seq(kPeerSeq + 100 * i).bytes(text(100)));
  EXPECT_EQ(tcp.count_sent(), 3u);
}

TEST(TcpAck, CarriesSackBlocksLatestFirst) {
  TcpOptions options = TcpFixture::plain();
  options.sack = true;
  TcpFixture tcp = TcpFixture::established(options, SegmentBuilder().sack_ok());
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 100).bytes(text(100)));
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 300).bytes(text(100)));
  tcp.next_sent();
  const auto sent = tcp.next_sent();
  ASSERT_EQ(sent.s.sack_count, 2);
  EXPECT_EQ(sent.s.sack[0], (SackBlock{Seq(kPeerSeq + 300), Seq(kPeerSeq + 400)}));
  EXPECT_EQ(sent.s.sack[1], (SackBlock{Seq(kPeerSeq + 100), Seq(kPeerSeq + 200)}));
}

// ---- retransmission

TEST(TcpRetransmit, TimeoutFollowsTheMeasuredRoundTripAndBacksOff) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send("data");
  tcp.discard_sent();
  EXPECT_EQ(tcp.engine->info(tcp.id).srtt.ms(), 10);
  EXPECT_EQ(tcp.run_next_timer().ms(), 200);
  tcp.expect_sent(tcp.to_peer().seq(1).bytes("data"));
  EXPECT_EQ(tcp.run_next_timer().ms(), 400);
  tcp.expect_sent(tcp.to_peer().seq(1).bytes("data"));
  EXPECT_EQ(tcp.run_next_timer().ms(), 800);
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(5));
  EXPECT_GE((tcp.engine->deadline() - tcp.now).ms(), 7'000'000);  // only the keepalive is left
}

TEST(TcpRetransmit, GivesUpAfterItsRetriesWithReset) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send("data");
  for (int i = 0; i < 16; ++i) {
    tcp.discard_sent();
    tcp.run_next_timer();
  }
  tcp.expect_closed(CloseReason::kTimedOut);
  tcp.expect_sent(SegmentBuilder().rst().flag(kAck).seq(5));
}

TEST(TcpRetransmit, UserTimeoutEndsEarlier) {
  TcpFixture tcp = TcpFixture::established();
  tcp.change([](TcpSettings& s) { s.user_timeout = Duration::seconds(5); });
  tcp.send("data");
  const Time begin = tcp.now;
  TcpEvent event;
  while (!tcp.engine->poll_event(&event)) {
    tcp.discard_sent();
    tcp.run_next_timer();
  }
  EXPECT_EQ(event.reason, CloseReason::kUserTimeout);
  EXPECT_EQ((tcp.now - begin).ms(), 5000);
}

TEST(TcpRetransmit, SynAckFinAreRetransmittedToo) {
  TcpFixture tcp = TcpFixture::fin_wait_1();
  tcp.run_next_timer();
  tcp.expect_sent(tcp.to_peer().seq(1).fin());
}

TEST(TcpRetransmit, TimeoutGoesBackInSlowStart) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send(text(4 * kMss));
  tcp.discard_sent();
  tcp.run_next_timer();
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(kMss)));
  tcp.expect_silent();
  tcp.receive(tcp.from_peer().ack(1 + kMss));
  tcp.expect_sent(tcp.to_peer().seq(1 + kMss).bytes(text(2 * kMss)));
}

TEST(TcpCongestion, SlowStartDoublesARoundTrip) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send(text(60 * kMss));
  EXPECT_EQ(tcp.next_sent().data.size(), 10u * kMss);
  tcp.receive(tcp.from_peer().ack(1 + 10 * kMss));
  EXPECT_EQ(tcp.next_sent().data.size(), 20u * kMss);
}

TEST(TcpCongestion, IdleConnectionStartsFromTheInitialWindowAgain) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send(text(30 * kMss));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(1 + 10 * kMss));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(1 + 30 * kMss));
  EXPECT_GT(tcp.engine->info(tcp.id).cwnd, 10 * kMss);
  tcp.advance(Duration::seconds(10));
  tcp.send(text(30 * kMss));
  EXPECT_EQ(tcp.next_sent().data.size(), 10u * kMss);
}

}  // namespace
}  // namespace weft::net
