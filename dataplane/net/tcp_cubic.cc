// RFC 9438.
#include <algorithm>
#include <cmath>

#include "dataplane/net/tcp_congestion.h"

namespace weft::net {

namespace {

constexpr double kC = 0.4;      // segments per second cubed (5, figure 1)
constexpr double kBeta = 0.7;   // what a loss leaves (4.6)
constexpr double kAlpha = 3 * (1 - kBeta) / (1 + kBeta);  // Reno-friendly increase (4.3)

class Cubic final : public CongestionControl {
 public:
  void on_ack(CongestionState& s, const AckSample& a) const override {
    if (s.in_slow_start()) {
      s.cwnd += std::min(a.acked, s.ssthresh - s.cwnd);
      return;
    }
    if (s.epoch_ms == 0) begin_epoch(s, a);
    const double cwnd = s.cwnd;
    s.w_est += static_cast<std::uint32_t>(kAlpha * a.mss * a.acked / cwnd + 0.5);
    // W_cubic one round trip ahead (4.2), at most half a window more per round trip.
    const double t = (a.now_ms - s.epoch_ms + a.srtt_ms - static_cast<double>(s.k_ms)) / 1000;
    const double cubic_window = (kC * t * t * t) * a.mss + s.w_max;
    const double target = std::clamp(cubic_window, cwnd, 1.5 * cwnd);
    if (cubic_window < s.w_est) {
      s.cwnd = std::max(s.cwnd, s.w_est);
    } else {
      s.cwnd += static_cast<std::uint32_t>((target - cwnd) * a.acked / cwnd);
    }
  }
  void on_loss(CongestionState& s, std::uint32_t flight, std::uint32_t mss) const override {
    // Fast convergence (4.7): below the last maximum, make room for newer flows.
    s.w_max = s.cwnd < s.w_max ? static_cast<std::uint32_t>(s.cwnd * (1 + kBeta) / 2) : s.cwnd;
    const double reduced = kBeta * std::min(s.cwnd, std::max(flight, mss));
    s.ssthresh = std::max(static_cast<std::uint32_t>(reduced), 2 * mss);
    s.cwnd = s.ssthresh;
    s.epoch_ms = 0;
  }
  void on_timeout(CongestionState& s, std::uint32_t flight, std::uint32_t mss) const override {
    on_loss(s, flight, mss);
    s.cwnd = mss;
  }
  void on_idle(CongestionState& s, std::uint32_t initial_window) const override {
    s.cwnd = std::min(s.cwnd, initial_window);
    s.epoch_ms = 0;
  }

 private:
  static void begin_epoch(CongestionState& s, const AckSample& a) {
    s.epoch_ms = std::max(a.now_ms, 1u);
    if (s.w_max <= s.cwnd) {
      s.w_max = s.cwnd;
      s.k_ms = 0;
    } else {
      s.k_ms = static_cast<std::uint32_t>(1000 * std::cbrt(static_cast<double>(s.w_max - s.cwnd) / a.mss / kC));
    }
    s.w_est = s.cwnd;
  }
};

}  // namespace

const CongestionControl& cubic() {
  static const Cubic algorithm;
  return algorithm;
}

}  // namespace weft::net
