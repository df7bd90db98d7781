// Congestion control, alone.
#include <gtest/gtest.h>

#include "dataplane/net/tcp_congestion.h"

namespace weft::net {
namespace {

TEST(Cubic, ReturnsToItsMaximumInTheTimeOfTheRfc) {
  CongestionState s;
  s.cwnd = 100 * 1000;
  cubic().on_loss(s, s.cwnd, 1000);
  EXPECT_EQ(s.cwnd, 70'000u);
  // K = cbrt(W_max * (1 - beta) / C) = cbrt(75) = 4.2 s.
  std::uint32_t ms = 1;
  for (; s.cwnd < 99'000 && ms < 20'000; ms += 100) cubic().on_ack(s, {s.cwnd, ms, 100, 1000, 0, false});
  EXPECT_NEAR(ms, 3400, 1200);
}

TEST(NewReno, OneSegmentARoundTrip) {
  CongestionState s;
  s.cwnd = 10'000;
  s.set_ssthresh(10'000);
  for (int i = 0; i < 10; ++i) newreno().on_ack(s, {1000, 0, 10, 1000, 0, false});
  EXPECT_EQ(s.cwnd, 11'000u);
}

// One round of ten ACKs.
void hystart_round(const CongestionControl& algorithm, CongestionState& s, std::uint32_t rtt_us) {
  for (int i = 0; i < 10; ++i) algorithm.on_ack(s, {1000, 1, rtt_us / 1000, 1000, rtt_us, i == 0});
}

CongestionState after_three_rounds_of_10_ms(const CongestionControl& algorithm) {
  CongestionState s;
  s.cwnd = 10'000;
  for (int i = 0; i < 3; ++i) hystart_round(algorithm, s, 10'000);
  return s;
}

TEST(HyStart, GrowingRoundTripSlowsTheStartAndEndsItAfterFiveRounds) {
  for (const CongestionControl* algorithm : {&cubic(), &newreno()}) {
    CongestionState s = after_three_rounds_of_10_ms(*algorithm);
    EXPECT_EQ(s.cwnd, 40'000u);
    hystart_round(*algorithm, s, 14'000);
    EXPECT_LT(s.cwnd, 50'000u);  // a quarter, from the eighth sample on
    for (int i = 0; i < 4; ++i) hystart_round(*algorithm, s, 14'000);
    EXPECT_TRUE(s.in_slow_start());
    hystart_round(*algorithm, s, 14'000);
    EXPECT_FALSE(s.in_slow_start());
    EXPECT_LT(s.cwnd, 65'000u);
  }
}

TEST(HyStart, JitterIsNoReasonToLeave) {
  CongestionState s = after_three_rounds_of_10_ms(cubic());
  hystart_round(cubic(), s, 15'000);
  for (int i = 0; i < 10; ++i) hystart_round(cubic(), s, 10'000);
  EXPECT_TRUE(s.in_initial_slow_start());
  EXPECT_GT(s.cwnd, 130'000u);
}

TEST(HyStart, AFullQueueThatWaversDoesNotResumeSlowStart) {
  CongestionState s = after_three_rounds_of_10_ms(cubic());
  for (int i = 0; i < 6; ++i) hystart_round(cubic(), s, 15'000 - 100 * i);
  EXPECT_FALSE(s.in_slow_start());
}

// ACKs `step_ms` apart, none of which shows a queue.
void hystart_train(CongestionState& s, std::uint32_t acks, std::uint32_t step_ms, std::uint32_t& now_ms) {
  for (std::uint32_t i = 0; i < acks; ++i) {
    now_ms += step_ms;
    cubic().on_ack(s, {1000, now_ms, 100, 1000, 100'000, false, step_ms});
  }
}

TEST(HyStart, ATrainOfAcksOfHalfARoundTripSlowsTheStart) {
  CongestionState s;
  std::uint32_t now_ms = 1000;
  hystart_train(s, 1, 100, now_ms);
  hystart_train(s, 24, 2, now_ms);
  hystart_train(s, 1, 7, now_ms);  // a gap: the path was idle
  hystart_train(s, 25, 2, now_ms);
  EXPECT_EQ(s.cwnd, 51'000u);
  hystart_train(s, 4, 2, now_ms);
  EXPECT_EQ(s.cwnd, 52'000u);
  EXPECT_TRUE(s.in_initial_slow_start());
}

TEST(HyStart, ATrainSaysNothingWhereTheWindowWasNotInUseOrTheRoundTripIsShort) {
  CongestionState unused, brief;
  for (std::uint32_t ms = 1; ms < 200; ++ms) {
    cubic().on_ack(unused, {ms % 40 == 0 ? 0 : 1000u, ms, 100, 1000, 100'000, false, 1});
    cubic().on_ack(brief, {1000, ms, 7, 1000, 7'999, false, 1});
  }
  EXPECT_EQ(unused.cwnd, 195'000u);
  EXPECT_EQ(brief.cwnd, 199'000u);
}

TEST(HyStart, AQueueThatGrowsOnEndsIt) {
  CongestionState s = after_three_rounds_of_10_ms(cubic());
  hystart_round(cubic(), s, 14'000);
  hystart_round(cubic(), s, 17'999);
  EXPECT_TRUE(s.in_slow_start());
  hystart_round(cubic(), s, 18'000);
  EXPECT_FALSE(s.in_slow_start());
}

TEST(Cubic, AfterATimeoutGrowsFromWhereSlowStartEnds) {
  CongestionState s;
  s.cwnd = 100'000;
  cubic().on_timeout(s, s.cwnd, 1000);
  EXPECT_EQ(s.cwnd, 1000u);
  EXPECT_EQ(s.ssthresh, 70'000u);
  s.cwnd = 70'000;
  cubic().on_ack(s, {1000, 1, 100, 1000, 0, false});
  EXPECT_EQ(s.avoidance.w_max, 70'000u);
  EXPECT_EQ(s.avoidance.k_ms, 0u);
}

TEST(Cubic, IsAsFastAsRenoOnceItIsBack) {
  // A short round trip: Reno's line lies above the curve (RFC 9438, 4.3).
  CongestionState s;
  s.cwnd = 20'000;
  cubic().on_loss(s, s.cwnd, 1000);
  const auto round_trip = [&](std::uint32_t ms) {
    const std::uint32_t before = s.cwnd;
    for (int i = 0; i < 20; ++i) cubic().on_ack(s, {before / 20, ms, 1, 1000, 0, false});
    return s.cwnd - before;
  };
  EXPECT_NEAR(round_trip(1), 529, 60);
  for (std::uint32_t ms = 2; s.cwnd < 21'000; ++ms) round_trip(ms);
  EXPECT_NEAR(round_trip(40), 1000, 60);
}

TEST(Congestion, IdleHalvesTheWindowForEachTimeoutAndKeepsThreeQuartersInMind) {
  CongestionState s;
  s.cwnd = 80'000;
  s.set_ssthresh(30'000);
  newreno().on_idle(s, 10'000, 1);
  EXPECT_EQ(s.cwnd, 40'000u);
  EXPECT_EQ(s.ssthresh, 60'000u);
  newreno().on_idle(s, 10'000, 9);
  EXPECT_EQ(s.cwnd, 10'000u);
}

}  // namespace
}  // namespace weft::net
