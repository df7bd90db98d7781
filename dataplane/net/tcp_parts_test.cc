// The parts of TCP that stand alone: header, reassembly, owner, accounts.
#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "dataplane/net/owner.h"
#include "dataplane/net/tcp_memory.h"
#include "dataplane/net/tcp_reassembly.h"
#include "dataplane/net/tcp_segment.h"

namespace weft::net {
namespace {

const FlowKey kKey4{1, {IpAddress::v4(10, 0, 0, 1), 1234}, {IpAddress::v4(10, 0, 0, 2), 80}};
const FlowKey kKey6{1, {*IpAddress::parse("fd00::1"), 1234}, {*IpAddress::parse("fd00::2"), 80}};

TEST(Seq, ComparesAcrossTheWrap) {
  EXPECT_LT(Seq(0xfffffff0), Seq(5));
  EXPECT_EQ(Seq(5) - Seq(0xfffffffb), 10u);
}

TEST(TcpSegment, SurvivesBuildAndParse) {
  HeapBufferPool pool(256);
  for (const FlowKey& key : {kKey4, kKey6}) {
    TcpSegment s;
    s.seq = Seq(7), s.ack = Seq(9), s.flags = kAck | kPsh, s.window = 512;
    s.has_timestamps = true, s.tsval = 3, s.tsecr = 4;
    s.sack_count = 3;
    for (std::uint32_t i = 0; i < 3; ++i) s.sack[i] = {Seq(i), Seq(i + 1)};
    Packet packet;
    ASSERT_TRUE(build_headers(key, s, 100, pool, &packet));
    TcpSegment parsed;
    ASSERT_TRUE(parse_tcp(packet.bytes.front().bytes().subspan(ip_header_size(key)), &parsed));
    EXPECT_EQ(parsed.seq, s.seq);
    EXPECT_EQ(parsed.ack, s.ack);
    EXPECT_EQ(parsed.flags, s.flags);
    EXPECT_EQ(parsed.tsecr, 4u);
    EXPECT_EQ(parsed.sack_count, 3);
    EXPECT_EQ(parsed.sack[2], s.sack[2]);
    EXPECT_EQ(parsed.header_size, 20 + 12 + 28);
  }
}

TEST(TcpSegment, RandomBytesNeverReadPastTheHeader) {
  Random random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::uint8_t> bytes(random.below(64));
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random.next());
    TcpSegment s;
    if (!parse_tcp(bytes, &s)) continue;
    EXPECT_LE(s.header_size, bytes.size());
    EXPECT_LE(s.sack_count, 4);
  }
}

TEST(TcpSegment, MalformedOptionsArePassedOver) {
  std::uint8_t bytes[28] = {};
  bytes[12] = 7 << 4;
  bytes[13] = kSyn;
  const std::uint8_t options[8] = {2, 4, 5, 0xb4, 3, 0, 1, 1};  // MSS 1460, then a window scale of length 0
  std::copy(options, options + 8, bytes + 20);
  TcpSegment s;
  ASSERT_TRUE(parse_tcp(bytes, &s));
  EXPECT_EQ(s.mss, 1460);
  EXPECT_EQ(s.window_scale, kNoWindowScale);
}

