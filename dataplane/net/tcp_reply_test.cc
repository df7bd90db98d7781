// What goes out at once and unasked, and how much of it.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

TEST(TcpReply, ChallengesAreLimited) {
  TcpOptions options = TcpFixture::plain();
  options.challenge_acks_per_second = 10;
  TcpFixture tcp = TcpFixture::established(options);
  for (int i = 0; i < 100; ++i) {
    tcp.flow.remote.port = static_cast<std::uint16_t>(1000 + i / 5);  // five a connection, under its own limit
    if (i % 5 == 0) {
      tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).mss(kMss).window(65535));
      tcp.id = {};
      tcp.expect_event(TcpEventKind::kSyn);
      tcp.engine->accept_syn(tcp.now, tcp.id, kPod);
      tcp.discard_sent();
    }
    tcp.receive(tcp.from_peer().seq(kPeerSeq + 5).rst());
    tcp.discard_sent();
  }
  EXPECT_LE(tcp.stats().challenge_acks, 15u);
  EXPECT_GE(tcp.stats().challenge_acks_suppressed, 85u);
}

// An ACK war: both sides find the other's numbers out of place.
TEST(TcpReply, AnswersToOneConnectionAreLimited) {
  TcpFixture tcp = TcpFixture::established();
  std::size_t answers = 0;
  for (int i = 0; i < 100; ++i) {
    tcp.receive(tcp.from_peer().seq(kPeerSeq - 1));  // as a keepalive: never challenged, always answered
    answers += tcp.count_sent();
  }
  EXPECT_EQ(answers, 8u);
  tcp.now = tcp.now + Duration::seconds(10);
  tcp.receive(tcp.from_peer().seq(kPeerSeq - 1));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq));
}

TEST(TcpReply, TextThatComesAgainIsAlwaysAnswered) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().bytes("text"));
  tcp.discard_sent();
  for (int i = 0; i < 100; ++i) {
    tcp.receive(tcp.from_peer().bytes("text"));
    tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 4));
  }
}

// A peer whose text finds no room, because nobody reads, is told so a few times: then its own timer sets the pace.
TEST(TcpReply, RefusalsForWantOfMemoryAreNotAllAnswered) {
  TcpOptions options = TcpFixture::plain();
  options.account_limit = 4000;
  TcpFixture tcp = TcpFixture::established(options);
  std::size_t answers = 0;
  std::uint32_t taken = 0;
  for (int i = 0; i < 100; ++i) {
    tcp.receive(tcp.from_peer().seq(kPeerSeq + taken).bytes(std::string(kMss, 'x')));
    taken = static_cast<std::uint32_t>(tcp.engine->readable(tcp.id));
    answers += tcp.count_sent();
  }
  EXPECT_GT(tcp.stats().drop_account_memory, 90u);
  EXPECT_LE(answers, 12u);
}

}  // namespace
}  // namespace weft::net
