// RFC 5681 with byte counting (RFC 3465): stretched ACKs, as GRO makes them, count for what they acknowledge.
#include <algorithm>

#include "dataplane/net/tcp_congestion.h"

namespace weft::net {

namespace {

class NewReno final : public CongestionControl {
 public:
  void on_ack(CongestionState& s, const AckSample& a) const override {
    if (s.in_slow_start()) return slow_start(s, a);
    s.avoidance.w_est += a.acked;
    if (s.avoidance.w_est < s.cwnd) return;
    s.avoidance.w_est -= s.cwnd;
    s.cwnd += a.mss;
  }
  void on_loss(CongestionState& s, std::uint32_t flight, std::uint32_t mss) const override {
    s.set_ssthresh(std::max(flight / 2, 2 * mss));
    s.cwnd = s.ssthresh;
    s.avoidance.w_est = 0;
  }
  void on_timeout(CongestionState& s, std::uint32_t flight, std::uint32_t mss) const override {
    on_loss(s, flight, mss);
    s.cwnd = mss;
  }
};

}  // namespace

const CongestionControl& newreno() {
  static const NewReno algorithm;
  return algorithm;
}

}  // namespace weft::net
