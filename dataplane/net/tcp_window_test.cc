// The windows of both sides: what is said of ours and when, and how the peer's is probed.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

std::string text(std::size_t n) { return std::string(n, 'x'); }

// ---- receive window

TEST(TcpWindow, ClosesAsBytesWaitAndReopensWhenRead) {
  TcpOptions options = TcpFixture::plain();
  options.receive_buffer_initial = options.receive_buffer_max = 3000;
  TcpFixture tcp = TcpFixture::established(options);
  tcp.receive(tcp.from_peer().bytes(text(1460)));
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1460).bytes(text(1460)));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 2920).window(80));
  EXPECT_EQ(tcp.read().size(), 2920u);
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 2920).window(3000));
}

TEST(TcpWindow, NeverShrinksWhenTheAccountRunsFull) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().bytes(text(1460)));
  tcp.engine->set_account_limit(kPod, 1000);
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1460).bytes(text(1460)));
  const auto sent = tcp.next_sent();
  EXPECT_GE(sent.s.ack.raw() + sent.s.window, kPeerSeq + 60'000);
}

TEST(TcpWindow, SmallReadsDoNotAdvertiseSillyWindows) {
  TcpOptions options = TcpFixture::plain();
  options.receive_buffer_initial = options.receive_buffer_max = 2920;
  TcpFixture tcp = TcpFixture::established(options);
  tcp.receive(tcp.from_peer().bytes(text(2920)));
  tcp.discard_sent();
  EXPECT_EQ(tcp.read(100).size(), 100u);
  tcp.expect_silent();
  EXPECT_EQ(tcp.read(1500).size(), 1500u);
  tcp.expect_sent(tcp.to_peer().window(1600));
}

TEST(TcpWindow, ZeroWindowProbeIsAnswered) {
  TcpOptions options = TcpFixture::plain();
  options.receive_buffer_initial = options.receive_buffer_max = 100;
  TcpFixture tcp = TcpFixture::established(options);
  tcp.receive(tcp.from_peer().bytes(text(100)));
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 100).bytes("p"));
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 100).window(0));
}

// ---- probing the peer's window

TEST(TcpPersist, ProbesAClosedWindowWithBackoff) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().window(0));
  tcp.send("wait");
  tcp.expect_silent();
  const std::int64_t first = tcp.run_next_timer().ms();
  tcp.expect_sent(tcp.to_peer().seq(0));
  tcp.receive(tcp.from_peer().window(0));
  EXPECT_EQ(tcp.run_next_timer().ms(), 2 * first);
  tcp.expect_sent(tcp.to_peer().seq(0));
  tcp.receive(tcp.from_peer().window(1000));
  tcp.expect_sent(tcp.to_peer().seq(1).bytes("wait"));
}

TEST(TcpPersist, GoesOnForeverWhileThePeerAnswers) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().window(0));
  tcp.send("wait");
  for (int i = 0; i < 100; ++i) {
    tcp.discard_sent();
    tcp.run_next_timer();
    tcp.receive(tcp.from_peer().window(0));
  }
  EXPECT_EQ(tcp.state(), TcpState::kEstablished);
}

TEST(TcpPersist, EndsWhenThePeerIsGone) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().window(0));
  tcp.send("wait");
  for (int i = 0; i < 20; ++i) {
    tcp.discard_sent();
    if (!tcp.engine->deadline().is_never()) tcp.run_next_timer();
  }
  tcp.expect_closed(CloseReason::kTimedOut);
}

TEST(TcpPersist, SillyWindowIsOverriddenInTheEnd) {
  TcpFixture tcp = TcpFixture::established();
  tcp.receive(tcp.from_peer().window(10));
  tcp.send(text(100));
  tcp.expect_silent();
  tcp.run_next_timer();
  tcp.expect_sent(tcp.to_peer().seq(1).bytes(text(10)));
}

// ---- window updates

TEST(TcpWindowUpdate, UpdateThatTheFieldCannotSayIsNotSent) {
  TcpOptions options = TcpFixture::plain();  // without window scale: 65 535 at most
  options.receive_buffer_initial = options.receive_buffer_max = 400'000;
  TcpFixture tcp = TcpFixture::established(options);
  tcp.receive(tcp.from_peer().bytes(text(1000)));
  for (int i = 0; i < 5; ++i) {
    tcp.read(5);
    tcp.expect_silent();
  }
  EXPECT_EQ(tcp.engine->info(tcp.id).receive_window, 64'535u);
}

TEST(TcpWindowUpdate, UpdateThatDoublesTheWindowIsSent) {
  TcpOptions options = TcpFixture::plain();
  TcpFixture tcp = TcpFixture::established(options);
  for (std::uint32_t at = 0; at < 40'000; at += 1000) {
    tcp.receive(tcp.from_peer().seq(kPeerSeq + at).bytes(text(1000)));
  }
  tcp.discard_sent();
  tcp.read(35'000);
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 40'000).window(55'000));
}

}  // namespace
}  // namespace weft::net
