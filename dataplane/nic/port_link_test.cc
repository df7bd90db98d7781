// What becomes of slices on their way through a device, on DPDK's loopback (net_ring). Needs neither root nor hardware.
#include <gtest/gtest.h>

#include "dataplane/nic/eal.h"
#include "dataplane/nic/port.h"

namespace weft::nic {
namespace {

class PortLinkTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto started = start_eal({.node = "nic-link-test-" + std::to_string(::getpid()), .devices = {"net_ring0"},
                                    .memory_mb = 64});
    ASSERT_TRUE(started) << started.error();
    small_ = *MbufPool::create("small", 2047, kSmallCapacity);
    auto port = Port::open({.device = "net_ring0", .small_pool = small_.get()});
    ASSERT_TRUE(port) << port.error();
    port_ = std::move(*port);
    link_ = port_->link(0);
  }
  static void TearDownTestSuite() {
    link_.reset();
    port_.reset();
    small_.reset();
    stop_eal();
  }
  void TearDown() override { EXPECT_EQ(small_->in_use(), 0u); }

  static Slice slice(BufferPool& pool, std::uint8_t fill, std::uint32_t size) {
    Slice made = Slice::allocate(pool, kHeadroom);
    std::memset(made.append(size), fill, size);
    return made;
  }
  // Through the device and back.
  static Packet loop(Packet&& packet) {
    EXPECT_EQ(link_->transmit({&packet, 1}), 1u);
    EXPECT_TRUE(packet.bytes.empty());
    Packet back;
    EXPECT_EQ(link_->receive({&back, 1}), 1u);
    return back;
  }
  static std::string text(const ByteChain& bytes) {
    std::string all(bytes.size(), 0);
    bytes.copy_to(0, {reinterpret_cast<std::uint8_t*>(all.data()), all.size()});
    return all;
  }

  static inline std::unique_ptr<MbufPool> small_;
  static inline std::unique_ptr<Port> port_;
  static inline std::unique_ptr<net::Link> link_;
};

TEST_F(PortLinkTest, ExclusiveSlicesGoThemselves) {
  Packet packet;
  packet.bytes.push_back(slice(*small_, 'a', 60));
  packet.bytes.push_back(slice(*small_, 'b', 100));
  const std::uint8_t* storage = packet.bytes.front().data();
  const Packet back = loop(std::move(packet));
  EXPECT_EQ(back.bytes.slices(), 2u);
  EXPECT_EQ(back.bytes.front().data(), storage);
  EXPECT_TRUE(back.bytes.front().exclusive());
  EXPECT_EQ(text(back.bytes), std::string(60, 'a') + std::string(100, 'b'));
}

TEST_F(PortLinkTest, SharedSlicesAreLentAndComeBack) {
  Slice kept = slice(*small_, 'p', 1000);
  for (int transmission = 0; transmission < 3; ++transmission) {
    Packet packet;
    packet.bytes.push_back(slice(*small_, 'h', 54));
    packet.bytes.push_back(kept.clone());
    const Packet back = loop(std::move(packet));
    EXPECT_EQ(text(back.bytes), std::string(54, 'h') + std::string(1000, 'p'));
    EXPECT_EQ(kept.buffer()->references, 1u);
  }
}

TEST_F(PortLinkTest, DeviceKeepsStorageThatItsOwnerGaveUp) {
  Slice kept = slice(*small_, 'p', 1000);
  Packet packet;
  packet.bytes.push_back(slice(*small_, 'h', 54));
  packet.bytes.push_back(kept.clone());
  EXPECT_EQ(link_->transmit({&packet, 1}), 1u);
  kept.reset();
  EXPECT_EQ(small_->in_use(), 2u);
  Packet back;
  ASSERT_EQ(link_->receive({&back, 1}), 1u);
  EXPECT_EQ(text(back.bytes), std::string(54, 'h') + std::string(1000, 'p'));
}

TEST_F(PortLinkTest, HeapBuffersAndManyPiecesAreCopied) {
  HeapBufferPool heap;
  const std::uint64_t before = port_->counters(0).copied.value();
  Packet packet;
  packet.bytes.push_back(slice(heap, 'x', 100));
  EXPECT_EQ(text(loop(std::move(packet)).bytes), std::string(100, 'x'));
  Packet pieces;
  for (int i = 0; i < 100; ++i) pieces.bytes.push_back(slice(*small_, 'y', 10));
  const Packet back = loop(std::move(pieces));
  EXPECT_EQ(back.bytes.slices(), 1u);
  EXPECT_EQ(text(back.bytes), std::string(1000, 'y'));
  EXPECT_EQ(port_->counters(0).copied.value(), before + 2);
}

TEST_F(PortLinkTest, WrongFramesAreDroppedByName) {
  Packet frames[2];
  frames[0].bytes = ByteChain::copy_of(std::vector<std::uint8_t>(1515), *small_);
  frames[1].bytes = ByteChain::copy_of(std::vector<std::uint8_t>(60), *small_);
  frames[1].offload.gso = GsoType::kTcp4;
  EXPECT_EQ(link_->transmit(frames), 0u);
  EXPECT_EQ(port_->counters(0).drops.value(PortDrop::kFrameTooLong), 1u);
  EXPECT_EQ(port_->counters(0).drops.value(PortDrop::kBadOffload), 1u);
}

TEST_F(PortLinkTest, ExhaustedPoolIsAnEmptySlice) {
  std::vector<Slice> all;
  for (Slice next = Slice::allocate(*small_, 0); next; next = Slice::allocate(*small_, 0))
    all.push_back(std::move(next));
  // What another thread's cache holds may be missing.
  EXPECT_GT(all.size(), 1500u);
}

class FakePool final : public BufferPool {
 public:
  Buffer* allocate() override { return nullptr; }
  void release(Buffer*) override {}
  std::uint32_t buffer_capacity() const override { return 2048; }
  bool scarce() const override { return is_scarce; }
  bool is_scarce = false;
};

TEST(Scarcity, LetsAcknowledgementsPassAndRecovers) {
  FakePool small, large;
  Scarcity scarcity(small, large);
  EXPECT_FALSE(scarcity.refuses(1500));
  small.is_scarce = true;
  unsigned refused = 0;
  for (int i = 0; i < 32; ++i) refused += scarcity.refuses(1500);
  EXPECT_GE(refused, 16u);  // it is sampled
  EXPECT_FALSE(scarcity.refuses(Scarcity::kControlFrame));
  small.is_scarce = false;
  for (int i = 0; i < 16; ++i) scarcity.refuses(1500);
  EXPECT_FALSE(scarcity.refuses(1500));
}

TEST(Scarcity, OfLargeBuffersStopsSuperSegmentsOnly) {
  FakePool small, large;
  large.is_scarce = true;
  Scarcity scarcity(small, large);
  for (int i = 0; i < 32; ++i) {
    EXPECT_FALSE(scarcity.refuses(Scarcity::kSmallFrame));
    EXPECT_TRUE(scarcity.refuses(Scarcity::kSmallFrame + 1));
  }
}

}  // namespace
}  // namespace weft::nic
