// Duplicates and how they are reported; recoveries that were not needed and are undone.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

std::string text(std::size_t n) { return std::string(n, 'x'); }

TcpFixture with_sack() {
  TcpOptions options = TcpFixture::plain();
  options.sack = true;
  return TcpFixture::established(options, SegmentBuilder().sack_ok());
}

// Where the n-th segment begins, from 0.
constexpr std::uint32_t segment(std::uint32_t n) { return 1 + n * kMss; }

void run_to_timeout(TcpFixture& tcp) {
  while (tcp.stats().retransmission_timeouts == 0) {
    tcp.discard_sent();
    tcp.run_next_timer();
  }
}

// ---- D-SACK (RFC 2883)

TEST(TcpDsack, DuplicateIsReportedOnceInTheFirstBlock) {
  TcpFixture tcp = with_sack();
  tcp.receive(tcp.from_peer().bytes(text(100)));
  tcp.receive(tcp.from_peer().bytes(text(100)));
  const SentSegment sent = tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 100));
  ASSERT_EQ(sent.s.sack_count, 1);
  EXPECT_EQ(sent.s.sack[0], (SackBlock{Seq(kPeerSeq), Seq(kPeerSeq + 100)}));
  tcp.expect_silent_for(Duration::seconds(1));
  EXPECT_EQ(tcp.stats().dsacks_out, 1u);
}

TEST(TcpDsack, DuplicateBehindAHoleStandsBeforeTheBlockThatHoldsIt) {
  TcpFixture tcp = with_sack();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 200).bytes(text(100)));
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 300).bytes(text(100)));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 300).bytes(text(100)));
  const SentSegment sent = tcp.expect_sent(tcp.to_peer().ack(kPeerSeq));
  ASSERT_EQ(sent.s.sack_count, 2);
  EXPECT_EQ(sent.s.sack[0], (SackBlock{Seq(kPeerSeq + 300), Seq(kPeerSeq + 400)}));
  EXPECT_EQ(sent.s.sack[1], (SackBlock{Seq(kPeerSeq + 200), Seq(kPeerSeq + 400)}));
}

TEST(TcpDsack, OldPartIsReportedAndTheRestTaken) {
  TcpFixture tcp = with_sack();
  tcp.receive(tcp.from_peer().bytes(text(100)));
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 50).bytes(text(100)));
  EXPECT_EQ(tcp.next_sent().s.sack[0], (SackBlock{Seq(kPeerSeq + 50), Seq(kPeerSeq + 100)}));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 150));
}

TEST(TcpDsack, WithoutSackADuplicateIsAnsweredPlainly) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().bytes(text(100)));
  tcp.receive(tcp.from_peer().bytes(text(100)));
  EXPECT_EQ(tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 100)).s.sack_count, 0);
}

// ---- undo

TEST(TcpSpurious, DsackOfAllThatWasSentAgainUndoesARecovery) {
  TcpFixture tcp = with_sack();
  tcp.send(text(10 * kMss));
  tcp.discard_sent();
  tcp.now = tcp.now + kRtt;
  tcp.receive(tcp.from_peer().sack(segment(1), segment(4)));
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(kMss)));
  tcp.receive(tcp.from_peer().ack(segment(10)));  // the first was only late
  EXPECT_EQ(tcp.engine->info(tcp.id).ssthresh, 5 * kMss);
  tcp.receive(tcp.from_peer().ack(segment(10)).sack(segment(0), segment(1)));
  EXPECT_EQ(tcp.stats().spurious_recoveries, 1u);
  EXPECT_EQ(tcp.stats().dsacks_in, 1u);
  EXPECT_EQ(tcp.engine->info(tcp.id).ssthresh, UINT32_MAX);
  EXPECT_EQ(tcp.engine->info(tcp.id).cwnd, 10 * kMss);
}

TEST(TcpSpurious, DsackOfAPartUndoesNothing) {
  TcpFixture tcp = with_sack();
  tcp.send(text(10 * kMss));
  tcp.discard_sent();
  tcp.now = tcp.now + kRtt;
  tcp.receive(tcp.from_peer().sack(segment(2), segment(6)));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().sack(segment(2), segment(8)));
  tcp.discard_sent();  // by now both were sent again
  EXPECT_EQ(tcp.engine->info(tcp.id).retransmits, 2u);
  tcp.receive(tcp.from_peer().ack(segment(10)));
  tcp.receive(tcp.from_peer().ack(segment(10)).sack(segment(0), segment(1)));
  EXPECT_EQ(tcp.stats().spurious_recoveries, 0u);
}