TEST(TcpReassembly, AnyOrderAndOverlapGivesTheString) {
  HeapBufferPool frames(2304), small(256);
  TcpReassembly::Pieces pieces;
  TcpStats stats;
  Random random(11);
  for (int round = 0; round < 300; ++round) {
    std::string whole(300, ' ');
    for (char& c : whole) c = static_cast<char>('a' + random.below(26));
    TcpReassembly reassembly;
    std::string got;
    Seq next(0xffffff80);  // across the wrap
    const Seq base = next;
    while (got.size() < whole.size()) {
      const auto at = static_cast<std::uint32_t>(random.below(whole.size()));
      const auto n = static_cast<std::uint32_t>(1 + random.below(std::min<std::uint64_t>(60, whole.size() - at)));
      std::string piece = whole.substr(at, n);
      Seq seq = base + at;
      if (seq < next) {
        const std::uint32_t old = std::min<std::uint32_t>(next - seq, n);
        piece.erase(0, old);
        seq += old;
      }
      if (piece.empty()) continue;
      if (seq != next) {
        ASSERT_TRUE(reassembly.insert(seq, ByteChain::copy_of(as_bytes(piece), frames), pieces, small, stats));
        std::array<SackBlock, 4> blocks;
        ASSERT_GT(reassembly.sack_blocks(blocks, 4), 0);
        EXPECT_TRUE(blocks[0].left <= seq && seq < blocks[0].right);
        continue;
      }
      got += piece;
      next += static_cast<std::uint32_t>(piece.size());
      std::uint64_t released = 0;
      ByteChain more = reassembly.take(next, pieces, &released);
      std::string text(more.size(), '\0');
      more.copy_to(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
      got += text;
      next += static_cast<std::uint32_t>(text.size());
    }
    EXPECT_EQ(got, whole);
    EXPECT_EQ(reassembly.bytes(), 0u);
    EXPECT_EQ(reassembly.held(), 0u);
  }
  EXPECT_EQ(pieces.in_use(), 0u);
  EXPECT_EQ(frames.outstanding() + small.outstanding(), 0u);
}

TEST(Owner, IsSymmetricAndSpreads) {
  std::array<int, 4> counts{};
  for (std::uint16_t port = 10'000; port < 14'000; ++port) {
    const Endpoint a{IpAddress::v4(10, 1, 2, 3), port};
    const Endpoint b{IpAddress::v4(10, 9, 8, 7), 443};
    EXPECT_EQ(owner_of(a, b, 4), owner_of(b, a, 4));
    ++counts[owner_of(a, b, 4)];
  }
  for (int count : counts) EXPECT_NEAR(count, 1000, 200);
}

// The definition of Toeplitz, bit by bit, with the key written out.
TEST(Owner, IsTheToeplitzHashThatDevicesCompute) {
  const std::uint8_t input[12] = {10, 1, 2, 3, 10, 9, 8, 7, 0x30, 0x39, 0x01, 0xbb};
  std::uint8_t key[40];
  for (int i = 0; i < 40; ++i) key[i] = i % 2 == 0 ? 0x6d : 0x5a;
  std::uint32_t hash = 0;
  for (int bit = 0; bit < 96; ++bit) {
    if ((input[bit / 8] >> (7 - bit % 8) & 1) == 0) continue;
    std::uint32_t window = 0;
    for (int k = 0; k < 32; ++k) window = window << 1 | (key[(bit + k) / 8] >> (7 - (bit + k) % 8) & 1u);
    hash ^= window;
  }
  EXPECT_EQ(symmetric_rss_hash({IpAddress::v4(10, 1, 2, 3), 0x3039}, {IpAddress::v4(10, 9, 8, 7), 443}), hash);
}

TEST(TcpAccounts, GreedyAccountsLeaveRoomForANewcomer) {
  constexpr std::uint64_t kTotal = 70'000;
  TcpAccounts accounts(1'000'000, kTotal);
  const auto fill = [&](std::uint32_t slot) {
    for (bool any = true; std::exchange(any, false);) {
      for (const Held kind : {Held::kReceived, Held::kSent}) {
        if (accounts.room(slot, kind) < 100) continue;
        accounts.charge(slot, kind, 100);
        any = true;
      }
    }
  };
  const std::uint32_t first = accounts.join(1);
  fill(first);
  EXPECT_NEAR(static_cast<double>(accounts.total_used()), kTotal * 2.0 / 3, 200);
  const std::uint32_t second = accounts.join(2), third = accounts.join(3);
  fill(second);
  EXPECT_GE(accounts.room(third, Held::kReceived), kTotal / 7);
  EXPECT_LT(accounts.total_used(), kTotal);
}

TEST(TcpAccounts, WhatOneReleasesWakesThoseWhoWait) {
  TcpAccounts accounts(1'000'000, 64'000);
  const std::uint32_t greedy = accounts.join(1), patient = accounts.join(2);
  accounts.charge(patient, Held::kReceived, 10'000);
  accounts.charge(greedy, Held::kSent, 50'000);
  EXPECT_EQ(accounts.room(patient, Held::kReceived), 0u);
  accounts.wait(patient, Held::kReceived, ConnectionId{7, 1});
  EXPECT_FALSE(accounts.release(greedy, Held::kSent, 1'000).has_value());  // not enough of it yet
  std::optional<std::uint32_t> woken;
  for (int i = 0; i < 49 && !woken; ++i) woken = accounts.release(greedy, Held::kSent, 1'000);
  ASSERT_TRUE(woken.has_value());
  EXPECT_EQ(*woken, patient);
  EXPECT_GT(accounts.room(patient, Held::kReceived), 0u);
  std::vector<ConnectionId> waiters;
  accounts.take_waiters(patient, Held::kReceived, waiters);
  EXPECT_EQ(waiters.size(), 1u);
  EXPECT_FALSE(accounts.release(greedy, Held::kSent, 0).has_value());
}

}  // namespace
}  // namespace weft::net
