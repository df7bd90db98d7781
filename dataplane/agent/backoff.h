// Exponential waits between attempts, with jitter so that a hundred pods do not come back at the same moment.
#pragma once

#include <algorithm>

#include "base/clock.h"
#include "base/random.h"

namespace weft::agent {

class Backoff {
 public:
  Backoff(Duration least, Duration most) : least_(least), most_(most), next_(least) {}

  // The wait before the next attempt: uniform in [half, all] of a span that doubles from `least` up to `most`.
  Duration next(Random& random) {
    const std::int64_t span = next_.ns();
    next_ = std::min(most_, next_ * 2);
    const std::int64_t half = span / 2;
    return Duration::nanoseconds(half + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(half) + 1)));
  }
  void reset() { next_ = least_; }

 private:
  Duration least_, most_, next_;
};

}  // namespace weft::agent