// The network makes duplicates: it can have made those of what was sent again, too (RFC 3708, 2).
TEST(TcpSpurious, DsackOfWhatWasNeverSentAgainEndsTheBeliefInDsacks) {
  TcpFixture tcp = with_sack();
  tcp.send(text(10 * kMss));
  tcp.discard_sent();
  tcp.now = tcp.now + kRtt;
  tcp.receive(tcp.from_peer().sack(segment(1), segment(4)));
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(kMss)));
  tcp.receive(tcp.from_peer().sack(segment(2), segment(3)).sack(segment(1), segment(4)));
  tcp.receive(tcp.from_peer().ack(segment(10)));
  tcp.receive(tcp.from_peer().ack(segment(10)).sack(segment(0), segment(1)));
  EXPECT_EQ(tcp.stats().dsacks_in, 2u);
  EXPECT_EQ(tcp.stats().dsacks_by_network, 1u);
  EXPECT_EQ(tcp.stats().spurious_recoveries, 0u);
  EXPECT_EQ(tcp.engine->info(tcp.id).ssthresh, 5 * kMss);
}

// Before anything was sent twice there is no other explanation.
TEST(TcpSpurious, DsackBeforeTheFirstRetransmissionIsTheNetworks) {
  TcpFixture tcp = with_sack();
  tcp.send(text(kMss));
  tcp.discard_sent();
  tcp.now = tcp.now + kRtt;
  tcp.receive(tcp.from_peer().ack(segment(1)));
  tcp.receive(tcp.from_peer().ack(segment(1)).sack(segment(0), segment(1)));
  EXPECT_EQ(tcp.stats().dsacks_by_network, 1u);
}

// Whatever the D-SACKs are worth: the echo is that of the original.
TEST(TcpSpurious, EifelUndoesAlsoWhereTheNetworkMakesDuplicates) {
  TcpOptions options = TcpFixture::plain();
  options.sack = options.timestamps = true;
  TcpFixture tcp = TcpFixture::established(options, SegmentBuilder().sack_ok().stamps(1, 0));
  const std::uint32_t mss = tcp.engine->info(tcp.id).mss;
  tcp.send(text(10 * mss));
  const std::uint32_t stamp = tcp.next_sent().s.tsval;
  tcp.discard_sent();
  tcp.now = tcp.now + kRtt;
  tcp.receive(tcp.from_peer().ack(1 + mss).stamps(2, stamp));
  tcp.receive(tcp.from_peer().ack(1 + mss).stamps(2, stamp).sack(1, 1 + mss));
  EXPECT_EQ(tcp.stats().dsacks_by_network, 1u);
  tcp.receive(tcp.from_peer().ack(1 + mss).stamps(2, stamp).sack(1 + 2 * mss, 1 + 5 * mss));
  tcp.expect_sent(tcp.to_peer().seq(1 + mss).bytes(text(mss)));
  tcp.receive(tcp.from_peer().ack(1 + 10 * mss).stamps(3, stamp));
  EXPECT_EQ(tcp.stats().spurious_recoveries, 1u);
}

TEST(TcpSpurious, IdleConnectionDoesNotWaitForTheVerdict) {
  TcpFixture tcp = with_sack();
  tcp.send(text(10 * kMss));
  tcp.discard_sent();
  tcp.now = tcp.now + kRtt;
  tcp.receive(tcp.from_peer().sack(segment(1), segment(4)));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(segment(10)));
  EXPECT_LE(tcp.run_next_timer().ms(), 300);
  EXPECT_GE((tcp.engine->deadline() - tcp.now).ms(), 7'000'000);  // only the keepalive is left
  tcp.receive(tcp.from_peer().ack(segment(10)).sack(segment(0), segment(1)));
  EXPECT_EQ(tcp.stats().spurious_recoveries, 0u);
}

