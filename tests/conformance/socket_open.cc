// Sockets, their ports, and passive opens.
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>

#include "tests/conformance/address.h"
#include "tests/conformance/socket_layer.h"

namespace weft::conformance {

namespace {

constexpr std::uint16_t kFirstEphemeral = 32'768, kLastEphemeral = 60'999;  // net.ipv4.ip_local_port_range
constexpr int kBacklogMax = 4096;                                          // net.core.somaxconn

bool overlap(const Socket& a, const IpAddress& address, int family) {
  if (a.local.address.is_unspecified() || address.is_unspecified()) {
    return a.family == family || a.family == AF_INET6 || family == AF_INET6;
  }
  return a.local.address == address;
}

}  // namespace

int SocketLayer::socket(int domain, int type, int protocol) {
  if (domain != AF_INET && domain != AF_INET6) return -EAFNOSUPPORT;
  if ((type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != SOCK_STREAM) return -EPROTONOSUPPORT;
  if (protocol != 0 && protocol != IPPROTO_TCP) return -EPROTONOSUPPORT;
  auto socket = std::make_unique<Socket>();
  socket->family = domain;
  socket->local.address = any_of(domain);
  return add(std::move(socket));
}

Socket* SocketLayer::find(int id) {
  const auto index = static_cast<std::size_t>(id);
  return id >= 0 && index < sockets_.size() ? sockets_[index].get() : nullptr;
}

int SocketLayer::add(std::unique_ptr<Socket> socket) {
  auto free = std::find(sockets_.begin(), sockets_.end(), nullptr);
  if (free == sockets_.end()) free = sockets_.emplace(free);
  *free = std::move(socket);
  return static_cast<int>(free - sockets_.begin());
}

int SocketLayer::bind(int id, const sockaddr* address, socklen_t size) {
  Socket* s = find(id);
  if (s == nullptr) return -EBADF;
  auto local = endpoint_from(s->family, address, size);
  if (!local) return -local.error();
  if (s->bound || s->state != SocketState::kIdle) return -EINVAL;
  s->local.address = local->address;
  if (local->port == 0) return choose_port(*s) ? 0 : -EADDRINUSE;
  if (!port_is_free(*s, *local)) {
    s->local.address = any_of(s->family);
    return -EADDRINUSE;
  }
  s->local.port = local->port;
  s->bound = true;
  return 0;
}

// Two may share a port if both said SO_REUSEADDR and neither listens.
bool SocketLayer::port_is_free(const Socket& socket, const Endpoint& local) const {
  return std::none_of(sockets_.begin(), sockets_.end(), [&](const std::unique_ptr<Socket>& other) {
    if (other == nullptr || other.get() == &socket || !other->bound || other->local.port != local.port) return false;
    if (!overlap(*other, local.address, socket.family)) return false;
    const bool share = socket.options.reuse_address && other->options.reuse_address;
    return !share || other->state == SocketState::kListening;
  });
}

bool SocketLayer::choose_port(Socket& socket) {
  for (int tried = kFirstEphemeral; tried <= kLastEphemeral; ++tried) {
    last_port_ = last_port_ >= kLastEphemeral ? kFirstEphemeral : static_cast<std::uint16_t>(last_port_ + 1);
    if (!port_is_free(socket, {socket.local.address, last_port_})) continue;
    socket.local.port = last_port_;
    socket.bound = true;
    return true;
  }
  return false;
}

int SocketLayer::listen(int id, int backlog) {
  Socket* s = find(id);
  if (s == nullptr) return -EBADF;
  if (s->state != SocketState::kIdle && s->state != SocketState::kListening) return -EINVAL;
  if (!s->bound && !choose_port(*s)) return -EADDRINUSE;
  const bool taken = std::any_of(sockets_.begin(), sockets_.end(), [&](const std::unique_ptr<Socket>& other) {
    return other != nullptr && other.get() != s && other->state == SocketState::kListening &&
           other->local.port == s->local.port && overlap(*other, s->local.address, s->family);
  });
  if (taken) return -EADDRINUSE;
  s->backlog = backlog < 0 ? kBacklogMax : std::min(backlog, kBacklogMax);
  s->state = SocketState::kListening;
  return 0;
}

int SocketLayer::accept(int id, sockaddr_storage* peer, socklen_t* size) {
  Socket* s = find(id);
  if (s == nullptr) return -EBADF;
  if (s->state != SocketState::kListening) return -EINVAL;
  auto first = std::find_if(s->waiting.begin(), s->waiting.end(),
                            [](const std::unique_ptr<Socket>& waiting) { return waiting->was_open; });
  if (first == s->waiting.end()) return -EAGAIN;
  std::unique_ptr<Socket> accepted = std::move(*first);
  s->waiting.erase(first);
  accepted->listener = nullptr;
  write_endpoint(accepted->family, accepted->remote, peer, size);
  return add(std::move(accepted));
}

}  // namespace weft::conformance
