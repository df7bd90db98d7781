// Keepalive: RFC 9293, 3.8.4; RFC 1122, 4.2.3.6.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

// Its number is old: the peer answers, and drops the ACK with the rest (RFC 9293, 3.10.7.4, first).
TEST(TcpKeepalive, StandsForNoAckThatIsOwed) {
  TcpFixture tcp = TcpFixture::established();
  tcp.change([](TcpSettings& s) {
    s.keepalive = true;
    s.keepalive_idle = s.keepalive_interval = Duration::milliseconds(30);
  });
  tcp.receive(tcp.from_peer().bytes("x"));
  EXPECT_EQ(tcp.run_next_timer().ms(), 30);
  tcp.expect_sent(tcp.to_peer().seq(0));
  EXPECT_EQ(tcp.run_next_timer().ms(), 10);
  tcp.expect_sent(tcp.to_peer().seq(1).ack(kPeerSeq + 1));
}

TEST(TcpKeepalive, LeavesWhatIsInFlightToItsOwnTimer) {
  TcpFixture tcp = TcpFixture::established();
  tcp.change([](TcpSettings& s) {
    s.keepalive = true;
    s.keepalive_idle = s.keepalive_interval = Duration::milliseconds(1);
  });
  tcp.send("x");
  int expiries = 0;
  for (; tcp.stats().retransmission_timeouts == 0 && expiries < 100; ++expiries) {
    tcp.discard_sent();
    tcp.run_next_timer();
  }
  EXPECT_LE(expiries, 4);
}

TEST(TcpKeepalive, ProbesAnIdlePeerAndEndsWhenItIsGone) {
  TcpOptions options = TcpFixture::plain();
  options.keepalive_idle = Duration::seconds(100);
  options.keepalive_interval = Duration::seconds(10);
  options.keepalive_probes = 3;
  TcpFixture tcp = TcpFixture::established(options);
  EXPECT_NEAR(static_cast<double>(tcp.run_next_timer().ms()), 100'000, 10);
  tcp.expect_sent(tcp.to_peer().seq(0).ack(kPeerSeq));
  tcp.receive(tcp.from_peer());
  for (int i = 0; i < 4; ++i) {
    tcp.discard_sent();
    tcp.run_next_timer();
    if (i == 0) tcp.run_next_timer();  // the answer moved the deadline: 100 s from it
  }
  tcp.discard_sent();
  tcp.run_next_timer();
  TcpEvent event;
  ASSERT_TRUE(tcp.engine->poll_event(&event));
  EXPECT_EQ(event.reason, CloseReason::kKeepaliveTimedOut);
}

}  // namespace
}  // namespace weft::net
