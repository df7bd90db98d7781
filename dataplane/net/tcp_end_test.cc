// How a connection ends, and what its owner is told: only when all text has arrived, nothing.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

TEST(TcpEnd, ResetInLastAckWithTextInFlightIsAnError) {
  TcpFixture tcp = TcpFixture::close_wait();
  tcp.send("abc");
  tcp.engine->shutdown_send(tcp.now, tcp.id);
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).rst());
  tcp.expect_closed(CloseReason::kResetByPeer);
}

TEST(TcpEnd, ResetInLastAckWithTextNotYetSentIsAnError) {
  TcpFixture tcp = TcpFixture::close_wait();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).window(0));
  tcp.send("abc");
  tcp.engine->shutdown_send(tcp.now, tcp.id);
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).rst());
  tcp.expect_closed(CloseReason::kResetByPeer);
}

TEST(TcpEnd, ResetInClosingWithTextInFlightIsAnError) {
  TcpFixture tcp = TcpFixture::established();
  tcp.send("abc");
  tcp.engine->shutdown_send(tcp.now, tcp.id);
  tcp.discard_sent();
  tcp.receive(tcp.from_peer().fin());
  tcp.discard_events();
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).rst());
  tcp.expect_closed(CloseReason::kResetByPeer);
}

TEST(TcpEnd, ResetInLastAckWhenOnlyTheFinIsOutIsTheEnd) {
  TcpFixture tcp = TcpFixture::close_wait();
  tcp.send("abc");
  tcp.discard_sent();
  tcp.engine->shutdown_send(tcp.now, tcp.id);
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).ack(4));
  tcp.receive(tcp.from_peer().seq(kPeerSeq + 1).rst());
  tcp.expect_closed(CloseReason::kOrderly);
}

TEST(TcpEnd, TextOfASynWhoseOwnerHasGoneIsReset) {
  TcpFixture tcp(TcpFixture::plain());
  tcp.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).mss(kMss).window(65535).bytes("early"));
  tcp.expect_event(TcpEventKind::kSyn);
  tcp.engine->accept_syn(tcp.now, tcp.id, kPod);
  tcp.iss = tcp.next_sent().s.seq.raw();
  tcp.engine->close(tcp.now, tcp.id);
  tcp.receive(tcp.from_peer());
  EXPECT_TRUE(tcp.next_sent().s.is(kRst));
  EXPECT_EQ(tcp.engine->connections(), 0u);
  EXPECT_EQ(tcp.engine->account_memory(kPod), 0u);
}

}  // namespace
}  // namespace weft::net
