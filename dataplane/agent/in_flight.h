// Counts calls whose callbacks are still to come, so that their owner can wait for them before it goes.
#pragma once

#include <condition_variable>
#include <mutex>

namespace weft::agent {

class InFlight {
 public:
  void begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    // Under the lock: the waiter may destroy this as soon as it can take it.
    if (--count_ == 0) none_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};

}  // namespace weft::agent
