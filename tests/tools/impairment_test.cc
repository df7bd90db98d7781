#include "tests/tools/impairment.h"

#include <gtest/gtest.h>

namespace weft::tools {
namespace {

Time at_us(std::int64_t us) { return Time::from_ns(us * 1000); }
Frame numbered(int number) {
  Frame frame(1000);
  frame[0] = static_cast<std::uint8_t>(number >> 8);
  frame[1] = static_cast<std::uint8_t>(number);
  return frame;
}

// Sends `frames`, one each 10 us; the numbers in the order in which they came out.
std::vector<int> pass(Impairment& wire, int frames) {
  std::vector<int> out;
  Frame frame;
  const auto take = [&](Time now) {
    while (wire.poll(now, &frame)) out.push_back(frame[0] << 8 | frame[1]);
  };
  for (int i = 0; i < frames; ++i) {
    wire.on_frame(at_us(i * 10), numbered(i));
    take(at_us(i * 10));
  }
  take(at_us(100'000'000));
  return out;
}

TEST(Impairment, NothingAskedNothingDone) {
  Impairment wire({});
  const std::vector<int> out = pass(wire, 1000);
  EXPECT_EQ(out.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(out.begin(), out.end()));
  EXPECT_EQ(wire.counters().delay_max, Duration());
}

TEST(Impairment, SameSeedSameFate) {
  const ImpairmentOptions options{.seed = 42, .loss = 0.1, .reorder = 0.1, .duplicate = 0.1};
  Impairment first(options), second(options), other({.seed = 43, .loss = 0.1, .reorder = 0.1, .duplicate = 0.1});
  const auto out = pass(first, 2000);
  EXPECT_EQ(out, pass(second, 2000));
  EXPECT_NE(out, pass(other, 2000));
}

TEST(Impairment, LossIsNearWhatWasAsked) {
  Impairment wire({.loss = 0.01});
  pass(wire, 60'000);
  EXPECT_NEAR(wire.counters().loss(), 0.01, 0.002);
}

TEST(Impairment, BurstsHaveTheirLength) {
  Impairment wire({.burst_loss = 0.002, .burst_length = 10});
  const auto out = pass(wire, 60'000);
  int gaps = 0;
  for (std::size_t i = 1; i < out.size(); ++i) gaps += out[i] != out[i - 1] + 1 ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(wire.counters().lost_in_bursts) / gaps, 10, 3);
}

TEST(Impairment, SilenceEndsABurst) {
  Impairment wire({.burst_loss = 1, .burst_length = 1e9, .burst_silence = Duration::milliseconds(100)});
  wire.on_frame(at_us(0), numbered(0));
  wire.on_frame(at_us(99'999), numbered(1));
  EXPECT_EQ(wire.counters().lost_in_bursts, 2u);
  Impairment quiet({.burst_loss = 0.5, .burst_length = 1e9, .burst_silence = Duration::milliseconds(100)});
  for (int i = 0; i < 100; ++i) quiet.on_frame(at_us(200'000 * i), numbered(i));
  EXPECT_GT(quiet.counters().lost_in_bursts, 0u);
  EXPECT_LT(quiet.counters().lost_in_bursts, 100u);
}

TEST(Impairment, DelayHoldsAndJitterKeepsOrder) {
  Impairment wire({.delay = Duration::milliseconds(5), .jitter = Duration::milliseconds(3)});
  wire.on_frame(at_us(0), numbered(0));
  EXPECT_GE(wire.deadline(), at_us(5000));
  EXPECT_LT(wire.deadline(), at_us(8000));
  const auto out = pass(wire, 1000);
  EXPECT_TRUE(std::is_sorted(out.begin(), out.end()));
}

TEST(Impairment, HeldBackFramesAreOvertaken) {
  Impairment wire({.reorder = 0.05});
  const auto out = pass(wire, 2000);
  EXPECT_EQ(out.size(), 2000u);
  EXPECT_FALSE(std::is_sorted(out.begin(), out.end()));
  EXPECT_NEAR(static_cast<double>(wire.counters().reordered), 100, 40);
}

TEST(Impairment, RateSpacesFramesAndDropsWhatDoesNotFit) {
  Impairment wire({.bits_per_second = 8'000'000, .queue_bytes_max = 10'000});  // a frame takes 1 ms
  for (int i = 0; i < 100; ++i) wire.on_frame(at_us(0), numbered(i));
  EXPECT_EQ(wire.deadline(), at_us(1000));
  EXPECT_NEAR(static_cast<double>(wire.counters().lost_in_queue), 89, 1);
}

}  // namespace
}  // namespace weft::tools
