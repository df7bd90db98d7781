// The agent's thread: everything of the agent that has state lives on it, so nothing of it needs a lock. gRPC's and
// servers' threads hand work over with post() or call().
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace weft::agent {

class EventLoop {
 public:
  using Task = std::function<void()>;
  using TimerId = std::uint64_t;  // 0: none

  EventLoop();
  ~EventLoop();  // stops
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void start();
  // Runs what was posted before, then ends the thread. Later posts are dropped. Not from the loop's own thread.
  void stop();

  // Any thread.
  void post(Task task);
  // Any thread but the loop's: runs the task there and waits for its result. REQUIRES: started and not stopped.
  template <typename F>
  auto call(F task) -> decltype(task()) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto result = packaged.get_future();
    post([&packaged] { packaged(); });
    return result.get();
  }

  // From the loop's thread, or before start(). `delay` below zero is zero.
  TimerId run_after(Duration delay, Task task);
  void cancel(TimerId timer);  // of a timer that ran or is none: nothing
  void watch(int fd, Task when_readable);

 private:
  struct Timer {
    TimerId id;
    Task task;
  };
  void run();
  void run_posted();
  void run_timers();
  int wait_ms() const;

  int wake_fd_;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<Task> posted_;  // guarded by mutex_
  bool stopping_ = false;     // guarded by mutex_
  std::multimap<Time, Timer> timers_;
  std::map<int, Task> watched_;
  TimerId last_timer_ = 0;
};

// CLOCK_MONOTONIC, and seconds since 1970.
Time monotonic_now();
std::int64_t unix_now();

}  // namespace weft::agent
