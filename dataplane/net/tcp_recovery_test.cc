// How lost segments are found and repaired: duplicates, SACK with RACK, tail loss probes, timeouts.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

std::string text(std::size_t n) { return std::string(n, 'x'); }

TcpFixture with_sack(TcpOptions options = TcpFixture::plain()) {
  options.sack = true;
  return TcpFixture::established(options, SegmentBuilder().sack_ok());
}

// Where the n-th segment begins, from 0.
constexpr std::uint32_t segment(std::uint32_t n) { return 1 + n * kMss; }

TEST(TcpRecovery, ThreeDuplicateAcksRetransmitAtOnce) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send(text(10 * kMss));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer());
  tcp.receive(tcp.from_peer());
  tcp.expect_silent();
  tcp.receive(tcp.from_peer());
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(kMss)));
  EXPECT_EQ(tcp.stats().fast_recoveries, 1u);
  EXPECT_EQ(tcp.engine->info(tcp.id).ssthresh, 5 * kMss);
}

TEST(TcpRecovery, PartialAckRetransmitsTheNextHole) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send(text(10 * kMss));
  tcp.discard_sent();
  for (int i = 0; i < 3; ++i) tcp.receive(tcp.from_peer());
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(1 + 2 * kMss));
  tcp.expect_sent(tcp.to_peer().seq(1 + 2 * kMss).bytes(text(kMss)));
  tcp.receive(tcp.from_peer().ack(1 + 10 * kMss));
  tcp.expect_silent();
}

TEST(TcpRecovery, LimitedTransmitSendsNewDataOnTheFirstDuplicates) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send(text(20 * kMss));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer());
  tcp.expect_sent(tcp.to_peer().seq(1 + 10 * kMss).bytes(text(kMss)));
  tcp.expect_silent();
}

// RFC 5681, 3.2, step 2: what limited transmit sent does not count.
TEST(TcpRecovery, LimitedTransmitMakesNoRoomForMore) {
  TcpOptions cubic = TcpFixture::plain();
  cubic.congestion = CongestionAlgorithm::kCubic;
  for (const bool sack : {false, true}) {
    TcpFixture tcp = sack ? with_sack(cubic) : TcpFixture::established();
    tcp.send(text(100 * kMss));
    for (const std::uint32_t n : {0, 10, 30}) {
      tcp.receive(tcp.from_peer().ack(segment(n)));
      tcp.discard_sent();
    }
    for (std::uint32_t n = 32; n <= 34; ++n) {
      const SegmentBuilder duplicate = tcp.from_peer().ack(segment(30));
      tcp.receive(sack ? SegmentBuilder(duplicate).sack(segment(31), segment(n)) : duplicate);
      tcp.expect_sent(tcp.to_peer().seq(segment(n < 34 ? n + 38 : 30)).bytes(text(kMss)));
    }
    tcp.expect_silent();
    EXPECT_EQ(tcp.engine->info(tcp.id).ssthresh, (sack ? 28 : 20) * kMss);
  }
}

TEST(TcpRecovery, WindowUpdateIsNoDuplicate) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send(text(4 * kMss));
  tcp.discard_sent();
  for (std::uint16_t i = 1; i < 6; ++i) tcp.receive(tcp.from_peer().window(static_cast<std::uint16_t>(65535 - i)));
  tcp.expect_silent();
}

// The queue that has overflowed makes round trips longer than the timeout knows.
TEST(TcpRecovery, FirstSegmentSentAgainRestartsTheTimer) {
  TcpFixture tcp = with_sack();
  tcp.send(text(10 * kMss));
  tcp.discard_sent();
  tcp.now = tcp.now + Duration::milliseconds(150);
  tcp.receive(tcp.from_peer().sack(segment(1), segment(4)));
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(kMss)));
  const Time again = tcp.now;
  while (tcp.stats().retransmission_timeouts == 0) {
    tcp.discard_sent();
    tcp.run_next_timer();
  }
  EXPECT_GE((tcp.now - again).ms(), 200);
}

TEST(TcpRecovery, SackRetransmitsExactlyTheHoles) {
  TcpFixture tcp = with_sack();
  tcp.send(text(10 * kMss));
  tcp.discard_sent();
  // 1 and 4 are lost.
  tcp.receive(tcp.from_peer().sack(1 + kMss, 1 + 3 * kMss));
  tcp.receive(tcp.from_peer().sack(1 + 4 * kMss, 1 + 9 * kMss).sack(1 + kMss, 1 + 3 * kMss));
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(kMss)));
  tcp.expect_sent(tcp.to_peer().seq(1 + 3 * kMss).bytes(text(kMss)));
  tcp.expect_silent();
}

TEST(TcpRecovery, TimeoutSkipsWhatIsSacked) {
  TcpFixture tcp = with_sack();
  tcp.send(text(3 * kMss));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().sack(segment(1), segment(2)));
  while (tcp.stats().retransmission_timeouts == 0) {
    tcp.discard_sent();
    tcp.run_next_timer();
  }
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(kMss)));
  tcp.receive(tcp.from_peer().ack(segment(2)));
  tcp.expect_sent(tcp.to_peer().seq(segment(2)).bytes(text(kMss)));
}

TEST(TcpRecovery, TimeoutAfterRenegingSendsAllAgain) {
  TcpFixture tcp = with_sack();
  tcp.send(text(4 * kMss));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().sack(segment(1), segment(2)));
  tcp.receive(tcp.from_peer().ack(segment(1)));  // and yet it has not what it had
  EXPECT_EQ(tcp.stats().sack_reneging, 1u);
  while (tcp.stats().retransmission_timeouts == 0) {
    tcp.discard_sent();
    EXPECT_LE(tcp.run_next_timer().ms(), 11);
  }
  tcp.expect_sent(tcp.to_peer().seq(segment(1)).bytes(text(kMss)));
}

