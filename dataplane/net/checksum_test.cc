#include "dataplane/net/checksum.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace weft::net {
namespace {

// RFC 1071 section 4.1, word by word.
std::uint16_t slow_sum(ByteSpan bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0));
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(sum);
}

std::vector<std::uint8_t> random_bytes(Random& random, std::size_t n) {
  std::vector<std::uint8_t> bytes(n);
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random.next());
  return bytes;
}

TEST(Checksum, AgreesWithTheSlowOneAtEveryLengthAndAlignment) {
  Random random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    const auto bytes = random_bytes(random, size + 3);
    for (std::size_t at = 0; at < 4 && at <= bytes.size() - size; ++at)
      ASSERT_EQ(sum_of(ByteSpan(bytes).subspan(at, size)), slow_sum(ByteSpan(bytes).subspan(at, size))) << size;
  }
}

TEST(Checksum, KeepsEveryCarryOfTheLargestDatagram) {
  const std::vector<std::uint8_t> ones(65535, 0xff);
  EXPECT_EQ(sum_of(ByteSpan(ones)), slow_sum(ones));
}

TEST(Checksum, ChainInOddPiecesSumsAsWhole) {
  Random random(2);
  HeapBufferPool pool;
  for (int round = 0; round < 300; ++round) {
    const auto bytes = random_bytes(random, 1 + random.below(600));
    ByteChain chain;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t n = std::min<std::size_t>(bytes.size() - at, 1 + random.below(50));
      chain.append(ByteChain::copy_of(ByteSpan(bytes).subspan(at, n), pool));
      at += n;
    }
    const std::size_t from = random.below(bytes.size()), size = random.below(bytes.size() - from + 1);
    ASSERT_EQ(sum_of(chain, from, size), slow_sum(ByteSpan(bytes).subspan(from, size)));
  }
}

TEST(Checksum, IncrementalEqualsComputedAnew) {
  Random random(3);
  for (int round = 0; round < 1000; ++round) {
    auto bytes = random_bytes(random, 64);
    const std::uint16_t before = checksum_of(sum_of(ByteSpan(bytes)));
    const auto change = random_bytes(random, 8);
    const std::vector<std::uint8_t> old(bytes.begin() + 16, bytes.begin() + 24);
    std::copy(change.begin(), change.end(), bytes.begin() + 16);
    ASSERT_EQ(update_checksum(before, old, change), checksum_of(sum_of(ByteSpan(bytes))));
  }
}

TEST(Checksum, PseudoHeaderOfRfc9293) {
  const IpAddress a = *IpAddress::parse("1.2.3.4"), b = *IpAddress::parse("5.6.7.8");
  EXPECT_EQ(pseudo_header_sum(a, b, 6, 20), 0x0102 + 0x0304 + 0x0506 + 0x0708 + 6 + 20);
}

}  // namespace
}  // namespace weft::net
