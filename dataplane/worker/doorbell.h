// How other threads wake a worker that sleeps, without a system call for one that is awake.
#pragma once

#include <atomic>
#include <cstdint>

namespace weft::worker {

// Protocol: a producer first publishes its work (ring, mailbox, queue of results), then rings. The owner looks for
// work, then calls may_sleep(). A ring between the owner's last look and may_sleep() is remembered and makes
// may_sleep() refuse, so no wake-up is lost and the owner need not look at every source again. All transitions are
// read-modify-write operations on one atomic, so their order is total, and whoever comes second sees what the first
// had published.
class Doorbell {
 public:
  Doorbell();
  ~Doorbell();
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  // Any thread. Writes the eventfd only if the owner sleeps.
  void ring();
  // Owner. True: go to sleep on fd(). False: somebody rang; look for work again.
  bool may_sleep();
  // Owner, after sleep: awake again. `readable`: fd() was, and is emptied.
  void woke(bool readable);
  int fd() const { return fd_; }
  // System calls that ring() has made.
  std::uint64_t wakeups() const { return wakeups_.load(std::memory_order_relaxed); }

 private:
  enum State : std::uint32_t { kAwake, kSleeping, kRung };
  std::atomic<std::uint32_t> state_{kAwake};
  std::atomic<std::uint64_t> wakeups_{0};
  int fd_;
};

}  // namespace weft::worker
