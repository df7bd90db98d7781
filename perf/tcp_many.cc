#include "perf/tcp_many.h"

#include <algorithm>

#include "base/timer_wheel.h"
#include "dataplane/net/tcp_connection.h"
#include "perf/tcp_bench.h"
#include "tests/builders/counting_allocator.h"

namespace weft::perf {

using namespace net;

namespace {

constexpr std::size_t kMany = 100'000;
constexpr std::size_t kSizes[] = {100, 10'000, kMany};

// `n` different ones.
template <typename T>
std::vector<T> some_of(const std::vector<T>& all, std::size_t n, Random& random) {
  std::vector<T> some;
  std::vector<std::size_t> taken;
  while (some.size() < n) {
    const std::size_t i = random.below(all.size());
    if (std::ranges::find(taken, i) != taken.end()) continue;
    taken.push_back(i);
    some.push_back(all[i]);
  }
  return some;
}

struct TimerCycles {
  Cycles set, move, cancel, expire, move_hot;
};

// The timers of `n` connections, up to two minutes ahead: every time other ones, and for move_hot always the same.
void use_timers(std::size_t n, TimerCycles& cycles) {
  constexpr std::size_t kAtOnce = 64;
  constexpr std::uint64_t kSpan = 120'000;
  Random random(3);
  TimerWheel<TcpConnection> wheel;
  std::vector<TcpConnection> connections(n);
  std::vector<std::size_t> all(n);
  for (std::size_t i = 0; i < n; ++i) all[i] = i;
  std::uint64_t now = 0;
  const auto schedule = [&](std::size_t i) { wheel.schedule(connections[i], now + random.below(kSpan)); };
  for (std::size_t i : all) schedule(i);
  const std::vector<std::size_t> hot = some_of(all, kAtOnce, random);
  for (int round = 0; round < 500; ++round) {
    const std::vector<std::size_t> picks[] = {some_of(all, kAtOnce, random), some_of(all, kAtOnce, random)};
    cycles.move.measure(kAtOnce, [&] { for (std::size_t i : picks[0]) schedule(i); });
    cycles.cancel.measure(kAtOnce, [&] { for (std::size_t i : picks[1]) wheel.cancel(connections[i]); });
    cycles.set.measure(kAtOnce, [&] { for (std::size_t i : picks[1]) schedule(i); });
    for (std::size_t i : hot) schedule(i);
    cycles.move_hot.measure(kAtOnce, [&] { for (std::size_t i : hot) schedule(i); });
  }
  for (int round = 0; round < 5; ++round) {
    cycles.expire.measure(n, [&] {
      for (Time due = wheel.deadline(); !due.is_never(); due = wheel.deadline()) {
        while (wheel.pop_due(due) != nullptr) {}
      }
    });
    now += kSpan;
    for (std::size_t i : all) schedule(i);
  }
  for (TcpConnection& c : connections) wheel.cancel(c);
}

}  // namespace

void report_idle(Report& report) {
  TcpBench bench(true);
  const auto before = testing::allocations();
  const std::vector<PairedIds> ids = bench.open(kMany);
  const auto heap = (testing::allocations() - before).bytes -
                    static_cast<std::int64_t>(ids.capacity() * sizeof(PairedIds));
  const auto n = static_cast<double>(kMany);
  report.title("an idle connection, 100 000 open", "bytes");
  report.row("TcpConnection", "idle_connection_bytes", sizeof(TcpConnection));
  report.row("with slab and hash table, as memory() says", "idle_tables_bytes",
             static_cast<double>(bench.pair.a.memory()) / n);
  report.row("all that is on the heap for it, as a counting allocator says", "idle_heap_bytes",
             static_cast<double>(heap) / 2 / n);
  report.row("TIME-WAIT entry", "time_wait_bytes", sizeof(TcpTimeWait));
}

void report_many(Report& report) {
  report.title("2 segments in and an ACK out, 16 connections at random of", "cycles");
  double few = 0;
  for (std::size_t n : kSizes) {
    TcpBench bench(false);
    const std::vector<PairedIds> ids = bench.open(n);
    DataCycles cycles;
    Random random(4);
    for (int round = 0; round < 1500; ++round) {
      bench.transfer(some_of(ids, 16, random), 2 * kSegment, cycles);
    }
    const std::string name = std::to_string(n), key = "of_" + name + "_";
    report.row(name + ": segment in", key + "in", cycles.in.median());
    report.row(name + ": segment out", key + "out", cycles.out.median());
    report.row(name + ": all stages of both ends, for a segment", key + "everything", cycles.everything.median());
    if (few == 0) few = cycles.everything.median();
    if (n == kMany) report.ratio("cold caches: 100 000 beside 100", "cold_ratio", cycles.everything.median() / few);
  }
}

void report_timers(Report& report) {
  report.title("a timer among those of", "cycles");
  double few = 0;
  for (std::size_t n : kSizes) {
    TimerCycles cycles;
    use_timers(n, cycles);
    const std::string name = std::to_string(n), key = "timers_" + name + "_";
    report.row(name + ": set", key + "set", cycles.set.median());
    report.row(name + ": move", key + "move", cycles.move.median());
    report.row(name + ": cancel", key + "cancel", cycles.cancel.median());
    report.row(name + ": expire", key + "expire", cycles.expire.median());
    report.row(name + ": move, always the same 64", key + "move_hot", cycles.move_hot.median());
    if (few == 0) few = cycles.move_hot.median();
    const double ratio = cycles.move_hot.median() / few;
    if (n == kMany) report.ratio("O(1): the same 64 among 100 000 beside 100", "timers_ratio", ratio);
  }
}

}  // namespace weft::perf
