// TCP over bad networks: properties over many seeds. A failing seed is the bug report; the command that replays it is
// printed with it.
//   WEFT_SEED=N                      replays one: trace to stderr, captures in the temporary directory
//   WEFT_SEEDS=N, WEFT_FIRST_SEED=K  runs N (500), beginning with K (1)
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "tests/sim/tcp_simulation.h"

namespace weft::sim {
namespace {

constexpr const char* kFilter = "TcpSimulation.BytesArriveWholeOrBothHearOfIt";

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string last_lines(const std::string& text, int lines) {
  std::size_t at = text.size();
  while (at > 0 && lines-- >= 0) at = text.rfind('\n', at - 1) == std::string::npos ? 0 : text.rfind('\n', at - 1);
  return text.substr(at);
}

// One seed with everything on record.
std::string replay(std::uint64_t seed, bool whole_trace) {
  const Scenario scenario = scenario_of(seed);
  Recorder recorder(static_cast<int>(scenario.hosts.size()), TcpSimulation::kBegin);
  TcpSimulation simulation(seed, scenario, &recorder);
  const Outcome outcome = simulation.run();
  if (!whole_trace && outcome.failure.empty()) return "does not fail again: not deterministic";
  std::fprintf(stderr, "%s%s", describe(scenario).c_str(),
               whole_trace ? recorder.trace().c_str() : last_lines(recorder.trace(), 40).c_str());
  const auto prefix = std::filesystem::temp_directory_path() / ("weft-tcp-sim-" + std::to_string(seed));
  for (const std::string& path : recorder.save(prefix)) std::fprintf(stderr, "capture: %s\n", path.c_str());
  return outcome.failure;
}

struct Sums {
  std::uint64_t connections = 0, complete = 0, bytes = 0, datagrams = 0, timer_calls = 0, merged = 0, dropped = 0;
  std::uint64_t hand_overs = 0;
  Duration lasted;

  void add(const Outcome& o) {
    connections += o.connections;
    complete += o.complete;
    bytes += o.bytes;
    datagrams += o.datagrams;
    timer_calls += o.timer_calls;
    merged += o.merged;
    dropped += o.dropped;
    hand_overs += o.hand_overs;
    lasted = lasted + o.lasted;
  }
};

// Runs `seeds` seeds; prints how far it is each minute, and the sums at the end.
void run_seeds(std::uint64_t first, std::uint64_t seeds) {
  using Clock = std::chrono::steady_clock;
  Sums sums;
  int failures = 0;
  auto last_word = Clock::now();
  for (std::uint64_t seed = first; seed < first + seeds && failures < 10; ++seed) {
    const Outcome outcome = TcpSimulation(seed, scenario_of(seed)).run();
    sums.add(outcome);
    if (Clock::now() - last_word > std::chrono::minutes(1)) {
      last_word = Clock::now();
      std::printf("tcp-sim: %lu of %lu seeds, %d failed\n", seed - first + 1, seeds, failures);
      std::fflush(stdout);
    }
    if (outcome.failure.empty()) continue;
    ++failures;
    replay(seed, false);
    ADD_FAILURE() << "seed " << seed << ": " << outcome.failure << "\nreplay: WEFT_SEED=" << seed << " "
                  << program_invocation_name << " --gtest_filter=" << kFilter;
  }
  std::printf("tcp-sim: %lu seeds, %lu connections (%lu in order), %lu bytes checked, %lu datagrams, %lu merged, "
              "%lu refused, %lu timer calls, %lu hand-overs, %lu s of virtual time\n",
              seeds, sums.connections, sums.complete, sums.bytes, sums.datagrams, sums.merged, sums.dropped,
              sums.timer_calls, sums.hand_overs, static_cast<std::uint64_t>(sums.lasted.ms() / 1000));
}

TEST(TcpSimulation, BytesArriveWholeOrBothHearOfIt) {
  if (std::getenv("WEFT_SEED") != nullptr) {
    EXPECT_EQ(replay(number_from("WEFT_SEED", 1), true), "");
    return;
  }
  run_seeds(number_from("WEFT_FIRST_SEED", 1), number_from("WEFT_SEEDS", 500));
}

TEST(TcpSimulation, ReplayIsTheSameRun) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Scenario scenario = scenario_of(seed);
    Recorder recorder(static_cast<int>(scenario.hosts.size()), TcpSimulation::kBegin);
    const Outcome recorded = TcpSimulation(seed, scenario, &recorder).run();
    const Outcome silent = TcpSimulation(seed, scenario).run();
    EXPECT_EQ(recorded.digest, silent.digest) << "seed " << seed;
    EXPECT_EQ(recorded.lasted, silent.lasted) << "seed " << seed;
  }
}

