#include "dataplane/net/tcp_congestion.h"

#include <algorithm>

namespace weft::net {

const CongestionControl& CongestionControl::of(CongestionAlgorithm algorithm) {
  return algorithm == CongestionAlgorithm::kNewReno ? newreno() : cubic();
}

// RFC 5681, 3.1, with byte counting (RFC 3465).
void CongestionControl::slow_start(CongestionState& s, const AckSample& a) {
  if (!s.in_initial_slow_start()) {
    s.cwnd += std::min(a.acked, s.ssthresh - s.cwnd);
    return;
  }
  s.cwnd += s.hystart.growth(a.acked);
  s.hystart.on_train(a.now_ms, a.gap_ms, a.acked > 0);
  if (s.hystart.on_ack(a.rtt_us, a.round_over)) s.set_ssthresh(s.cwnd);
}

void CongestionControl::on_idle(CongestionState& s, std::uint32_t restart_window, std::uint32_t timeouts) const {
  if (!s.in_initial_slow_start()) {
    s.ssthresh = std::max(s.ssthresh, s.cwnd / 4 * 3);
    s.avoidance.epoch_ms = 0;
  }
  const std::uint32_t restart = std::min(restart_window, s.cwnd);
  for (; timeouts > 0 && s.cwnd > restart; --timeouts) s.cwnd = std::max(s.cwnd / 2, restart);
}

}  // namespace weft::net
