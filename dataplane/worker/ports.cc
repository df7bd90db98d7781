#include "dataplane/worker/ports.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace weft::worker {

namespace {

void watch(int epoll, int fd, void* owner) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = owner;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "watch a link");
}

}  // namespace

Worker::Ports::Ports(int doorbell_fd) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "create an epoll instance");
  watch(epoll_, doorbell_fd, nullptr);
}

Worker::Ports::~Ports() { ::close(epoll_); }

void Worker::Ports::add(InterfaceId interface, std::unique_ptr<net::Link> link) {
  remove(interface);
  auto& port = *(ports_[interface] = std::make_unique<Port>());
  port.interface = interface;
  port.link = std::move(link);
  const int fd = port.link->wait_fd();
  const bool polls_free = port.link->capabilities().polls_free;
  if (fd >= 0) watch(epoll_, fd, &port);
  if (fd < 0) ++unwakeable_;
  if (fd < 0 || polls_free) {
    polled_.push_back(&port);
  } else {
    ++waited_;
  }
}

void Worker::Ports::add_remote(InterfaceId interface, unsigned worker) {
  remove(interface);
  auto& port = *(ports_[interface] = std::make_unique<Port>());
  port.interface = interface;
  port.remote = worker;
}

void Worker::Ports::remove(InterfaceId interface) {
  Port* port = find(interface);
  if (port == nullptr) return;
  if (port->link != nullptr) {
    const int fd = port->link->wait_fd();
    // A Tap keeps its own descriptor of the queue, so closing ours would leave epoll watching.
    if (fd >= 0) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
    if (fd < 0) --unwakeable_;
    if (std::erase(polled_, port) == 0) --waited_;
  }
  std::erase(ready_, port);
  std::erase(unsent_, port);
  ports_.erase(interface);
}

Worker::Port* Worker::Ports::find(InterfaceId interface) {
  const auto it = ports_.find(interface);
  return it == ports_.end() ? nullptr : it->second.get();
}

bool Worker::Ports::wait(Duration timeout) {
  std::array<epoll_event, 64> events;
  const timespec limit{timeout.ns() / 1'000'000'000, timeout.ns() % 1'000'000'000};
  const int count = ::epoll_pwait2(epoll_, events.data(), events.size(), &limit, nullptr);
  bool rung = false;
  for (int i = 0; i < count; ++i) {
    auto* port = static_cast<Port*>(events[static_cast<std::size_t>(i)].data.ptr);
    if (port == nullptr) rung = true;
    else if (!port->link->capabilities().polls_free) set_ready(*port);
  }
  return rung;
}

std::span<Worker::Port* const> Worker::Ports::take_ready() {
  for (Port* port : ready_) port->ready = false;
  reading_.clear();
  reading_.swap(ready_);
  return reading_;
}

void Worker::Ports::set_ready(Port& port) {
  if (std::exchange(port.ready, true)) return;
  ready_.push_back(&port);
}

void Worker::Ports::enqueue(Port& port, Packet&& frame) {
  if (port.queued == 0) unsent_.push_back(&port);
  port.output[port.queued++] = std::move(frame);
  if (port.queued < kBurst) return;
  sent_full_ += send(port);
  std::erase(unsent_, &port);
}

std::uint64_t Worker::Ports::send(Port& port) {
  const unsigned count = std::exchange(port.queued, 0);
  return port.link->transmit({port.output.data(), count});
}

std::uint64_t Worker::Ports::flush() {
  std::uint64_t sent = std::exchange(sent_full_, 0);
  for (Port* port : unsent_) sent += send(*port);
  unsent_.clear();
  return sent;
}

bool Worker::Ports::arm() {
  return std::ranges::all_of(polled_, [](Port* port) { return port->link->arm(); });
}

}  // namespace weft::worker
