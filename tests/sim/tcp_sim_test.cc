// TCP over a bad wire: properties over many seeds. A failing seed is the bug report; WEFT_SEED=n replays one and prints
// its trace.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/sim/tcp_simulation.h"

namespace weft::sim {
namespace {

struct Scenario {
  WireOptions wire;
  std::array<ProgramOptions, 2> programs;
  net::TcpOptions options;
  bool v6 = false;
};

// Everything about a run follows from its seed.
Scenario scenario_of(std::uint64_t seed) {
  Random random(seed * 0x9e3779b97f4a7c15u + 1);
  Scenario s;
  const double losses[] = {0, 0.001, 0.01, 0.05, 0.15};
  s.wire.loss = losses[random.below(5)];
  s.wire.duplicate = random.chance(0.5) ? 0.02 : 0;
  s.wire.reorder = random.chance(0.5) ? 0.1 : 0;
  s.wire.delay = Duration::microseconds(static_cast<std::int64_t>(20 + random.below(50'000)));
  s.wire.jitter = Duration::microseconds(static_cast<std::int64_t>(random.below(20'000)));
  s.wire.keep_super_segments = random.chance(0.5) ? 0.5 : 0;
  if (random.chance(0.3)) s.wire.bytes_per_second = 200'000 + random.below(5'000'000);
  for (ProgramOptions& p : s.programs) {
    p.bytes = static_cast<std::uint32_t>(random.below(random.chance(0.2) ? 400'000 : 60'000));
    p.largest_write = static_cast<std::uint32_t>(1 + random.below(random.chance(0.3) ? 200 : 50'000));
    p.largest_read = static_cast<std::uint32_t>(1 + random.below(random.chance(0.3) ? 2000 : 200'000));
    if (random.chance(0.2)) p.read_pause = Duration::milliseconds(static_cast<std::int64_t>(random.below(50)));
    p.half_close = random.chance(0.7);
  }
  if (!s.programs[0].half_close) s.programs[1].half_close = true;
  s.options.timestamps = random.chance(0.8);
  s.options.sack = random.chance(0.7);
  s.options.window_scale = random.chance(0.8);
  s.options.nagle = random.chance(0.2);
  if (random.chance(0.5)) s.options.ecn = net::EcnMode::kAlways, s.wire.mark = random.chance(0.5) ? 0.05 : 0;
  s.options.congestion = random.chance(0.5) ? net::CongestionAlgorithm::kCubic : net::CongestionAlgorithm::kNewReno;
  if (random.chance(0.3)) s.options.receive_buffer_initial = static_cast<std::uint32_t>(2000 + random.below(20'000));
  if (random.chance(0.3)) s.options.send_buffer_max = static_cast<std::uint32_t>(5000 + random.below(100'000));
  s.options.retries = 40;  // the wire is bad, not dead
  s.options.syn_ack_retries = 40;
  s.options.orphan_retries = 40;
  s.options.rto_max = Duration::seconds(8);
  s.v6 = random.chance(0.3);
  return s;
}

Outcome run_seed(std::uint64_t seed, bool traced) {
  const Scenario s = scenario_of(seed);
  TcpSimulation simulation(seed, s.wire, s.programs, s.options, s.v6);
  simulation.traced = traced;
  Outcome outcome = simulation.run();
  if (traced) std::fputs(simulation.trace.c_str(), stderr);
  return outcome;
}

TEST(TcpSimulation, BytesArriveWholeAndEverythingIsGivenBack) {
  if (const char* seed = std::getenv("WEFT_SEED"); seed != nullptr) {
    EXPECT_EQ(run_seed(std::strtoull(seed, nullptr, 10), true).failure, "");
    return;
  }
  const char* count = std::getenv("WEFT_SEEDS");
  const std::uint64_t seeds = count != nullptr ? std::strtoull(count, nullptr, 10) : 500;
  int failures = 0;
  for (std::uint64_t seed = 1; seed <= seeds && failures < 10; ++seed) {
    const Outcome outcome = run_seed(seed, false);
    if (outcome.failure.empty()) continue;
    ++failures;
    ADD_FAILURE() << outcome.failure << "; replay: WEFT_SEED=" << seed
                  << " tcp_sim_test --gtest_filter=TcpSimulation.BytesArriveWholeAndEverythingIsGivenBack";
  }
}

double goodput(const WireOptions& wire, net::CongestionAlgorithm algorithm) {
  net::TcpOptions options;
  options.congestion = algorithm;
  std::array<ProgramOptions, 2> programs;
  programs[0].bytes = 4'000'000;
  programs[0].largest_write = 60'000;
  options.time_wait = Duration::milliseconds(1);
  TcpSimulation simulation(1, wire, programs, options);
  const Outcome outcome = simulation.run();
  EXPECT_EQ(outcome.failure, "");
  return 4'000'000 / (static_cast<double>(outcome.end.ns() - 1'000'000'000'000) / 1e9);
}

TEST(TcpSimulation, FillsMostOfABottleneck) {
  WireOptions wire;
  wire.delay = Duration::milliseconds(10);
  wire.bytes_per_second = 2'500'000;
  for (auto algorithm : {net::CongestionAlgorithm::kCubic, net::CongestionAlgorithm::kNewReno}) {
    EXPECT_GT(goodput(wire, algorithm), 0.7 * 2'500'000);
  }
}

TEST(TcpSimulation, LossOfOnePercentCostsNoTimeouts) {
  WireOptions wire;
  wire.delay = Duration::milliseconds(5);
  wire.loss = 0.01;
  // Padhye's bound for Reno at 1 % and 10 ms is about 1.7 MB/s.
  EXPECT_GT(goodput(wire, net::CongestionAlgorithm::kCubic), 800'000);
}

}  // namespace
}  // namespace weft::sim
