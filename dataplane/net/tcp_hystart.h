// HyStart++: leaves slow start when the round trip grows, before the queue overflows (RFC 9406).
#pragma once

#include <algorithm>
#include <cstdint>

namespace weft::net {

// Of the initial slow start only: later ones know ssthresh. Names as in RFC 9406, 4. Three differences:
//
// 1. Slow start resumes when the round trip falls by half a RttThresh, not by any amount (4.2). Behind a filling queue
//    the minimum of a few samples wavers by some tens of microseconds, and each resumption doubles a window that is too
//    large already.
// 2. A train of ACKs without a gap begins conservative slow start (CSS) too. The first samples of a round are those of
//    an empty queue, so a round's minimum grows only when the window is four times the path's bandwidth times delay. A
//    train of half a round trip means that what was in flight, half of today's window, filled half of the path: the
//    ACK train of the first HyStart (Ha and Rhee, 2011), which Linux ends slow start by.
// 3. A round trip that grows by one RttThresh more in CSS ends it: the queue is real, and grows.
struct HyStart {
  static constexpr std::uint32_t kMinRttThreshUs = 4'000, kMaxRttThreshUs = 16'000, kMinRttDivisor = 8;
  static constexpr std::uint8_t kRttSamples = 8;      // N_RTT_SAMPLE
  static constexpr std::uint8_t kCssGrowthDivisor = 4, kCssRounds = 5;
  // Linux's gap, longer where the path is slow and long; below 8 ms it would bridge the silence of a round.
  static constexpr std::uint32_t kTrainGapMs = 2, kTrainGapDivisor = 16, kMinTrainRttUs = 8'000;
  static constexpr std::uint32_t kInfinite = UINT32_MAX;

  std::uint32_t last_round_min_us = kInfinite;
  std::uint32_t current_round_min_us = kInfinite;
  std::uint32_t css_baseline_us = kInfinite;  // finite: in CSS
  std::uint8_t samples = 0;
  std::uint8_t css_rounds = 0;
  std::uint16_t train_begin_ms = 0;  // no gap between two ACKs since then, of the engine's clock

  // What an ACK lets the window grow by. No limit of L segments to an ACK: those of super-segments stand for many, and
  // what leaves for one leaves as one burst in any case.
  std::uint32_t growth(std::uint32_t acked) const {
    return css_baseline_us == kInfinite ? acked : acked / kCssGrowthDivisor;
  }
  // Each ACK, `gap_ms` after the last one; `limited`: the window was in full use.
  void on_train(std::uint32_t now_ms, std::uint32_t gap_ms, bool limited) {
    const std::uint32_t min_us = std::min(last_round_min_us, current_round_min_us);
    const auto now = static_cast<std::uint16_t>(now_ms);
    const bool gap = gap_ms > std::max(kTrainGapMs, min_us / 1000 / kTrainGapDivisor);
    if (!limited || gap || min_us == kInfinite) train_begin_ms = now;
    if (css_baseline_us != kInfinite || min_us < kMinTrainRttUs) return;
    const auto train_ms = static_cast<std::uint16_t>(now - train_begin_ms);
    if (train_ms * 2000u >= min_us) begin_css(min_us);
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
      if (current_round_min_us >= css_baseline_us + thresh) return true;
      if (current_round_min_us + thresh / 2 <= css_baseline_us) css_baseline_us = kInfinite;  // it was jitter
    } else if (current_round_min_us >= last_round_min_us + thresh) {
      begin_css(current_round_min_us);
    }
    return false;
  }

 private:
  void begin_css(std::uint32_t baseline_us) {
    css_baseline_us = baseline_us;
    css_rounds = 0;
  }
  bool end_round() {
    last_round_min_us = current_round_min_us;
    current_round_min_us = kInfinite;
    samples = 0;
    return css_baseline_us != kInfinite && ++css_rounds >= kCssRounds;
  }
};

}  // namespace weft::net
