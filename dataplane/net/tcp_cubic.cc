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
    if (s.in_slow_start()) return slow_start(s, a);
    if (a.acked == 0) return;
    AvoidanceState& v = s.avoidance;
    if (v.epoch_ms == 0) begin_epoch(s, a);
    const double cwnd = s.cwnd;
    // Once it is back where the last reduction began, as fast as Reno (4.3). That window was ssthresh / beta.
    const double alpha = v.w_est * kBeta < s.ssthresh ? kAlpha : 1;
    v.w_est += static_cast<std::uint32_t>(alpha * a.mss * a.acked / cwnd + 0.5);
    const double t_ms = a.now_ms - v.epoch_ms;
    if (w_cubic(v, t_ms, a.mss) < v.w_est) {
      s.cwnd = std::max(s.cwnd, v.w_est);
      return;
    }
    // One round trip ahead, at most half a window more per round trip (4.2).
    const double target = std::clamp(w_cubic(v, t_ms + a.srtt_ms, a.mss), cwnd, 1.5 * cwnd);
    s.cwnd += static_cast<std::uint32_t>((target - cwnd) * a.acked / cwnd);
  }
  void on_loss(CongestionState& s, std::uint32_t flight, std::uint32_t mss) const override {
    const double reduced = kBeta * std::min(s.cwnd, std::max(flight, mss));
    s.set_ssthresh(std::max(static_cast<std::uint32_t>(reduced), 2 * mss));
    // Fast convergence (4.7): below the last maximum, make room for newer flows.
    AvoidanceState& v = s.avoidance;
    v.w_max = s.cwnd < v.w_max ? static_cast<std::uint32_t>(s.cwnd * (1 + kBeta) / 2) : s.cwnd;
    v.epoch_ms = 0;
    s.cwnd = s.ssthresh;
  }
  // Congestion avoidance after a timeout begins at W_max, with K = 0 (4.8).
  void on_timeout(CongestionState& s, std::uint32_t flight, std::uint32_t mss) const override {
    on_loss(s, flight, mss);
    s.avoidance.w_max = 0;
    s.cwnd = mss;
  }

 private:
  static double w_cubic(const AvoidanceState& v, double t_ms, std::uint32_t mss) {
    const double t = (t_ms - static_cast<double>(v.k_ms)) / 1000;
    return kC * t * t * t * mss + v.w_max;
  }
  static void begin_epoch(CongestionState& s, const AckSample& a) {
    AvoidanceState& v = s.avoidance;
    v.epoch_ms = std::max(a.now_ms, 1u);
    v.w_est = s.cwnd;
    v.k_ms = 0;
    if (v.w_max <= s.cwnd) {
      v.w_max = s.cwnd;
    } else {
      v.k_ms = static_cast<std::uint32_t>(1000 * std::cbrt(static_cast<double>(v.w_max - s.cwnd) / a.mss / kC));
    }
  }
};

}  // namespace

const CongestionControl& cubic() {
  static const Cubic algorithm;
  return algorithm;
}

}  // namespace weft::net
