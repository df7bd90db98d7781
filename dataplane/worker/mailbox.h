// Messages to a worker from threads that are not workers.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "base/clock.h"

namespace weft::worker {

using Task = std::move_only_function<void(Time now)>;

// Rare messages: configuration, links that come and go, operators' questions. The lock is taken by the worker only when
// there is something to take.
class Mailbox {
 public:
  // Any thread.
  void post(Task task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    pending_.store(true, std::memory_order_release);
  }
  // Owner. Runs what has been posted so far, in order; true: there was something.
  bool run(Time now) {
    if (!pending_.load(std::memory_order_acquire)) return false;
    std::vector<Task> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(tasks_);
      pending_.store(false, std::memory_order_relaxed);
    }
    for (Task& task : tasks) task(now);
    return true;
  }

 private:
  std::mutex mutex_;
  std::vector<Task> tasks_;
  std::atomic<bool> pending_{false};
};

}  // namespace weft::worker
