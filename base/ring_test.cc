#include "base/ring.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace weft {
namespace {

TEST(SpscRing, RefusesWhenFullAndLeavesTheItem) {
  SpscRing<std::unique_ptr<int>> ring(2);
  EXPECT_TRUE(ring.push(std::make_unique<int>(1)));
  EXPECT_TRUE(ring.push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  EXPECT_FALSE(ring.push(std::move(third)));
  ASSERT_NE(third, nullptr);
  std::unique_ptr<int> out;
  ASSERT_TRUE(ring.pop(&out));
  EXPECT_EQ(*out, 1);
  EXPECT_TRUE(ring.push(std::move(third)));
  ASSERT_TRUE(ring.pop(&out));
  ASSERT_TRUE(ring.pop(&out));
  EXPECT_EQ(*out, 3);
  EXPECT_FALSE(ring.pop(&out));
}

TEST(SpscRing, KeepsOrderBetweenThreads) {
  constexpr int kItems = 300'000;
  SpscRing<int> ring(64);
  std::thread producer([&] {
    for (int i = 0; i < kItems; ++i) {
      while (!ring.push(int{i})) std::this_thread::yield();
    }
  });
  int in_order = 0;
  for (int i = 0; i < kItems; ++i) {
    int item = -1;
    while (!ring.pop(&item)) std::this_thread::yield();
    in_order += item == i ? 1 : 0;
  }
  producer.join();
  EXPECT_EQ(in_order, kItems);
}

}  // namespace
}  // namespace weft
