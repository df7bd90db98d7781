// The scoreboard, RACK upon it, and PRR, alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/random.h"
#include "dataplane/net/tcp_prr.h"
#include "dataplane/net/tcp_rack.h"

namespace weft::net {
namespace {

constexpr std::uint32_t kMss = 1000;

// One connection's scoreboard with its pool.
struct Board {
  TcpScoreboard::Pool pool;
  TcpScoreboard board{Seq(0xffffff00)};  // across the wrap
  ~Board() { board.clear(pool); }
  Seq at(std::uint32_t offset) const { return Seq(0xffffff00) + offset; }
  void sent(std::uint32_t end, std::uint32_t us) { board.on_sent(at(end), us, 0, pool); }
  std::uint32_t sack(std::uint32_t left, std::uint32_t right) {
    std::uint32_t news = 0;
    board.sack({at(left), at(right)}, board.records_max(kMss), pool,
               [&](const Transmission& t) { news += t.end - t.begin; });
    return news;
  }
  std::uint32_t acknowledge(std::uint32_t ack) {
    std::uint32_t news = 0;
    board.acknowledge(at(ack), pool, [&](const Transmission& t) { news += t.end - t.begin; });
    return news;
  }
};

TEST(TcpScoreboard, MatchesAModelOfBytes) {
  Random random(5);
  for (int round = 0; round < 300; ++round) {
    Board b;
    enum : char { kSent = 's', kSacked = 'S', kLost = 'l', kAgain = 'a' };
    std::string model;
    std::uint32_t una = 0;
    for (std::uint32_t step = 0; step < 80; ++step) {
      const auto some = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random.below(n + 1)); };
      const auto end = static_cast<std::uint32_t>(model.size());
      std::uint32_t news = 0, expected = 0;
      switch (una == end ? 0 : random.below(5)) {
        case 0: model.append(1 + some(50), kSent), b.sent(static_cast<std::uint32_t>(model.size()), step); break;
        case 1: {
          const std::uint32_t left = una + some(end - una - 1), right = left + 1 + some(end - left - 1);
          for (std::uint32_t i = left; i < right; ++i) expected += std::exchange(model[i], kSacked) != kSacked;
          news = b.sack(left, right);
          break;
        }
        case 2: {
          const std::uint32_t ack = una + some(end - una);
          for (std::uint32_t i = una; i < ack; ++i) expected += model[i] != kSacked;
          news = b.acknowledge(una = ack);
          break;
        }
        case 3:
          b.board.mark_lost_if([&](const Transmission& t) { return t.xmit_us + 10 < step; });
          for (const Transmission* t = b.board.first(); t != nullptr; t = t->next) {
            for (Seq s = t->begin; t->lost && s < t->end; s += 1) model[s - b.at(0)] = kLost;
          }
          break;
        default: {
          SackBlock lost = b.board.first_lost();
          const std::uint32_t left = lost.left - b.at(0), n = lost.right - lost.left;
          if (n == 0) break;
          EXPECT_EQ(model.find(kLost, una), left);
          const std::uint32_t part = 1 + some(n - 1);
          model.replace(left, part, part, kAgain);
          b.board.on_retransmitted({lost.left, lost.left + part}, step, b.pool);
        }
      }
      b.board.compact(b.pool);
      ASSERT_EQ(news, expected);
      const std::string flying = model.substr(una);
      ASSERT_EQ(b.board.bytes(), flying.size());
      ASSERT_EQ(b.board.sacked(), std::count(flying.begin(), flying.end(), kSacked));
      ASSERT_EQ(b.board.lost(), std::count(flying.begin(), flying.end(), kLost));
      ASSERT_EQ(b.board.records(), b.pool.in_use());
    }
  }
}

TEST(TcpScoreboard, CoalescesWhatWasSentTogetherAndStaysBounded) {
  Board b;
  for (std::uint32_t i = 1; i <= 100; ++i) b.board.on_sent(b.at(i * 100), i / 10, 0, b.pool);
  EXPECT_EQ(b.board.records(), 11u);
  b.board.on_sent(b.at(1'000'000), 100, 0, b.pool);
  for (std::uint32_t i = 10'100; i < 20'000; i += 4) b.sack(i, i + 2);
  EXPECT_LE(b.board.records(), b.board.records_max(kMss));
}

