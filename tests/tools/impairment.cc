#include "tests/tools/impairment.h"

#include <algorithm>

namespace weft::tools {

bool Impairment::is_lost(Time now, double loss_draw, double burst_draw) {
  const bool silence = options_.burst_silence.ns() != 0 && now - last_frame_ >= options_.burst_silence;
  if (silence) in_burst_ = false;
  last_frame_ = now;
  const bool burst_goes_on = in_burst_ && burst_draw >= 1 / options_.burst_length;
  const bool burst_begins = !in_burst_ && burst_draw < options_.burst_loss;
  in_burst_ = burst_goes_on || burst_begins;
  if (in_burst_) ++counters_.lost_in_bursts;
  else if (loss_draw < options_.loss) ++counters_.lost;
  else return false;
  return true;
}

// When a frame has passed a wire of the given rate; never(): its queue is full.
Time Impairment::leave_wire(Time now, std::size_t bytes) {
  if (options_.bits_per_second == 0) return now;
  const auto ns_per_byte = 8e9 / static_cast<double>(options_.bits_per_second);
  const Time begin = std::max(now, wire_free_);
  if (static_cast<double>((begin - now).ns()) > ns_per_byte * static_cast<double>(options_.queue_bytes_max))
    return Time::never();
  wire_free_ = begin + Duration::nanoseconds(static_cast<std::int64_t>(ns_per_byte * static_cast<double>(bytes)));
  return wire_free_;
}

void Impairment::on_frame(Time now, Frame frame) {
  ++counters_.in;
  const double loss = draw(), burst = draw(), jitter = draw(), reorder = draw(), duplicate = draw();
  if (is_lost(now, loss, burst)) return;
  const Time left = leave_wire(now, frame.size());
  if (left.is_never()) {
    ++counters_.lost_in_queue;
    return;
  }
  const auto spread = static_cast<std::int64_t>(jitter * static_cast<double>(options_.jitter.ns()));
  Time due = std::max(left + options_.delay + Duration::nanoseconds(spread), last_in_order_);
  if (duplicate < options_.duplicate) {
    ++counters_.duplicated;
    schedule(now, due, frame);
  }
  if (reorder < options_.reorder) {
    ++counters_.reordered;
    due = due + options_.reorder_delay;
  } else {
    last_in_order_ = due;
  }
  schedule(now, due, std::move(frame));
}

void Impairment::schedule(Time now, Time due, Frame frame) {
  waiting_.push({due, now, order_++, std::move(frame)});
}

bool Impairment::poll(Time now, Frame* frame) {
  if (waiting_.empty() || waiting_.top().due > now) return false;
  // top() is const because moving changes the order; the element is popped at once.
  auto& next = const_cast<Waiting&>(waiting_.top());
  *frame = std::move(next.frame);
  const Duration delay = now - next.arrived;
  waiting_.pop();
  ++counters_.out;
  counters_.delay_sum = counters_.delay_sum + delay;
  counters_.delay_max = std::max(counters_.delay_max, delay);
  return true;
}

}  // namespace weft::tools