// Eifel, RFC 3522 and 4015.
TEST(TcpSpurious, EchoOlderThanTheRetransmissionUndoesATimeout) {
  TcpOptions options = TcpFixture::plain();
  options.timestamps = true;
  TcpFixture tcp = TcpFixture::established(options, SegmentBuilder().stamps(1, 0));
  const std::uint32_t mss = tcp.engine->info(tcp.id).mss;
  tcp.send(text(4 * mss));
  const std::uint32_t stamp = tcp.next_sent().s.tsval;
  run_to_timeout(tcp);
  EXPECT_EQ(tcp.next_sent().data.size(), mss);
  tcp.receive(tcp.from_peer().ack(1 + mss).stamps(2, stamp));
  EXPECT_EQ(tcp.stats().spurious_recoveries, 1u);
  EXPECT_EQ(tcp.engine->info(tcp.id).ssthresh, UINT32_MAX);
  tcp.expect_silent();
}

TEST(TcpSpurious, EchoOfTheRetransmissionUndoesNothing) {
  TcpOptions options = TcpFixture::plain();
  options.timestamps = true;
  TcpFixture tcp = TcpFixture::established(options, SegmentBuilder().stamps(1, 0));
  const std::uint32_t mss = tcp.engine->info(tcp.id).mss;
  tcp.send(text(4 * mss));
  run_to_timeout(tcp);
  tcp.receive(tcp.from_peer().ack(1 + mss).stamps(2, tcp.next_sent().s.tsval));
  EXPECT_EQ(tcp.stats().spurious_recoveries, 0u);
  tcp.expect_sent(tcp.to_peer().seq(1 + mss).bytes(text(2 * mss)));
}

// ---- F-RTO (RFC 5682)

// Ten in flight, ten wait, and the first was sent again by a timeout.
TcpFixture timed_out(TcpFixture tcp) {
  tcp.send(text(20 * kMss));
  tcp.discard_sent();
  // Tail loss probes apart, which send new data with SACK.
  run_to_timeout(tcp);
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(kMss)));
  return tcp;
}

TEST(TcpFrto, SecondAckForWhatWasSentOnceUndoesTheTimeout) {
  TcpFixture tcp = timed_out(TcpFixture::established());
  tcp.receive(tcp.from_peer().ack(segment(1)));
  tcp.expect_sent(tcp.to_peer().seq(segment(10)).bytes(text(2 * kMss)));
  tcp.expect_silent();
  tcp.receive(tcp.from_peer().ack(segment(2)));
  EXPECT_EQ(tcp.stats().spurious_recoveries, 1u);
  EXPECT_EQ(tcp.engine->info(tcp.id).cwnd, 10 * kMss);
  EXPECT_EQ(tcp.engine->info(tcp.id).retransmits, 1u);
}

TEST(TcpFrto, DuplicateAfterTheFirstAckMeansLoss) {
  TcpFixture tcp = timed_out(TcpFixture::established());
  tcp.receive(tcp.from_peer().ack(segment(1)));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(segment(1)));
  tcp.expect_sent(tcp.to_peer().seq(segment(1)).bytes(text(kMss)));
  EXPECT_EQ(tcp.stats().spurious_recoveries, 0u);
}

TEST(TcpFrto, SackOfWhatWasSentOnceUndoesTheTimeout) {
  TcpFixture tcp = timed_out(with_sack());
  tcp.receive(tcp.from_peer().ack(segment(1)));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(segment(1)).sack(segment(2), segment(3)));
  EXPECT_EQ(tcp.stats().spurious_recoveries, 1u);
}

TEST(TcpFrto, SackOfNewDataMeansLoss) {
  TcpFixture tcp = timed_out(with_sack());
  tcp.receive(tcp.from_peer().ack(segment(1)));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(segment(1)).sack(segment(11), segment(12)));
  EXPECT_EQ(tcp.stats().spurious_recoveries, 0u);
  tcp.expect_sent(tcp.to_peer().seq(segment(1)).bytes(text(2 * kMss)));
}

TEST(TcpFrto, WithoutNewDataTheTimeoutIsBelieved) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send(text(4 * kMss));
  run_to_timeout(tcp);
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(segment(1)));
  tcp.expect_sent(tcp.to_peer().seq(segment(1)).bytes(text(2 * kMss)));
}

}  // namespace
}  // namespace weft::net
