// The receive window: what is said of it, and when.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

TEST(TcpWindowUpdate, UpdateThatTheFieldCannotSayIsNotSent) {
  TcpOptions options = TcpFixture::plain();  // without window scale: 65 535 at most
  options.receive_buffer_initial = options.receive_buffer_max = 400'000;
  TcpFixture tcp = TcpFixture::established(options);
  tcp.receive(tcp.from_peer().bytes(std::string(1000, 'x')));
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
    tcp.receive(tcp.from_peer().seq(kPeerSeq + at).bytes(std::string(1000, 'x')));
  }
  tcp.discard_sent();
  tcp.read(35'000);
  tcp.expect_sent(tcp.to_peer().ack(kPeerSeq + 40'000).window(55'000));
}

}  // namespace
}  // namespace weft::net
