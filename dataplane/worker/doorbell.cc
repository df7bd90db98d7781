#include "dataplane/worker/doorbell.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace weft::worker {

Doorbell::Doorbell() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "create an eventfd");
}

Doorbell::~Doorbell() { ::close(fd_); }

void Doorbell::ring() {
  if (state_.exchange(kRung, std::memory_order_acq_rel) != kSleeping) return;
  wakeups_.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  // Fails only with the counter at its limit, and then the fd is readable already.
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

bool Doorbell::may_sleep() {
  if (state_.exchange(kSleeping, std::memory_order_acq_rel) == kAwake) return true;
  state_.exchange(kAwake, std::memory_order_acq_rel);
  return false;
}

void Doorbell::woke(bool readable) {
  state_.exchange(kAwake, std::memory_order_acq_rel);
  // A ringer that has not written yet ends the next sleep at once, which costs one turn.
  if (!readable) return;
  std::uint64_t rings;
  [[maybe_unused]] const auto size = ::read(fd_, &rings, sizeof rings);
}

}  // namespace weft::worker
