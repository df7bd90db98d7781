// Cycles of a piece of work, by the time stamp counter. It runs at one speed, whatever the core's is.
#pragma once

#include <x86intrin.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace weft::perf {

// Adds up the pieces that are to be counted, between others that are not.
class Stopwatch {
 public:
  template <typename Work>
  void run(Work&& work) {
    const std::uint64_t begin = read();
    work();
    total_ += read() - begin;
    ++runs_;
  }
  // Since the last call, what reading the counter costs taken off.
  double take() {
    static const double overhead = measure_overhead();
    const double cycles = static_cast<double>(total_) - overhead * runs_;
    total_ = 0;
    runs_ = 0;
    return std::max(cycles, 0.0);
  }

 private:
  // Fenced, so that the work is neither begun before nor unfinished after.
  static std::uint64_t read() {
    _mm_lfence();
    const std::uint64_t now = __rdtsc();
    _mm_lfence();
    return now;
  }
  static double measure_overhead() {
    std::uint64_t least = UINT64_MAX;
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t begin = read();
      least = std::min(least, read() - begin);
    }
    return static_cast<double>(least);
  }

  std::uint64_t total_ = 0;
  int runs_ = 0;
};

// One figure: the median over many rounds, which does not see the rounds that something interrupted.
class Cycles {
 public:
  template <typename Work>
  void measure(std::size_t things, Work&& work) {
    Stopwatch watch;
    watch.run(work);
    add(watch, things);
  }
  // Returns what the watch took.
  double add(Stopwatch& watch, std::size_t things) { return add(watch.take(), things); }
  double add(double cycles, std::size_t things) {
    if (things != 0) rounds_.push_back(cycles / static_cast<double>(things));
    return cycles;
  }
  double median() const {
    if (rounds_.empty()) return 0;
    std::vector<double> sorted = rounds_;
    std::ranges::nth_element(sorted, sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2));
    return sorted[sorted.size() / 2];
  }

 private:
  std::vector<double> rounds_;
};

}  // namespace weft::perf
