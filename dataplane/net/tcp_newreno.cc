// RFC 5681 with byte counting (RFC 3465): stretched ACKs, as GRO makes them, count for what they acknowledge.
#include <algorithm>

#include "dataplane/net/tcp_congestion.h"

namespace weft::net {

namespace {

class NewReno final : public CongestionControl {
 public:
  void on_ack(CongestionState& s, const AckSample& a) const override {
    if (s.in_slow_start()) {
      s.cwnd += std::min(a.acked, s.ssthresh - s.cwnd);
      return;
    }
    s.w_est += a.acked;
    if (s.w_est < s.cwnd) return;
    s.w_est -= s.cwnd;
    s.cwnd += a.mss;
  }
  void on_loss(CongestionState& s, std::uint32_t flight, std::uint32_t mss) const override {
    s.ssthresh = std::max(flight / 2, 2 * mss);
    s.cwnd = s.ssthresh;
    s.w_est = 0;
  }
  void on_timeout(CongestionState& s, std::uint32_t flight, std::uint32_t mss) const override {
    on_loss(s, flight, mss);
    s.cwnd = mss;
  }
  void on_idle(CongestionState& s, std::uint32_t initial_window) const override {
    s.cwnd = std::min(s.cwnd, initial_window);
  }
};

}  // namespace

const CongestionControl& newreno() {
  static const NewReno algorithm;
  return algorithm;
}

}  // namespace weft::net
