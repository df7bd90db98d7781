// Round trips measured, and the timeout that follows from them (RFC 6298).
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

std::string text(std::size_t n) { return std::string(n, 'x'); }

TEST(TcpRtt, LostAcksDoNotMakeATimeoutLookLikeARoundTrip) {
  TcpOptions options = TcpFixture::plain();
  options.timestamps = true;
  TcpFixture tcp = TcpFixture::established(options, SegmentBuilder().stamps(1, 0));
  tcp.send("data");
  const std::uint32_t stamp = tcp.next_sent().s.tsval;
  for (int i = 0; i < 3; ++i) {
    tcp.run_next_timer();
    tcp.discard_sent();
  }
  tcp.now = tcp.now + kRtt;
  tcp.receive(tcp.from_peer().ack(5).stamps(2, stamp));  // to the duplicate: what it echoes is the original
  EXPECT_EQ(tcp.engine->info(tcp.id).rto.ms(), 200);
}

TEST(TcpRtt, EchoOfARetransmissionIsARoundTrip) {
  TcpOptions options = TcpFixture::plain();
  options.timestamps = true;
  TcpFixture tcp = TcpFixture::established(options, SegmentBuilder().stamps(1, 0));
  tcp.send("data");
  tcp.discard_sent();
  tcp.run_next_timer();
  const std::uint32_t stamp = tcp.next_sent().s.tsval;
  tcp.now = tcp.now + Duration::milliseconds(90);
  tcp.receive(tcp.from_peer().ack(5).stamps(2, stamp));
  EXPECT_EQ(tcp.engine->info(tcp.id).srtt.ms(), 20);
}

// RFC 6298, 5.7: a timestamp's echo is a measurement (RFC 7323, 4), whatever else of the flight is still missing.
TEST(TcpRtt, EchoOfARetransmissionEndsTheBackOffWithinARoundTrip) {
  TcpOptions options = TcpFixture::plain();
  options.timestamps = options.sack = true;
  TcpFixture tcp = TcpFixture::established(options, SegmentBuilder().stamps(1, 0).sack_ok());
  const std::uint32_t mss = tcp.engine->info(tcp.id).mss;
  tcp.send(text(4 * mss));
  for (std::uint32_t repaired = 1; repaired <= 2; ++repaired) {
    const std::uint64_t before = tcp.stats().retransmission_timeouts;
    while (tcp.stats().retransmission_timeouts < before + 2) {
      tcp.discard_sent();
      tcp.run_next_timer();
    }
    const std::uint32_t stamp = tcp.next_sent().s.tsval;
    tcp.now = tcp.now + kRtt;
    tcp.receive(tcp.from_peer().ack(1 + repaired * mss).stamps(2, stamp));
    tcp.discard_sent();
    EXPECT_LE((tcp.engine->deadline() - tcp.now).ms(), 201) << repaired;
  }
}

}  // namespace
}  // namespace weft::net
