#include "dataplane/agent/event_loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>

namespace weft::agent {

Time monotonic_now() {
  return Time::from_ns(std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

std::int64_t unix_now() { return static_cast<std::int64_t>(std::time(nullptr)); }

EventLoop::EventLoop() : wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

EventLoop::~EventLoop() {
  stop();
  close(wake_fd_);
}

void EventLoop::start() {
  thread_ = std::thread([this] { run(); });
}

void EventLoop::stop() {
  if (!thread_.joinable()) return;
  post([this] {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  });
  thread_.join();
}

void EventLoop::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    posted_.push_back(std::move(task));
  }
  const std::uint64_t one = 1;
  // A full counter (EAGAIN) means that the loop is awake already.
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof one);
}

EventLoop::TimerId EventLoop::run_after(Duration delay, Task task) {
  timers_.emplace(monotonic_now() + std::max(delay, Duration()), Timer{++last_timer_, std::move(task)});
  return last_timer_;
}

void EventLoop::cancel(TimerId timer) {
  std::erase_if(timers_, [timer](const auto& entry) { return entry.second.id == timer; });
}

void EventLoop::watch(int fd, Task when_readable) { watched_[fd] = std::move(when_readable); }

void EventLoop::run_posted() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (Task& task : tasks) task();
}

void EventLoop::run_timers() {
  const Time now = monotonic_now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const Task task = std::move(timers_.begin()->second.task);
    timers_.erase(timers_.begin());
    task();
  }
}

int EventLoop::wait_ms() const {
  if (timers_.empty()) return -1;
  const std::int64_t ns = (timers_.begin()->first - monotonic_now()).ns();
  return static_cast<int>(std::clamp<std::int64_t>((ns + 999'999) / 1'000'000, 0, 60'000));
}

void EventLoop::run() {
  for (;;) {
    std::vector<pollfd> fds{{wake_fd_, POLLIN, 0}};
    for (const auto& [fd, task] : watched_) fds.push_back({fd, POLLIN, 0});
    poll(fds.data(), fds.size(), wait_ms());
    std::uint64_t count;
    [[maybe_unused]] const ssize_t got = read(wake_fd_, &count, sizeof count);
    run_posted();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    for (std::size_t i = 1; i < fds.size(); ++i) {
      if (fds[i].revents != 0) watched_.at(fds[i].fd)();
    }
    run_timers();
  }
}

}  // namespace weft::agent
