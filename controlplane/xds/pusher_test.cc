#include "controlplane/xds/pusher.h"

#include <gtest/gtest.h>

#include "controlplane/registry/test_cluster.h"

namespace weft::controlplane {
namespace {

using namespace std::chrono_literals;

// Collects what is published.
class PusherFixture : public testing::Test {
 protected:
  std::vector<std::pair<std::uint64_t, Pusher::Clock::time_point>> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 5s, [&] { return published_.size() >= count; });
    return published_;
  }
  Pusher::Publish collector() {
    return [this](std::shared_ptr<const World> world, auto) {
      const std::lock_guard lock(mutex_);
      published_.emplace_back(world->version(), Pusher::Clock::now());
      changed_.notify_all();
    };
  }

  TestCluster cluster_;
  Metrics metrics_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<std::uint64_t, Pusher::Clock::time_point>> published_;
};

TEST_F(PusherFixture, TheFirstChangeGoesOutAtOnceAndTheBurstBehindItMerges) {
  cluster_.put("shop.yaml", kShop);
  const auto index = cluster_.index();
  Pusher pusher({Duration::milliseconds(200), Duration::seconds(10)}, metrics_, collector());
  const auto start = Pusher::Clock::now();
  pusher.submit(index, {});
  EXPECT_LT(wait_for(1).at(0).second - start, 150ms);
  for (int i = 0; i < 5; ++i) pusher.submit(index, {});
  const auto published = wait_for(2);
  ASSERT_EQ(published.size(), 2u);
  EXPECT_GE(published[1].second - published[0].second, 190ms);
}

TEST_F(PusherFixture, ABurstWithoutEndGoesOutAllTheSame) {
  cluster_.put("shop.yaml", kShop);
  const auto index = cluster_.index();
  Pusher pusher({Duration::milliseconds(100), Duration::milliseconds(300)}, metrics_, collector());
  const auto end = Pusher::Clock::now() + 1s;
  while (Pusher::Clock::now() < end) {
    pusher.submit(index, {});
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_GE(wait_for(3).size(), 3u);
}

}  // namespace
}  // namespace weft::controlplane
