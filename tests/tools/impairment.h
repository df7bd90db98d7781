// What a bad wire does to frames in one direction: loss, bursts of loss, delay, reordering, duplication, a rate.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "base/clock.h"
#include "base/random.h"

namespace weft::tools {

struct ImpairmentOptions {
  std::uint64_t seed = 1;
  double loss = 0;             // probability of each frame
  double burst_loss = 0;       // probability that a frame begins a burst in which all are lost
  double burst_length = 5;     // mean frames of a burst (geometric; Gilbert's model)
  // A burst also ends when nothing comes for so long. 0: never; then whoever answers loss by silence, as TCP's timeout
  // does, sends the frames that end it one by one, each after twice the time.
  Duration burst_silence{};
  Duration delay{};            // of every frame
  Duration jitter{};           // uniform in [0, jitter) on top; frames keep their order unless reordered
  double reorder = 0;          // probability that a frame is held back, so that later ones overtake it
  Duration reorder_delay = Duration::milliseconds(2);
  double duplicate = 0;        // probability of a second copy
  std::uint64_t bits_per_second = 0;       // 0: no limit
  std::size_t queue_bytes_max = 1 << 20;   // waiting for the rate; more is lost
};

struct ImpairmentCounters {
  std::uint64_t in = 0, out = 0, lost = 0, lost_in_bursts = 0, lost_in_queue = 0, reordered = 0, duplicated = 0;
  Duration delay_sum{}, delay_max{};
  double loss() const {
    return in == 0 ? 0 : static_cast<double>(lost + lost_in_bursts + lost_in_queue) / static_cast<double>(in);
  }
  Duration mean_delay() const { return out == 0 ? Duration() : delay_sum / static_cast<std::int64_t>(out); }
};

using Frame = std::vector<std::uint8_t>;

// Sans-I/O. Each frame draws the same number of random values whatever happens to it: the n-th frame meets the same
// fate in every run with the same seed and options (but for burst_silence).
class Impairment {
 public:
  explicit Impairment(const ImpairmentOptions& options) : options_(options), random_(options.seed) {}

  void on_frame(Time now, Frame frame);
  // The next frame that is due.
  bool poll(Time now, Frame* frame);
  Time deadline() const { return waiting_.empty() ? Time::never() : waiting_.top().due; }
  const ImpairmentCounters& counters() const { return counters_; }

 private:
  struct Waiting {
    Time due, arrived;
    std::uint64_t order;
    Frame frame;
    bool operator<(const Waiting& other) const {  // the earliest on top
      return due != other.due ? due > other.due : order > other.order;
    }
  };
  bool is_lost(Time now, double loss_draw, double burst_draw);
  Time leave_wire(Time now, std::size_t bytes);
  void schedule(Time now, Time due, Frame frame);
  double draw() { return static_cast<double>(random_.next() >> 11) * 0x1.0p-53; }

  const ImpairmentOptions options_;
  Random random_;
  ImpairmentCounters counters_;
  std::priority_queue<Waiting> waiting_;
  std::uint64_t order_ = 0;
  bool in_burst_ = false;
  Time last_frame_{};
  Time wire_free_{};     // when the rate lets the next frame begin
  Time last_in_order_{}; // jitter does not reorder
};

}  // namespace weft::tools
