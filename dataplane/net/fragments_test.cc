// Reassembly by hand: any order, no overlap, no leak, no end without a bound.
#include "dataplane/net/fragments.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "tests/builders/packet_builder.h"

namespace weft::net {
namespace {

using namespace weft::testing;

class Fragments : public ::testing::Test {
 protected:
  using Result = std::expected<std::optional<Packet>, FragmentTable::Refusal>;

  Result add(const PacketBuilder& piece, InterfaceId interface = 1) {
    Packet packet = piece.build(frames, interface);
    const IpHeader ip = *parse_ip(packet.bytes.front().bytes(), packet.bytes.size());
    return table.add(now, ip, std::move(packet));
  }
  // Bytes [at, end) of a counting pattern, from 10.0.0.1 or fd00::1.
  PacketBuilder piece(std::uint32_t at, std::uint32_t end, bool more, std::uint32_t id = 1, bool v6 = false) {
    const Bytes pattern = PacketBuilder().payload_of(70000).datagram();
    PacketBuilder builder = v6 ? weft::testing::ip("fd00::1", "fd00::2") : weft::testing::ip("10.0.0.1", "10.0.0.2");
    const auto begin = pattern.end() - 70000;
    return builder.protocol(17).fragment(at, more, id).payload(Bytes(begin + at, begin + end));
  }
  // The same, marked CE by a router.
  Result add_marked(const PacketBuilder& piece) {
    Packet packet = piece.build(frames, 1);
    std::uint8_t* p = packet.bytes.front().data();
    const bool v6 = p[0] >> 4 == 6;
    p[1] |= v6 ? 0x30 : 0x03;
    if (!v6) fill_ip4_checksum(p);
    const IpHeader ip = *parse_ip(packet.bytes.front().bytes(), packet.bytes.size());
    return table.add(now, ip, std::move(packet));
  }
  Drop reason(Result&& result) { return result ? Drop::kCount : result.error().reason; }

