// Congestion control: how much may be in flight. Algorithms have no state of their own; a connection's is a value.
#pragma once

#include <cstdint>

#include "dataplane/net/tcp_types.h"

namespace weft::net {

// Bytes, and milliseconds of the engine's clock.
struct CongestionState {
  std::uint32_t cwnd = 0;
  std::uint32_t ssthresh = UINT32_MAX;
  std::uint32_t w_max = 0;     // CUBIC: window before the last loss
  std::uint32_t w_est = 0;     // CUBIC: window that Reno would have now. NewReno: bytes acknowledged towards a step
  std::uint32_t epoch_ms = 0;  // CUBIC: when this congestion avoidance began; 0: not yet
  std::uint32_t k_ms = 0;      // CUBIC: time from there until w_max is reached again

  bool in_slow_start() const { return cwnd < ssthresh; }
};

struct AckSample {
  std::uint32_t acked = 0;  // bytes newly acknowledged, cumulatively
  std::uint32_t now_ms = 0;
  std::uint32_t srtt_ms = 0;
  std::uint32_t mss = 0;
};

class CongestionControl {
 public:
  virtual ~CongestionControl() = default;
  static const CongestionControl& of(CongestionAlgorithm algorithm);

  // New data acknowledged, outside of loss recovery, with the window in full use.
  virtual void on_ack(CongestionState& state, const AckSample& sample) const = 0;
  // Loss found by duplicate or selective ACKs: cwnd and ssthresh are set to what recovery works with.
  virtual void on_loss(CongestionState& state, std::uint32_t flight, std::uint32_t mss) const = 0;
  // First expiry of the retransmission timer in a row.
  virtual void on_timeout(CongestionState& state, std::uint32_t flight, std::uint32_t mss) const = 0;
  // Nothing was sent for longer than an RTO (RFC 5681, 4.1).
  virtual void on_idle(CongestionState& state, std::uint32_t initial_window) const = 0;
};

const CongestionControl& newreno();  // RFC 5681 and 6582
const CongestionControl& cubic();    // RFC 9438

}  // namespace weft::net
