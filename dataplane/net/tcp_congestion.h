// Congestion control: how much may be in flight. Algorithms have no state of their own; a connection's is a value.
#pragma once

#include <cstdint>

#include "dataplane/net/tcp_hystart.h"
#include "dataplane/net/tcp_types.h"

namespace weft::net {

// What congestion avoidance remembers. Bytes, and milliseconds of the engine's clock. Begins as zeros.
struct AvoidanceState {
  std::uint32_t w_max;     // CUBIC: window before the last loss
  std::uint32_t w_est;     // CUBIC: window that Reno would have now. NewReno: bytes acknowledged towards a step
  std::uint32_t epoch_ms;  // CUBIC: when this congestion avoidance began; 0: not yet
  std::uint32_t k_ms;      // CUBIC: time from there until w_max is reached again
};

struct CongestionState {
  std::uint32_t cwnd = 0;
  std::uint32_t ssthresh = UINT32_MAX;
  // Invariant: `hystart` in the initial slow start, `avoidance` afterwards.
  union {
    HyStart hystart = {};
    AvoidanceState avoidance;
  };

  bool in_slow_start() const { return cwnd < ssthresh; }
  bool in_initial_slow_start() const { return ssthresh == UINT32_MAX; }
  void set_ssthresh(std::uint32_t bytes) {
    if (in_initial_slow_start()) avoidance = AvoidanceState();
    ssthresh = bytes;
  }
};

struct AckSample {
  std::uint32_t acked = 0;  // bytes newly acknowledged, cumulatively; 0: the window was not in full use (RFC 7661)
  std::uint32_t now_ms = 0;
  std::uint32_t srtt_ms = 0;
  std::uint32_t mss = 0;
  std::uint32_t rtt_us = 0;  // of this ACK; 0: none was measured
  bool round_over = false;   // what was in flight when the last round trip was over is acknowledged
  std::uint32_t gap_ms = 0;  // since new data was acknowledged last, or sent after silence
};

class CongestionControl {
 public:
  virtual ~CongestionControl() = default;
  static const CongestionControl& of(CongestionAlgorithm algorithm);

  // New data acknowledged, outside of fast recovery.
  virtual void on_ack(CongestionState& state, const AckSample& sample) const = 0;
  // Loss found by duplicate or selective ACKs: cwnd and ssthresh are set to what recovery works with.
  virtual void on_loss(CongestionState& state, std::uint32_t flight, std::uint32_t mss) const = 0;
  // First expiry of the retransmission timer in a row.
  virtual void on_timeout(CongestionState& state, std::uint32_t flight, std::uint32_t mss) const = 0;
  // Nothing was sent for `timeouts` RTOs: half of the window for each, down to the restart window, and three quarters
  // kept in mind (RFC 2861, 3; RFC 5681, 4.1).
  virtual void on_idle(CongestionState& state, std::uint32_t restart_window, std::uint32_t timeouts) const;

 protected:
  static void slow_start(CongestionState& state, const AckSample& sample);
};

const CongestionControl& newreno();  // RFC 5681 and 6582
const CongestionControl& cubic();    // RFC 9438

}  // namespace weft::net