// What is on the wire, and when, does not show that a connection went from engine to engine. One alone: among several
// the order of what is due in the same millisecond may change, and with it the wire's dice. With room enough: buffers
// are filled anew, so an account may hold less than before.
TEST(TcpSimulation, HandingOverChangesNothing) {
  std::uint64_t hand_overs = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Scenario scenario = scenario_of(seed);
    scenario.connections.resize(1);
    for (HostOptions& host : scenario.hosts) host.tcp.account_limit = net::TcpOptions().account_limit;
    scenario.hand_over = 0;
    const Outcome alone = TcpSimulation(seed, scenario).run();
    scenario.hand_over = 0.1;
    const Outcome handed_over = TcpSimulation(seed, scenario).run();
    EXPECT_EQ(handed_over.failure, "") << "seed " << seed;
    EXPECT_EQ(handed_over.digest, alone.digest) << "seed " << seed;
    EXPECT_EQ(handed_over.lasted, alone.lasted) << "seed " << seed;
    hand_overs += handed_over.hand_overs;
  }
  EXPECT_GT(hand_overs, 1000u);
}

// Four timeouts, from 200 ms to 1.6 s, and the rest of 400 kB.
TEST(TcpSimulation, BlackHoleCostsSecondsNotTheConnection) {
  Scenario s;
  s.hosts.resize(2);
  s.links.resize(2);
  s.connections.resize(1);
  s.connections[0].programs[0].bytes = 400'000;
  s.connections[0].programs[0].largest_write = 20'000;
  for (HostOptions& host : s.hosts) host.tcp.time_wait = Duration::milliseconds(1);
  for (LinkOptions& link : s.links[0]) link.bytes_per_second = 1'000'000;
  s.changes = {{Duration::milliseconds(50), ChangeKind::kBlackHole, 0, 1},
               {Duration::milliseconds(50), ChangeKind::kPathMtu, 0, 1300}};
  const Outcome outcome = TcpSimulation(1, s).run();
  EXPECT_EQ(outcome.failure, "");
  EXPECT_EQ(outcome.complete, 1u);
  EXPECT_GT(outcome.lasted, Duration::seconds(2));
  EXPECT_LT(outcome.lasted, Duration::seconds(10));
}

// ---- speed, of one connection of 4 MB from h0 to h1

double goodput(const LinkOptions& link, net::CongestionAlgorithm algorithm) {
  Scenario s;
  s.hosts.resize(2);
  s.links = {{link, link}, {LinkOptions{.delay = Duration()}, LinkOptions{.delay = Duration()}}};
  for (HostOptions& host : s.hosts) {
    host.tcp.congestion = algorithm;
    host.tcp.time_wait = Duration::milliseconds(1);
  }
  s.connections.resize(1);
  s.connections[0].programs[0] = {.bytes = 4'000'000, .largest_write = 60'000};
  const Outcome outcome = TcpSimulation(1, s).run();
  EXPECT_EQ(outcome.failure, "");
  return 4'000'000 / (static_cast<double>(outcome.lasted.ns()) / 1e9);
}

TEST(TcpSimulation, FillsMostOfABottleneck) {
  const LinkOptions link{.delay = Duration::milliseconds(10), .bytes_per_second = 2'500'000};
  for (auto algorithm : {net::CongestionAlgorithm::kCubic, net::CongestionAlgorithm::kNewReno}) {
    EXPECT_GT(goodput(link, algorithm), 0.7 * 2'500'000);
  }
}

TEST(TcpSimulation, LossOfOnePercentCostsNoTimeouts) {
  // Padhye's bound for Reno at 1 % and 10 ms is about 1.7 MB/s.
  EXPECT_GT(goodput({.delay = Duration::milliseconds(5), .loss = 0.01}, net::CongestionAlgorithm::kCubic), 800'000);
}

}  // namespace
}  // namespace weft::sim