// A full queue drops every other segment of a large window: none of it is forgotten.
TEST(TcpScoreboard, HoldsEveryOtherOfAThousandSegments) {
  Board b;
  b.sent(1000 * kMss, 0);
  for (std::uint32_t i = 1; i < 1000; i += 2) EXPECT_EQ(b.sack(i * kMss, (i + 1) * kMss), kMss) << i;
  EXPECT_EQ(b.board.sacked(), 500 * kMss);
}

// ---- RACK

struct RackBoard : Board {
  TcpRack rack;
  TcpPath path;
  AckNews news;
  void deliver(std::uint32_t left, std::uint32_t right, std::uint32_t now_us) {
    board.sack({at(left), at(right)}, board.records_max(kMss), pool,
               [&](const Transmission& t) { rack.on_delivered(t, now_us, (now_us - t.xmit_us) / 1000, path, news); });
  }
  explicit RackBoard(std::uint32_t min_rtt_us) {
    path.min_rtt_us = min_rtt_us;
    rack.fack = at(0);
  }
};

TEST(Rack, ArrivalOfARetransmissionSaysNothingAboutWhatWasSentAfterIt) {
  constexpr std::uint32_t kGrainUs = 300;
  RackBoard b(10'000);
  b.sent(100, 0);
  b.board.mark_head_lost(100, b.pool);
  b.board.on_sent(b.at(200), 10'000, kGrainUs, b.pool);
  b.board.on_retransmitted({b.at(0), b.at(100)}, 10'100, b.pool);
  b.board.on_sent(b.at(300), 10'200, kGrainUs, b.pool);
  b.deliver(100, 200, 20'000);
  b.deliver(0, 100, 20'100);
  b.rack.detect_loss(b.board, 20'100, 0);
  EXPECT_EQ(b.board.lost(), 0u);
}

TEST(Rack, WhatWasSentAgainThisInstantIsNotLostYet) {
  RackBoard b(10'000);
  b.sent(100, 10'000);
  b.sent(200, 10'000);
  b.deliver(100, 200, 10'000);  // a round trip of nothing
  b.board.mark_head_lost(100, b.pool);
  b.board.on_retransmitted({b.at(0), b.at(100)}, 10'000, b.pool);
  b.rack.detect_loss(b.board, 10'000, 0);
  EXPECT_EQ(b.board.lost(), 0u);
}

// Half a wrap of the clock on, what was sent now would count as sent before what arrived then.
TEST(Rack, WhatArrivedLongAgoSaysNothing) {
  RackBoard b(10'000);
  constexpr std::uint32_t kLater = 2'300'000'000;
  b.sent(100, 0);
  b.sent(200, 0);
  b.deliver(100, 200, 10'000);
  b.board.mark_head_lost(100, b.pool);
  b.board.on_retransmitted({b.at(0), b.at(100)}, kLater, b.pool);
  b.rack.forget_if_old(kLater + 100'000);
  b.rack.detect_loss(b.board, kLater + 100'000, 0);
  EXPECT_EQ(b.board.lost(), 0u);
}

TEST(Rack, MarksWhatWasSentEarlierOnceTheWindowHasPassed) {
  RackBoard b(10'000);
  for (std::uint32_t i = 1; i <= 4; ++i) b.sent(i * 100, 1000 * i);
  b.deliver(300, 400, 14'000);
  // The third, sent a millisecond before the fourth, has 1.5 of its 12.5 left.
  EXPECT_EQ(b.rack.detect_loss(b.board, 14'000, 2'500).timeout_us, 1'500u);
  EXPECT_EQ(b.board.lost(), 100u);
  EXPECT_EQ(b.rack.detect_loss(b.board, 15'500, 2'500).timeout_us, 0u);
  EXPECT_EQ(b.board.lost(), 300u);
}

TEST(Rack, OrdersOneBurstByItsNumbers) {
  RackBoard b(10'000);
  b.sent(1000, 0);
  b.deliver(400, 500, 10'000);
  b.rack.detect_loss(b.board, 10'000, 0);
  EXPECT_EQ(b.board.lost(), 400u);
  EXPECT_EQ(b.board.first_lost(), (SackBlock{b.at(0), b.at(400)}));
}

TEST(Rack, FindsALostRetransmission) {
  RackBoard b(10'000);
  b.sent(100, 0);
  b.sent(300, 1'000);
  b.deliver(100, 200, 11'000);
  b.rack.detect_loss(b.board, 11'000, 0);
  b.board.on_retransmitted(b.board.first_lost(), 11'000, b.pool);
  b.sent(400, 12'000);
  b.deliver(300, 400, 22'000);
  EXPECT_TRUE(b.rack.detect_loss(b.board, 22'000, 0).retransmission);
  EXPECT_EQ(b.board.first_lost(), (SackBlock{b.at(0), b.at(100)}));
}

TEST(Rack, PassesOverAnswersToAnEarlierTransmission) {
  RackBoard b(10'000);
  b.sent(100, 0);
  b.sent(200, 1'000);
  b.board.on_retransmitted({b.at(0), b.at(100)}, 20'000, b.pool);
  b.deliver(0, 100, 21'000);  // a tenth of any round trip
  EXPECT_FALSE(b.rack.delivered_any);
  EXPECT_EQ(b.news.rtt_us, 0u);
}

TEST(Rack, ReorderingOpensTheWindowAndDsackWidensIt) {
  RackBoard b(8'000);
  EXPECT_EQ(TcpRack::reordering_window_us(b.path, 9'000, true), 0u);
  EXPECT_EQ(TcpRack::reordering_window_us(b.path, 9'000, false), 2'000u);
  for (std::uint32_t i = 1; i <= 2; ++i) b.sent(i * 100, 0);
  b.deliver(100, 200, 8'000);
  EXPECT_EQ(b.path.reordering_seen, 0);
  b.deliver(0, 100, 8'100);
  EXPECT_EQ(b.path.reordering_seen, 1);
  EXPECT_EQ(TcpRack::reordering_window_us(b.path, 9'000, true), 2'000u);
  b.rack.on_dsack(b.at(0), b.at(200), b.path);
  b.rack.on_dsack(b.at(0), b.at(200), b.path);  // of the same round trip
  EXPECT_EQ(TcpRack::reordering_window_us(b.path, 9'000, true), 4'000u);
  b.rack.on_dsack(b.at(200), b.at(300), b.path);
  b.rack.on_dsack(b.at(300), b.at(400), b.path);
  b.rack.on_dsack(b.at(400), b.at(500), b.path);
  EXPECT_EQ(TcpRack::reordering_window_us(b.path, 9'000, true), 9'000u);  // never above SRTT
  for (int i = 0; i < 16; ++i) TcpRack::on_recovery_end(b.path);
  EXPECT_EQ(TcpRack::reordering_window_us(b.path, 9'000, true), 2'000u);
}

// ---- PRR

TEST(Prr, SendsInProportionUntilSsthreshIsReached) {
  TcpPrr prr = TcpPrr::begin(20'000, 0, 20'000, 1'000);
  std::uint32_t pipe = 19'000, sent = 0;
  for (int ack = 0; ack < 20; ++ack) {
    const std::uint32_t cwnd = prr.window(1000, pipe, 10'000, false, 1000);
    const std::uint32_t n = (cwnd - pipe) / 1000 * 1000;
    prr.on_sent(n);
    sent += n;
    pipe += n;
    pipe -= 1000;
  }
  EXPECT_EQ(sent, 10'000u);  // one for every two that arrived
}

TEST(Prr, FirstRetransmissionGoesOutInAnyCase) {
  TcpPrr prr = TcpPrr::begin(20'000, 0, 20'000, 1'000);
  EXPECT_EQ(prr.window(0, 19'000, 10'000, false, 1000), 20'000u);
}

TEST(Prr, BelowSsthreshSendsWhatArrivesAndOneMoreWhenSafe) {
  TcpPrr prr = TcpPrr::begin(20'000, 0, 20'000, 1'000);
  prr.on_sent(1000);
  EXPECT_EQ(prr.window(1000, 5'000, 10'000, false, 1000), 6'000u);  // conservative: more may be lost
  EXPECT_EQ(prr.window(1000, 5'000, 10'000, true, 1000), 7'000u);
  EXPECT_EQ(prr.window(9000, 5'000, 10'000, true, 1000), 10'000u);  // never above ssthresh
}

}  // namespace
}  // namespace weft::net
