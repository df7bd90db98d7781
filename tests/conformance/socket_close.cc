// Ends: of a direction, of a listener, of a socket.
#include <cerrno>

#include "tests/conformance/address.h"
#include "tests/conformance/socket_layer.h"

namespace weft::conformance {

int SocketLayer::shutdown(Time now, int id, int how) {
  Socket* s = find(id);
  if (s == nullptr) return -EBADF;
  if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return -EINVAL;
  switch (s->state) {
    case SocketState::kIdle:
    case SocketState::kEnded: return -ENOTCONN;
    case SocketState::kListening:
      if (how != SHUT_WR) stop_listening(now, *s);
      return 0;
    case SocketState::kConnecting: return disconnect(now, *s);
    case SocketState::kOpen: break;
  }
  if (how != SHUT_WR) s->shut_read = true;
  if (how != SHUT_RD) {
    s->shut_write = true;
    tcp().shutdown_send(now, s->connection);
  }
  return 0;
}

// Who waits to be accepted learns that nobody will: RST. Handshakes are forgotten, as Linux does; their ACK meets a
// port without listener.
void SocketLayer::stop_listening(Time now, Socket& s) {
  for (std::unique_ptr<Socket>& waiting : s.waiting) {
    waiting->was_open ? tcp().abort(now, waiting->connection) : tcp().drop_syn(waiting->connection);
    by_connection_.erase(waiting->connection);
  }
  s.waiting.clear();
  s.state = SocketState::kIdle;
}

// The socket has no connection any more.
void SocketLayer::release(Time now, Socket& s) {
  tcp().close(now, s.connection);
  by_connection_.erase(s.connection);
  s.connection = {};
  s.remote = {};
  s.was_open = s.told_open = s.peer_closed = s.shut_read = s.shut_write = false;
  s.error = 0;
  s.state = SocketState::kIdle;
}

int SocketLayer::close(Time now, int id) {
  Socket* s = find(id);
  if (s == nullptr) return -EBADF;
  if (s->state == SocketState::kListening) stop_listening(now, *s);
  if (s->has_connection()) {
    if (s->options.linger && s->options.linger_s == 0) tcp().abort(now, s->connection);
    release(now, *s);
  }
  sockets_[static_cast<std::size_t>(id)].reset();
  return 0;
}

}  // namespace weft::conformance