// ---- RACK (RFC 8985, 6)

// A worker takes a burst of ACKs in before it sends: what they made room for is missing in flight, but was in use.
TEST(TcpRecovery, AcksThatCameTogetherReduceTheWindowOnce) {
  for (const bool together : {false, true}) {
    TcpOptions options = TcpFixture::plain();
    options.congestion = CongestionAlgorithm::kCubic;
    TcpFixture tcp = with_sack(options);
    tcp.send(text(60 * kMss));
    tcp.discard_sent();
    tcp.now = tcp.now + kRtt;
    tcp.receive(tcp.from_peer().ack(segment(5)));  // of ten; the window is fifteen now
    if (!together) tcp.discard_sent();
    for (std::uint32_t n = 7; n <= 10; ++n) {
      tcp.receive(tcp.from_peer().ack(segment(5)).sack(segment(6), segment(n)));
      if (!together) tcp.discard_sent();
    }
    tcp.discard_sent();
    const TcpInfo info = tcp.engine->info(tcp.id);
    EXPECT_EQ(info.ssthresh / kMss, 10u) << together;  // 0.7 of fifteen
    EXPECT_GE(info.in_flight - info.sacked - info.lost, 10 * kMss) << together;
    EXPECT_EQ(tcp.stats().retransmits, 1u);
  }
}

TEST(TcpRack, OneSackMarksAfterAQuarterOfARoundTrip) {
  TcpFixture tcp = with_sack();
  tcp.send(text(3 * kMss));
  tcp.discard_sent();
  tcp.now = tcp.now + kRtt;
  tcp.receive(tcp.from_peer().sack(segment(1), segment(2)));
  tcp.expect_silent();
  EXPECT_LE(tcp.run_next_timer().ms(), 3);
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(kMss)));
  EXPECT_EQ(tcp.stats().rack_losses, 1u);
}

TEST(TcpRack, LostRetransmissionIsSentAgainWithoutATimeout) {
  TcpFixture tcp = with_sack();
  tcp.send(text(8 * kMss));
  tcp.discard_sent();
  tcp.now = tcp.now + kRtt;
  tcp.receive(tcp.from_peer().sack(segment(1), segment(5)));
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(kMss)));
  tcp.send(text(2 * kMss));
  tcp.receive(tcp.from_peer().sack(segment(1), segment(8)));
  tcp.discard_sent();  // new data goes out after the retransmission
  tcp.now = tcp.now + kRtt;
  tcp.receive(tcp.from_peer().sack(segment(1), segment(9)));
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(kMss)));
  EXPECT_EQ(tcp.stats().retransmission_timeouts, 0u);
}

// ---- tail loss probe (RFC 8985, 7)
TEST(TcpTlp, LastSegmentIsSentAgainAfterTwoRoundTrips) {
  TcpFixture tcp = with_sack();
  tcp.send(text(2 * kMss + 100));
  tcp.discard_sent();
  EXPECT_EQ(tcp.run_next_timer().ms(), 20);
  tcp.expect_sent(tcp.to_peer().seq(segment(1) + 100).bytes(text(kMss)));
  tcp.expect_silent();
  EXPECT_EQ(tcp.stats().tlp_probes, 1u);
  EXPECT_EQ(tcp.run_next_timer().ms(), 200);  // and then only the timeout is left
  EXPECT_EQ(tcp.stats().retransmission_timeouts, 1u);
}

TEST(TcpTlp, ProbeIsNewDataWhenThereIsAny) {
  TcpFixture tcp = with_sack();
  tcp.send(text(11 * kMss));
  tcp.discard_sent();  // ten of the initial window
  tcp.run_next_timer();
  tcp.expect_sent(tcp.to_peer().seq(segment(10)).bytes(text(kMss)));
}

TEST(TcpTlp, LoneSegmentWaitsForADelayedAck) {
  TcpOptions options = TcpFixture::plain();
  options.max_ack_delay = Duration::milliseconds(40);
  TcpFixture tcp = with_sack(options);
  tcp.send("x");
  tcp.discard_sent();
  EXPECT_EQ(tcp.run_next_timer().ms(), 60);
  tcp.expect_sent(tcp.to_peer().seq(1).bytes("x"));
}

TEST(TcpTlp, LossThatAProbeRepairedLowersTheWindow) {
  TcpFixture tcp = with_sack();
  tcp.send(text(4 * kMss));
  tcp.discard_sent();
  tcp.run_next_timer();
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(segment(4)));
  EXPECT_EQ(tcp.stats().tlp_recoveries, 0u);
  tcp.send(text(100));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(segment(4) + 100));
  EXPECT_EQ(tcp.stats().tlp_recoveries, 1u);
  EXPECT_LT(tcp.engine->info(tcp.id).ssthresh, 10 * kMss);
}

TEST(TcpTlp, DuplicateThatTheProbeWasLowersNothing) {
  TcpFixture tcp = with_sack();
  tcp.send(text(4 * kMss));
  tcp.discard_sent();
  tcp.run_next_timer();
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(segment(4)));
  tcp.receive(tcp.from_peer().ack(segment(4)));  // a peer without D-SACK
  tcp.send(text(100));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().ack(segment(4) + 100));
  EXPECT_EQ(tcp.stats().tlp_recoveries, 0u);
}

}  // namespace
}  // namespace weft::net
