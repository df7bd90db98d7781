#include "base/timer_wheel.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <map>
#include <new>
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

// ---- O(1): what an operation costs is the nodes that it comes by.

// Timers of which some operation may or may not have written to any.
class Crowd {
 public:
  explicit Crowd(std::size_t n) : timers_(n), seen_(n) {}
  Timer& operator[](std::size_t i) { return timers_[i]; }
  std::size_t size() const { return timers_.size(); }
  // Nodes that are not as they were at the last call.
  std::size_t touched() {
    std::size_t n = 0;
    for (std::size_t i = 0; i < timers_.size(); ++i) {
      const Links now{timers_[i].next_, timers_[i].link_, timers_[i].tick_};
      n += now != seen_[i];
      seen_[i] = now;
    }
    return n;
  }

 private:
  struct Links {
    TimerNode* next = nullptr;
    TimerNode** link = nullptr;
    std::uint64_t tick = 0;
    bool operator==(const Links&) const = default;
  };
  std::vector<Timer> timers_;
  std::vector<Links> seen_;
};

// Itself, its neighbours in the list that it leaves, and the head of the list that it joins.
TEST(TimerWheel, SettingAndCancellingWritesToFourNodesHoweverManyThereAre) {
  for (std::size_t n : {100u, 10'000u, 100'000u}) {
    Random random(5);
    TimerWheel<Timer> wheel;
    Crowd timers(n);
    for (std::size_t i = 0; i < n; ++i) wheel.schedule(timers[i], random.below(120'000));
    timers.touched();
    for (int i = 0; i < 200; ++i) {
      Timer& timer = timers[random.below(n)];
      random.chance(0.3) ? wheel.cancel(timer) : wheel.schedule(timer, random.below(120'000));
      ASSERT_LE(timers.touched(), 4u) << n << " timers";
    }
  }
}

// Two minutes are three levels: a timer is moved down twice and taken out once, and with each move two neighbours may
// learn of it.
TEST(TimerWheel, ExpiryWritesToAFewNodesForEachTimer) {
  for (std::size_t n : {1'000u, 20'000u}) {
    Random random(6);
    TimerWheel<Timer> wheel;
    Crowd timers(n);
    for (std::size_t i = 0; i < n; ++i) wheel.schedule(timers[i], random.below(120'000));
    timers.touched();
    std::size_t touched = 0;
    for (std::uint64_t now = 0; now <= 120'000; now += 100) {
      while (wheel.pop_due(ms(now)) != nullptr) {}
      touched += timers.touched();
    }
    EXPECT_EQ(wheel.size(), 0u);
    EXPECT_LE(touched, 9 * n);
    EXPECT_GE(touched, n);
  }
}

// Reads count as well: those whose time has not come lie where a look at them would be a segmentation fault.
TEST(TimerWheel, TimersThatWaitAreNotLookedAt) {
  constexpr std::size_t kWaiting = 100'000, kBytes = kWaiting * sizeof(Timer);
  void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  TimerWheel<Timer> wheel;
  auto* waiting = static_cast<Timer*>(memory);
  for (std::size_t i = 0; i < kWaiting; ++i) wheel.schedule(*new (waiting + i) Timer, 60'000 + i);
  ASSERT_EQ(::mprotect(memory, kBytes, PROT_NONE), 0);
  Random random(7);
  std::vector<Timer> near(64);
  std::size_t expired = 0;
  for (std::uint64_t now = 1; now < 10'000; ++now) {
    Timer& timer = near[random.below(near.size())];
    const std::uint64_t due = now + 1 + random.below(random.chance(0.5) ? 20 : 5'000);
    random.chance(0.3) ? wheel.cancel(timer) : wheel.schedule(timer, due);
    while (wheel.pop_due(ms(now)) != nullptr) ++expired;
    if (wheel.size() > kWaiting) { ASSERT_GT(wheel.deadline(), ms(now)); }
  }
  EXPECT_GT(expired, 1'000u);
  ASSERT_EQ(::mprotect(memory, kBytes, PROT_READ | PROT_WRITE), 0);
  for (Timer& timer : near) wheel.cancel(timer);
  EXPECT_EQ(wheel.size(), kWaiting);
  ::munmap(memory, kBytes);
}

}  // namespace
}  // namespace weft
