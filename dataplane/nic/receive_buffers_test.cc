// Where the frames of TAPs are read to, with pools that run dry.
#include "dataplane/nic/receive_buffers.h"

#include <gtest/gtest.h>

namespace weft::nic {
namespace {

// A heap pool that calls itself scarce when told to.
class Pool final : public BufferPool {
 public:
  Pool(std::uint32_t capacity, std::size_t limit) : heap_(capacity, limit) {}
  Buffer* allocate() override { return heap_.allocate(); }
  void release(Buffer* buffer) override { heap_.release(buffer); }
  std::uint32_t buffer_capacity() const override { return heap_.buffer_capacity(); }
  bool scarce() const override { return is_scarce; }
  std::size_t outstanding() const { return heap_.outstanding(); }
  bool is_scarce = false;

 private:
  HeapBufferPool heap_;
};

std::size_t room(ReceiveBuffers& buffers) {
  std::array<iovec, ReceiveBuffers::kPiecesMax> vector;
  std::size_t bytes = 0;
  for (std::size_t i = 0, n = buffers.offer(vector.data()); i < n; ++i) bytes += vector[i].iov_len;
  return bytes;
}

TEST(ReceiveBuffers, ShortFrameTakesTheSmallBufferAlone) {
  Pool small(kSmallCapacity, 100), large(kLargeCapacity, 100);
  {
    ReceiveBuffers buffers(small, large);
    ASSERT_TRUE(buffers.refill());
    EXPECT_EQ(large.outstanding(), 4u);
    Packet packet;
    buffers.take(1500, packet);
    EXPECT_EQ(packet.bytes.slices(), 1u);
    ASSERT_TRUE(buffers.refill());
    EXPECT_EQ(large.outstanding(), 4u);
  }
  EXPECT_EQ(small.outstanding() + large.outstanding(), 0u);
}

TEST(ReceiveBuffers, SmallBuffersTakeTheLongestFrameWhileLargeOnesAreScarce) {
  Pool small(kSmallCapacity, 100), large(kLargeCapacity, 100);
  large.is_scarce = true;
  ReceiveBuffers buffers(small, large);
  ASSERT_TRUE(buffers.refill());
  EXPECT_EQ(large.outstanding(), 0u);
  EXPECT_GE(room(buffers), kTapFrameMax);
  Packet packet;
  buffers.take(kTapFrameMax, packet);
  EXPECT_EQ(packet.bytes.size(), kTapFrameMax);
  large.is_scarce = false;
  for (int i = 0; i < 64; ++i) {  // it is sampled
    packet.bytes.clear();
    ASSERT_TRUE(buffers.refill());
    buffers.take(kTapFrameMax, packet);
  }
  EXPECT_EQ(packet.bytes.slices(), 5u);
}

TEST(ReceiveBuffers, SubstitutesGoBackWhenLargeOnesAreThereAgain) {
  Pool small(kSmallCapacity, 100), large(kLargeCapacity, 100);
  large.is_scarce = true;
  ReceiveBuffers buffers(small, large);
  ASSERT_TRUE(buffers.refill());
  EXPECT_GT(small.outstanding(), 30u);
  large.is_scarce = false;
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(buffers.refill());
  EXPECT_EQ(small.outstanding(), 1u);
  EXPECT_EQ(large.outstanding(), 4u);
}

TEST(ReceiveBuffers, WhereLargeOnesEndSmallOnesGoOn) {
  Pool small(kSmallCapacity, 100), large(kLargeCapacity, 2);
  ReceiveBuffers buffers(small, large);
  ASSERT_TRUE(buffers.refill());
  EXPECT_EQ(large.outstanding(), 2u);
  EXPECT_GE(room(buffers), kTapFrameMax);
}

TEST(ReceiveBuffers, NoBufferIsSaid) {
  Pool small(kSmallCapacity, 10), large(kLargeCapacity, 0);
  ReceiveBuffers buffers(small, large);
  EXPECT_FALSE(buffers.refill());
}

}  // namespace
}  // namespace weft::nic
