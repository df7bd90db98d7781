// Once warm, TCP allocates nothing: not for data, not for recovery, not for opening and closing (issue 4, "Cost").
// Buffers come from pools that do not count here, as a device's do not come from the heap.
#include <gtest/gtest.h>

#include "tests/builders/counting_allocator.h"
#include "tests/builders/tcp_pair.h"

namespace weft::net {
namespace {

using testing::allocations;
using testing::PairedIds;
using testing::TcpPair;

// Calls of operator new in `work`, once it has been done `warm` times.
template <typename Work>
std::uint64_t allocations_of(int warm, int times, Work work) {
  for (int i = 0; i < warm; ++i) work();
  const auto before = allocations();
  for (int i = 0; i < times; ++i) work();
  return (allocations() - before).made;
}

// A payload of which nothing is copied on its way through TCP.
ByteChain payload(TcpPair& pair, std::size_t size) {
  ByteChain bytes;
  while (bytes.size() < size) {
    Slice slice = Slice::allocate(pair.large, 0);
    slice.append(static_cast<std::uint32_t>(std::min<std::size_t>(size - bytes.size(), 16'384)));
    bytes.push_back(std::move(slice));
  }
  return bytes;
}

// Sends `size` bytes each way at once, and reads them, through whatever loss.
void transfer(TcpPair& pair, const PairedIds& ids, std::size_t size, double loss) {
  std::size_t to_send_a = size, to_send_b = size, read_a = 0, read_b = 0;
  const auto feed = [&](TcpEngine& engine, ConnectionId id, std::size_t& rest) {
    const std::size_t n = std::min(rest, engine.send_space(id));
    if (n > 0) engine.send(pair.now, id, payload(pair, n));
    rest -= n;
  };
  while (read_a < size || read_b < size) {
    feed(pair.a, ids.a, to_send_a);
    feed(pair.b, ids.b, to_send_b);
    pair.exchange(loss);
    read_a += pair.a.receive(pair.now, ids.a, SIZE_MAX).size();
    read_b += pair.b.receive(pair.now, ids.b, SIZE_MAX).size();
    pair.discard_events();
    pair.now = pair.now + Duration::microseconds(100);
    ASSERT_TRUE(pair.a.exists(ids.a) && pair.b.exists(ids.b));
    const bool silent = pair.a.send_space(ids.a) == 0 || to_send_a == 0;
    if (silent && (read_a < size || read_b < size)) pair.advance_to_deadline();
  }
  pair.exchange();
}

// By turns from both ends, so that TIME-WAIT is entered at both.
void open_and_close(TcpPair& pair, bool a_first) {
  const PairedIds ids = pair.open();
  TcpEngine& first = a_first ? pair.a : pair.b;
  TcpEngine& second = a_first ? pair.b : pair.a;
  first.close(pair.now, a_first ? ids.a : ids.b);
  pair.exchange();
  second.close(pair.now, a_first ? ids.b : ids.a);
  pair.exchange();
  pair.discard_events();
  pair.now = pair.now + Duration::milliseconds(1);
  pair.a.on_timer(pair.now);
  pair.b.on_timer(pair.now);
}

TEST(TcpAllocation, TheCounterCounts) {
  EXPECT_EQ(allocations_of(0, 3, [] { ::operator delete(::operator new(1)); }), 3u);
  const auto before = allocations();
  auto block = std::make_unique<std::uint64_t[]>(1000);
  EXPECT_GE((allocations() - before).bytes, 8000);
  block.reset();
  EXPECT_EQ((allocations() - before).bytes, 0);
}

TEST(TcpAllocation, NoneForDataInSegments) {
  TcpPair pair({}, {.max_gso_bytes = 0});
  const PairedIds ids = pair.open();
  EXPECT_EQ(allocations_of(4, 16, [&] { transfer(pair, ids, 1'000'000, 0); }), 0u);
  EXPECT_GT(pair.b.stats().segments_in, 10'000u);
}

TEST(TcpAllocation, NoneForDataInSuperSegments) {
  TcpPair pair;
  const PairedIds ids = pair.open();
  EXPECT_EQ(allocations_of(4, 16, [&] { transfer(pair, ids, 4'000'000, 0); }), 0u);
}

TEST(TcpAllocation, NoneForSmallWritesWhichAreCoalesced) {
  TcpPair pair;
  const PairedIds ids = pair.open();
  const auto small_writes = [&] {
    for (int i = 0; i < 100; ++i) {
      Slice slice = Slice::allocate(pair.large, 0);
      slice.append(100);
      pair.a.send(pair.now, ids.a, ByteChain(std::move(slice)));
      if (i % 10 == 0) pair.exchange();
    }
    pair.exchange();
    EXPECT_EQ(pair.b.receive(pair.now, ids.b, SIZE_MAX).size(), 10'000u);
    pair.exchange();
    pair.discard_events();
    pair.now = pair.now + Duration::milliseconds(1);
  };
  EXPECT_EQ(allocations_of(3, 20, small_writes), 0u);
  EXPECT_GT(pair.a.stats().compacted + pair.a.stats().coalesced, 1'000u);
}

// The same losses each time: what is needed at once does not grow, as it would, ever more slowly, with new ones.
TEST(TcpAllocation, NoneForLossAndRecovery) {
  TcpPair pair({}, {.max_gso_bytes = 0});
  const auto lossy = [&] {
    const PairedIds ids = pair.open();
    pair.random = Random(7);
    transfer(pair, ids, 500'000, 0.02);
    pair.a.abort(pair.now, ids.a);
    pair.exchange();
    pair.b.close(pair.now, ids.b);
    pair.discard_events();
  };
  EXPECT_EQ(allocations_of(10, 30, lossy), 0u);
  EXPECT_GT(pair.a.stats().retransmits, 100u);
  EXPECT_GT(pair.b.stats().out_of_order, 1'000u);
}

TEST(TcpAllocation, NoneForOpeningAndClosing) {
  TcpOptions options;
  options.time_wait = Duration::seconds(1);
  TcpPair pair(options);
  int turn = 0;
  EXPECT_EQ(allocations_of(4'000, 10'000, [&] { open_and_close(pair, ++turn % 2 == 0); }), 0u);
  EXPECT_GT(pair.a.stats().time_wait_entered, 5'000u);
  EXPECT_GT(pair.b.stats().time_wait_entered, 5'000u);
}

TEST(TcpAllocation, NoneForTheEndOfManyAtOnce) {
  TcpPair pair;
  const auto crowd = [&] {
    for (int i = 0; i < 1'000; ++i) pair.open();
    pair.a.for_each([&](ConnectionId id) { pair.a.abort(pair.now, id); });
    pair.exchange();
    pair.b.for_each([&](ConnectionId id) { pair.b.close(pair.now, id); });
    pair.discard_events();
    pair.now = pair.now + Duration::milliseconds(1);
  };
  EXPECT_EQ(allocations_of(3, 3, crowd), 0u);
  EXPECT_EQ(pair.a.connections() + pair.b.connections(), 0u);
}

TEST(TcpAllocation, NoneForAnAccountThatIsFull) {
  TcpPair pair;
  pair.b.set_account_limit(TcpPair::kPodB, 200'000);
  const PairedIds ids[] = {pair.open(), pair.open()};
  const auto fill_and_drain = [&] {
    for (const PairedIds& id : ids) pair.a.send(pair.now, id.a, payload(pair, 300'000));
    for (int i = 0; i < 60; ++i) {
      pair.exchange();
      for (const PairedIds& id : ids) pair.b.receive(pair.now, id.b, SIZE_MAX);
      pair.discard_events();
      pair.advance_to_deadline();
    }
    ASSERT_EQ(pair.a.info(ids[0].a).send_queue + pair.a.info(ids[1].a).send_queue, 0u);
  };
  EXPECT_EQ(allocations_of(20, 20, fill_and_drain), 0u);
  EXPECT_GT(pair.b.stats().drop_account_memory, 10u);
}

}  // namespace
}  // namespace weft::net
