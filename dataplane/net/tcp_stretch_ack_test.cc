// An ACK of a super-segment stands for those of its segments.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

// The congestion window after `bytes` were acknowledged in pieces that `random` chooses, `most` at a time.
std::uint32_t window_after(CongestionAlgorithm algorithm, std::uint32_t bytes, std::uint32_t most, Random random) {
  TcpOptions options = TcpFixture::plain();
  options.congestion = algorithm;
  TcpFixture tcp = TcpFixture::established(options);
  tcp.send(std::string(60'000, 'x'));
  tcp.discard_sent();
  tcp.advance(kRtt);
  for (std::uint32_t acked = 0; acked < bytes;) {
    acked += std::min(static_cast<std::uint32_t>(1 + random.below(most)), bytes - acked);
    tcp.receive(tcp.from_peer().ack(1 + acked));
  }
  return tcp.engine->info(tcp.id).cwnd;
}

// RFC 3465: without a limit per ACK (HyStart::growth says why).
TEST(TcpStretchAck, WindowGrowsByBytesHoweverTheyAreAcknowledged) {
  for (const auto algorithm : {CongestionAlgorithm::kNewReno, CongestionAlgorithm::kCubic}) {
    const std::uint32_t flight = 10 * kMss;
    const std::uint32_t at_once = window_after(algorithm, flight, UINT32_MAX, Random(1));
    EXPECT_EQ(at_once, 2 * flight);
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      EXPECT_EQ(window_after(algorithm, flight, 5000, Random(seed)), at_once) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace weft::net
