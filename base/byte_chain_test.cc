#include "base/byte_chain.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"

namespace weft {
namespace {

ByteChain chain_of(BufferPool& pool, std::initializer_list<std::string_view> pieces) {
  ByteChain chain;
  for (auto piece : pieces) chain.append(ByteChain::copy_of(as_bytes(piece), pool));
  return chain;
}

std::string text(const ByteChain& chain) {
  std::string all(chain.size(), '\0');
  chain.copy_to(0, {reinterpret_cast<std::uint8_t*>(all.data()), all.size()});
  return all;
}

TEST(ByteChain, TakesFrontAcrossSlicesAndSharesTheBorder) {
  HeapBufferPool pool;
  ByteChain chain = chain_of(pool, {"abc", "def", "ghi"});
  ByteChain front = chain.take_front(5);
  EXPECT_EQ(text(front), "abcde");
  EXPECT_EQ(text(chain), "fghi");
  EXPECT_FALSE(chain.front().exclusive());
  front.clear();
  EXPECT_TRUE(chain.front().exclusive());
}

TEST(ByteChain, SharesARangeAndDropsBothEnds) {
  HeapBufferPool pool;
  ByteChain chain = chain_of(pool, {"abc", "def", "ghi"});
  EXPECT_EQ(text(chain.share(2, 5)), "cdefg");
  chain.drop_front(4);
  chain.drop_back(3);
  EXPECT_EQ(text(chain), "ef");
  EXPECT_EQ(chain.slices(), 1u);
}

TEST(ByteChain, RandomOperationsKeepTheString) {
  HeapBufferPool pool(16);
  Random random(7);
  ByteChain chain;
  std::string model;
  for (int step = 0; step < 20'000; ++step) {
    const auto n = random.below(model.size() + 1);
    switch (random.below(5)) {
      case 0:
      case 1: {
        std::string piece(random.below(40), static_cast<char>('a' + step % 26));
        chain.append(ByteChain::copy_of(as_bytes(piece), pool));
        model += piece;
        break;
      }
      case 2: {
        ASSERT_EQ(text(chain.take_front(n)), model.substr(0, n));
        model.erase(0, n);
        break;
      }
      case 3: {
        ASSERT_EQ(text(chain.share(n, model.size() - n)), model.substr(n));
        break;
      }
      default: {
        const auto tail = random.below(model.size() / 2 + 1);
        chain.drop_back(tail);
        model.resize(model.size() - tail);
      }
    }
    ASSERT_EQ(text(chain), model);
  }
  chain.clear();
  EXPECT_EQ(pool.outstanding(), 0u);
}

TEST(HeapBufferPool, RefusesPastItsLimit) {
  HeapBufferPool pool(64, 1);
  Slice held = Slice::allocate(pool, 0);
  EXPECT_TRUE(held);
  EXPECT_FALSE(Slice::allocate(pool, 0));
}

}  // namespace
}  // namespace weft
