#include "base/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/random.h"

namespace weft {
namespace {

struct Timer : TimerNode {
  int name = 0;
};

Time ms(std::uint64_t n) { return Time::from_ns(static_cast<std::int64_t>(n) * 1'000'000); }

TEST(TimerWheel, MatchesASortedModel) {
  Random random(9);
  TimerWheel<Timer> wheel;
  std::vector<Timer> timers(60);
  std::map<int, std::uint64_t> model;
  std::uint64_t now = 123'456'789;
  while (wheel.pop_due(ms(now)) != nullptr) {}
  for (int step = 0; step < 30'000; ++step) {
    const int which = static_cast<int>(random.below(timers.size()));
    Timer& timer = timers[static_cast<std::size_t>(which)];
    timer.name = which;
    if (random.chance(0.6)) {
      const std::uint64_t spans[] = {3, 70, 5'000, 300'000, 20'000'000};
      const std::uint64_t tick = now + random.below(spans[random.below(5)]);
      wheel.schedule(timer, tick);
      model[which] = tick;
    } else if (random.chance(0.3)) {
      wheel.cancel(timer);
      model.erase(which);
    } else {
      now += random.below(random.chance(0.1) ? 2'000'000 : 200);
      while (Timer* due = wheel.pop_due(ms(now))) {
        ASSERT_TRUE(model.contains(due->name));
        ASSERT_LE(model[due->name], now);
        model.erase(due->name);
      }
    }
    std::uint64_t first = UINT64_MAX;
    for (auto [name, tick] : model) first = std::min(first, tick);
    ASSERT_EQ(wheel.size(), model.size());
    ASSERT_EQ(wheel.deadline(), first == UINT64_MAX ? Time::never() : ms(first));
  }
}

TEST(TimerWheel, CrowdedSlotMayWakeEarlyButNeverLate) {
  TimerWheel<Timer> wheel;
  std::vector<Timer> timers(1000);
  for (auto& timer : timers) wheel.schedule(timer, 1'000'000 + static_cast<std::uint64_t>(&timer - timers.data()));
  int wakes = 0;
  std::size_t fired = 0;
  while (fired < timers.size()) {
    const Time t = wheel.deadline();
    ++wakes;
    while (Timer* due = wheel.pop_due(t)) {
      EXPECT_EQ(ms(due->tick_), t);
      ++fired;
    }
  }
  EXPECT_LT(wakes, 1000 + 30);
}

}  // namespace
}  // namespace weft
