// Bytes, and what a poll() would say.
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "tests/conformance/socket_layer.h"
#include "tests/conformance/stack.h"

namespace weft::conformance {

ssize_t SocketLayer::send(Time now, int id, ByteSpan bytes, int flags) {
  Socket* s = find(id);
  if (s == nullptr) return -EBADF;
  if ((flags & (MSG_OOB | MSG_FASTOPEN)) != 0) return -EOPNOTSUPP;
  if (s->error != 0) return -s->take_error();
  if (s->state == SocketState::kConnecting) return s->shut_write ? -EPIPE : -EAGAIN;
  if (s->state != SocketState::kOpen || s->shut_write) return -EPIPE;
  if (bytes.empty()) return 0;
  const std::size_t space = tcp().send_space(s->connection);
  if (space == 0) return -EAGAIN;
  ByteChain copy = ByteChain::copy_of(bytes.first(std::min(bytes.size(), space)), pod_.buffers());
  const auto taken = static_cast<ssize_t>(copy.size());
  tcp().send(now, s->connection, std::move(copy));
  return taken != 0 ? taken : -ENOBUFS;
}

// In Linux's order: bytes, the peer's FIN, an error, our own shutdown.
ssize_t SocketLayer::recv(Time now, int id, MutableByteSpan bytes, int flags) {
  Socket* s = find(id);
  if (s == nullptr) return -EBADF;
  if ((flags & MSG_OOB) != 0) return -EINVAL;
  const std::size_t n = std::min(bytes.size(), s->has_connection() ? tcp().readable(s->connection) : 0);
  if (n != 0 && (flags & MSG_PEEK) != 0) {
    tcp().peek(s->connection, bytes.first(n));
    return static_cast<ssize_t>(n);
  }
  if (n != 0) {
    const ByteChain received = tcp().receive(now, s->connection, n);
    if ((flags & MSG_TRUNC) == 0) received.copy_to(0, bytes.first(n));
    return static_cast<ssize_t>(n);
  }
  if (s->peer_closed) return 0;
  if (s->error != 0) return -s->take_error();
  if (s->state == SocketState::kIdle || s->state == SocketState::kListening) return -ENOTCONN;
  if (s->shut_read || s->state == SocketState::kEnded || bytes.empty()) return 0;
  return -EAGAIN;
}

unsigned SocketLayer::ready(int id) {
  Socket* s = find(id);
  if (s == nullptr) return pd::kErr | pd::kHup;
  const unsigned error = s->error != 0 ? unsigned{pd::kErr} : 0;
  switch (s->state) {
    case SocketState::kIdle: return error | pd::kOut | pd::kHup;
    case SocketState::kListening: {
      const bool any = std::any_of(s->waiting.begin(), s->waiting.end(),
                                   [](const std::unique_ptr<Socket>& waiting) { return waiting->was_open; });
      return error | (any ? unsigned{pd::kIn} : 0);
    }
    case SocketState::kConnecting: return error;
    case SocketState::kOpen: return error | ready_open(*s);
    case SocketState::kEnded: return error | pd::kIn | pd::kOut | pd::kHup | pd::kRdHup;
  }
  return error;
}

unsigned SocketLayer::ready_open(Socket& s) {
  unsigned mask = 0;
  const bool ends = s.peer_closed || s.shut_read;
  if (ends) mask |= pd::kIn | pd::kRdHup;
  if (ends && s.shut_write) mask |= pd::kHup;
  if (tcp().readable(s.connection) != 0) mask |= pd::kIn;
  if (s.shut_write || tcp().send_space(s.connection) != 0) mask |= pd::kOut;
  return mask;
}

int SocketLayer::ioctl(int id, unsigned long request, void* value) {
  Socket* s = find(id);
  if (s == nullptr) return -EBADF;
  if (request != SIOCINQ && request != SIOCOUTQ) return -EOPNOTSUPP;
  if (s->state == SocketState::kListening) return -EINVAL;
  int bytes = 0;
  if (s->has_connection()) {
    const net::TcpInfo info = tcp().info(s->connection);
    bytes = static_cast<int>(request == SIOCINQ ? info.receive_queue : info.send_queue);
  }
  *static_cast<int*>(value) = bytes;
  return 0;
}

}  // namespace weft::conformance
