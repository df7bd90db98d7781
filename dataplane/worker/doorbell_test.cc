#include "dataplane/worker/doorbell.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>
#include <vector>

namespace weft::worker {
namespace {

// Sleeps as a worker does; false: `milliseconds` passed without a ring.
bool sleep_on(Doorbell& bell, int milliseconds) {
  if (!bell.may_sleep()) return true;
  pollfd readable{bell.fd(), POLLIN, 0};
  const bool rung = ::poll(&readable, 1, milliseconds) > 0;
  bell.woke(rung);
  return rung;
}

TEST(Doorbell, RingBeforeSleepRefusesIt) {
  Doorbell bell;
  bell.ring();
  EXPECT_FALSE(bell.may_sleep());
  EXPECT_EQ(bell.wakeups(), 0u);
  EXPECT_TRUE(bell.may_sleep());
  bell.woke(false);
}

TEST(Doorbell, RingDuringSleepWritesOnce) {
  Doorbell bell;
  ASSERT_TRUE(bell.may_sleep());
  bell.ring();
  bell.ring();
  EXPECT_EQ(bell.wakeups(), 1u);
  bell.woke(true);
  EXPECT_FALSE(sleep_on(bell, 0));
}

// Work is published with relaxed order: only the bell's own ordering makes it visible.
TEST(Doorbell, LosesNoWakeUp) {
  constexpr int kProducers = 2;
  constexpr int kRings = 50'000;
  Doorbell bell;
  std::atomic<int> published{0};
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&] {
      for (int i = 0; i < kRings; ++i) {
        published.fetch_add(1, std::memory_order_relaxed);
        bell.ring();
        if (i % 16 == 0) std::this_thread::yield();
      }
    });
  }
  int seen = 0;
  bool lost = false;
  while (seen < kProducers * kRings && !lost) {
    const int now = published.load(std::memory_order_relaxed);
    if (now != seen) {
      seen = now;
    } else {
      lost = !sleep_on(bell, 5000);
    }
  }
  EXPECT_FALSE(lost) << "asleep with " << published.load() - seen << " items waiting";
  for (auto& producer : producers) producer.join();
}

}  // namespace
}  // namespace weft::worker