  HeapBufferPool headers{512}, frames{2304};
  FragmentTable table{{.datagrams_max = 8, .bytes_max = 256 * 1024}, headers};
  Time now = Time::from_ns(1);
};

// RFC 3168, 5.3.
TEST_F(Fragments, OneCongestionMarkMarksTheWhole) {
  for (const bool v6 : {false, true}) {
    ASSERT_TRUE(add(piece(0, 800, true, 7, v6)));
    Result whole = add_marked(piece(800, 1000, false, 7, v6));
    ASSERT_TRUE(whole && *whole);
    EXPECT_EQ(parse_ip((*whole)->bytes.front().bytes(), (*whole)->bytes.size())->ecn, 3);
    ASSERT_TRUE(add(piece(0, 800, true, 8, v6)));
    whole = add(piece(800, 1000, false, 8, v6));
    EXPECT_EQ(parse_ip((*whole)->bytes.front().bytes(), (*whole)->bytes.size())->ecn, 0);
  }
}

TEST_F(Fragments, AnyOrderGivesTheWholeWithItsHeader) {
  Random random(5);
  for (int round = 0; round < 100; ++round) {
    const bool v6 = round % 2 != 0;
    const std::uint32_t size = 100 + static_cast<std::uint32_t>(random.below(8000));
    std::vector<PacketBuilder> pieces;
    for (std::uint32_t at = 0; at < size;) {
      const auto step = 8 * (1 + static_cast<std::uint32_t>(random.below(150)));
      const std::uint32_t end = std::min(size, at + step);
      pieces.push_back(piece(at, end, end < size, static_cast<std::uint32_t>(round), v6));
      at = end;
    }
    if (pieces.size() < 2) continue;
    for (std::size_t i = pieces.size(); i > 1; --i) std::swap(pieces[i - 1], pieces[random.below(i)]);
    std::optional<Packet> whole;
    for (const PacketBuilder& p : pieces) {
      ASSERT_FALSE(whole);
      Result result = add(p);
      ASSERT_TRUE(result) << to_string(result.error().reason);
      whole = std::move(*result);
    }
    ASSERT_TRUE(whole);
    const IpHeader ip = *parse_ip(whole->bytes.front().bytes(), whole->bytes.size());
    EXPECT_FALSE(ip.fragment);
    EXPECT_EQ(ip.protocol, 17);
    EXPECT_EQ(ip.fragment_header, 0);
    Bytes payload(ip.payload_bytes());
    whole->bytes.copy_to(ip.header_bytes, payload);
    const Bytes all = piece(0, size, false).datagram();
    ASSERT_EQ(payload, Bytes(all.end() - static_cast<std::ptrdiff_t>(size), all.end()));
    EXPECT_EQ(table.datagrams(), 0u);
  }
  EXPECT_EQ(frames.outstanding() + headers.outstanding(), 0u);
}

TEST_F(Fragments, OverlapRefusesTheWholeDatagramAndWhatStillComes) {
  for (const bool v6 : {false, true}) {
    const std::uint32_t id = v6;
    EXPECT_EQ(reason(add(piece(0, 64, true, id, v6))), Drop::kCount);
    EXPECT_EQ(reason(add(piece(56, 128, true, id, v6))), Drop::kFragmentOverlap);
    EXPECT_EQ(reason(add(piece(64, 128, false, id, v6))), Drop::kFragmentOverlap);
    EXPECT_EQ(reason(add(piece(0, 64, true, id, v6))), Drop::kFragmentOverlap);
  }
  EXPECT_EQ(frames.outstanding(), 0u);
}

TEST_F(Fragments, EveryKindOfOverlap) {
  struct Row {
    std::uint32_t at, end;
    bool more;
  };
  const Row rows[] = {{0, 72, true}, {0, 56, true}, {8, 16, true}, {32, 200, true}, {0, 200, false}, {8, 64, false}};
  std::uint32_t id = 1;
  for (const Row& row : rows) {
    ASSERT_EQ(reason(add(piece(0, 64, true, ++id))), Drop::kCount);
    EXPECT_EQ(reason(add(piece(row.at, row.end, row.more, id))), Drop::kFragmentOverlap) << row.at << "-" << row.end;
    now = now + Duration::seconds(31);
    FragmentTable::Expired expired;
    while (table.poll_expired(now, &expired)) {}
  }
  // Two ends, and a piece behind the end.
  ASSERT_EQ(reason(add(piece(64, 100, false, 50))), Drop::kCount);
  EXPECT_EQ(reason(add(piece(64, 128, false, 50))), Drop::kFragmentOverlap);
  ASSERT_EQ(reason(add(piece(64, 100, false, 51))), Drop::kCount);
  EXPECT_EQ(reason(add(piece(128, 192, true, 51))), Drop::kFragmentOverlap);
}

TEST_F(Fragments, DuplicateIsOnlyADuplicate) {
  EXPECT_EQ(reason(add(piece(0, 64, true))), Drop::kCount);
  EXPECT_EQ(reason(add(piece(0, 64, true))), Drop::kFragmentDuplicate);
  Result whole = add(piece(64, 100, false));
  ASSERT_TRUE(whole && *whole);
}

TEST_F(Fragments, BoundsHoldAndOnePortLeavesRoomForOthers) {
  for (std::uint32_t id = 0; id < 4; ++id) EXPECT_EQ(reason(add(piece(0, 64, true, id))), Drop::kCount);
  EXPECT_EQ(reason(add(piece(0, 64, true, 99))), Drop::kFragmentLimit);
  EXPECT_EQ(reason(add(piece(0, 64, true, 99), 2)), Drop::kCount);
  std::uint32_t at = 64;
  while (reason(add(piece(at, at + 8, true, 0))) == Drop::kCount) at += 8;
  EXPECT_LE(frames.outstanding() * 2304, 256u * 1024);
}

TEST_F(Fragments, TimeEndsIt) {
  add(piece(0, 64, true));
  add(piece(64, 128, true, 2));
  EXPECT_EQ(table.deadline(), now + Duration::seconds(30));
  now = now + Duration::seconds(30);
  FragmentTable::Expired expired;
  unsigned with_first = 0, n = 0;
  while (table.poll_expired(now, &expired)) {
    ++n;
    EXPECT_EQ(expired.packets, 1u);
    with_first += expired.first.has_value();
    expired.first.reset();
  }
  EXPECT_EQ(n, 2u);
  EXPECT_EQ(with_first, 1u);
  EXPECT_EQ(frames.outstanding() + headers.outstanding(), 0u);
}

}  // namespace
}  // namespace weft::net
