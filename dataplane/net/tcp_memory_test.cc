// An account that is full: which bytes still find room, and who is told when there is more of it.
#include <algorithm>

#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

constexpr std::uint64_t kLimit = 100'000;

TcpFixture with_account(std::uint64_t limit) {
  TcpFixture tcp = TcpFixture::established();
  tcp.engine->set_account_limit(kPod, limit);
  return tcp;
}

// As a program that writes until it is told to wait. Returns what it wrote.
std::size_t fill_send_queue(TcpFixture& tcp) {
  std::size_t written = 0;
  for (std::size_t space; (space = tcp.engine->send_space(tcp.id)) > 0; written += std::min<std::size_t>(space, 5000)) {
    tcp.send(std::string(std::min<std::size_t>(space, 5000), 's'));
  }
  return written;
}

// The peer's text, as long as it is acknowledged. Returns how much of it was.
std::uint32_t fill_receive_queue(TcpFixture& tcp) {
  std::uint32_t taken = 0;
  for (SentSegment ack; taken < kLimit; taken += 1000) {
    tcp.receive(tcp.from_peer().seq(kPeerSeq + taken).bytes(std::string(1000, 'r')));
    while (tcp.poll_sent(&ack)) {}
    if (tcp.engine->readable(tcp.id) == taken) break;
  }
  return taken;
}

// The peer acknowledges a segment at a time, until the owner hears something or has nothing in its queue.
bool acknowledge_until_event(TcpFixture& tcp, std::uint32_t peer_seq, TcpEvent* event) {
  tcp.discard_events();
  for (std::uint32_t acked = kMss; acked < 2 * kLimit && tcp.engine->info(tcp.id).send_queue >= kMss; acked += kMss) {
    tcp.discard_sent();
    tcp.now = tcp.now + kRtt;
    tcp.receive(tcp.from_peer().seq(peer_seq).ack(1 + acked));
    if (tcp.engine->poll_event(event)) return true;
  }
  return false;
}

// Two peers with full send queues that refuse each other's text would wait for each other for ever.
TEST(TcpMemory, FullSendQueueLeavesRoomToReceive) {
  TcpFixture tcp = with_account(kLimit);
  EXPECT_GT(fill_send_queue(tcp), kLimit / 2);
  EXPECT_GE(fill_receive_queue(tcp), kLimit / 4 * 1000 / 2304 - 1000);  // a quarter, in buffers of 2304
  EXPECT_LE(tcp.engine->account_memory(kPod), kLimit + 2 * 2304);
  EXPECT_GT(tcp.stats().drop_account_memory, 0u);  // and then it is full
}

// The limit falls under what the send queue holds: by decision, or since other accounts left less.
TEST(TcpMemory, TextIsTakenWhateverTheSendQueueHolds) {
  TcpFixture tcp = with_account(kLimit);
  fill_send_queue(tcp);
  tcp.engine->set_account_limit(kPod, kLimit / 4);
  EXPECT_EQ(tcp.engine->send_space(tcp.id), 0u);
  EXPECT_GT(fill_receive_queue(tcp), 0u);
}

// A proxy reads no more than it can send on, perhaps by a connection of the same account.
TEST(TcpMemory, TextThatNobodyReadsLeavesRoomToSend) {
  TcpFixture tcp = with_account(50'000);
  fill_receive_queue(tcp);
  EXPECT_GT(tcp.stats().drop_account_memory, 0u);
  EXPECT_GT(fill_send_queue(tcp), 50'000u / 8);
  EXPECT_LE(tcp.engine->account_memory(kPod), 50'000u + 2 * 2304);
}

TEST(TcpMemory, WriterIsWokenOnceAndHasRoomThen) {
  TcpFixture tcp = with_account(kLimit);
  fill_send_queue(tcp);
  TcpEvent event;
  ASSERT_TRUE(acknowledge_until_event(tcp, kPeerSeq, &event));
  EXPECT_EQ(event.kind, TcpEventKind::kWritable);
  EXPECT_GT(tcp.engine->send_space(tcp.id), kMss);
  EXPECT_FALSE(tcp.engine->poll_event(&event));
}

// It waits for both kinds of room, and one of them stays full.
TEST(TcpMemory, WriterIsWokenWhileNobodyReads) {
  TcpFixture tcp = with_account(kLimit);
  const std::uint32_t taken = fill_receive_queue(tcp);
  EXPECT_GT(tcp.stats().drop_account_memory, 0u);
  fill_send_queue(tcp);
  TcpEvent event;
  ASSERT_TRUE(acknowledge_until_event(tcp, kPeerSeq + taken, &event));
  EXPECT_EQ(event.kind, TcpEventKind::kWritable);
  EXPECT_GT(tcp.engine->send_space(tcp.id), kMss);
}

}  // namespace
}  // namespace weft::net
