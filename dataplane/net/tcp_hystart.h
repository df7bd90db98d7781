// HyStart++: leaves slow start when the round trip grows, before the queue overflows (RFC 9406).
#pragma once

#include <algorithm>
#include <cstdint>

namespace weft::net {

// Of the initial slow start only: later ones know ssthresh. Names as in RFC 9406, 4.
//
// One difference: slow start resumes when the round trip falls by half a RttThresh, not by any amount (4.2). Behind a
// filling queue the minimum of a few samples wavers by some tens of microseconds, and each resumption doubles a window
// that is too large already.
struct HyStart {
  static constexpr std::uint32_t kMinRttThreshUs = 4'000, kMaxRttThreshUs = 16'000, kMinRttDivisor = 8;
  static constexpr std::uint8_t kRttSamples = 8;      // N_RTT_SAMPLE
  static constexpr std::uint8_t kCssGrowthDivisor = 4, kCssRounds = 5;
  static constexpr std::uint32_t kInfinite = UINT32_MAX;

  std::uint32_t last_round_min_us = kInfinite;
  std::uint32_t current_round_min_us = kInfinite;
  std::uint32_t css_baseline_us = kInfinite;  // finite: in conservative slow start (CSS)
  std::uint8_t samples = 0;
  std::uint8_t css_rounds = 0;

  // What an ACK lets the window grow by. No limit of L segments to an ACK: those of super-segments stand for many, and
  // what leaves for one leaves as one burst in any case.
  std::uint32_t growth(std::uint32_t acked) const {
    return css_baseline_us == kInfinite ? acked : acked / kCssGrowthDivisor;
  }
  // True: slow start is over. `rtt_us` 0: this ACK measured none.
  bool on_ack(std::uint32_t rtt_us, bool round_over) {
    if (round_over && end_round()) return true;
    if (rtt_us != 0) {
      current_round_min_us = std::min(current_round_min_us, rtt_us);
      if (samples < kRttSamples) ++samples;
    }
    if (samples < kRttSamples || last_round_min_us == kInfinite) return false;
    const std::uint32_t thresh =
        std::max(kMinRttThreshUs, std::min(last_round_min_us / kMinRttDivisor, kMaxRttThreshUs));
    if (css_baseline_us != kInfinite) {
      if (current_round_min_us + thresh / 2 <= css_baseline_us) css_baseline_us = kInfinite;  // it was jitter
    } else if (current_round_min_us >= last_round_min_us + thresh) {
      css_baseline_us = current_round_min_us;
      css_rounds = 0;
    }
    return false;
  }

 private:
  bool end_round() {
    last_round_min_us = current_round_min_us;
    current_round_min_us = kInfinite;
    samples = 0;
    return css_baseline_us != kInfinite && ++css_rounds >= kCssRounds;
  }
};

}  // namespace weft::net
