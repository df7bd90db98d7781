// Active opens.
#include <cerrno>

#include "tests/conformance/address.h"
#include "tests/conformance/socket_layer.h"

namespace weft::conformance {

namespace {

// SYNs at 0, 1, 3, 7, 15, 31 and 63 s (net.ipv4.tcp_syn_retries = 6), and the last one's wait.
constexpr Duration kConnectTimeout = Duration::seconds(127);

int errno_of(net::ConnectError error) {
  switch (error) {
    case net::ConnectError::kNoPort:
    case net::ConnectError::kInUse: return EADDRNOTAVAIL;
    case net::ConnectError::kUnknownInterface: return ENETUNREACH;
    case net::ConnectError::kTooManyConnections:
    case net::ConnectError::kMemoryLimit: return ENOBUFS;
  }
  return EINVAL;
}

}  // namespace

int SocketLayer::connect(Time now, int id, const sockaddr* address, socklen_t size) {
  Socket* s = find(id);
  if (s == nullptr) return -EBADF;
  if (address == nullptr || size < sizeof(sa_family_t)) return -EINVAL;
  if (address->sa_family == AF_UNSPEC) return disconnect(now, *s);
  auto remote = endpoint_from(s->family, address, size);
  if (!remote) return -remote.error();
  switch (s->state) {
    case SocketState::kListening: return -EISCONN;
    case SocketState::kConnecting: return -EALREADY;
    case SocketState::kOpen: return std::exchange(s->told_open, true) ? -EISCONN : 0;
    case SocketState::kEnded:
      if (s->was_open) return -EISCONN;
      if (s->error != 0) return -s->take_error();
      release(now, *s);
      [[fallthrough]];
    case SocketState::kIdle: break;
  }
  return start_connect(now, *s, *remote);
}

// connect() with AF_UNSPEC: the socket is as new, but keeps its port.
int SocketLayer::disconnect(Time now, Socket& s) {
  if (s.state == SocketState::kListening) stop_listening(now, s);
  if (s.has_connection()) {
    tcp().abort(now, s.connection);
    release(now, s);
  }
  s.state = SocketState::kIdle;
  return 0;
}

int SocketLayer::start_connect(Time now, Socket& s, const Endpoint& remote) {
  const bool v6 = remote.address.is_v6();
  if (!pod_.admit(remote.address)) return -ENETUNREACH;
  if (!s.local.address.is_unspecified() && s.local.address.is_v6() != v6) return -ENETUNREACH;
  net::ConnectRequest request;
  request.key = {kPod, s.local, remote};
  if (s.local.address.is_unspecified()) request.key.local.address = sources_[v6 ? 1 : 0];
  request.pod = request.account = kPod;
  request.connect_timeout = kConnectTimeout;
  // Linux's SYNs heed it too.
  if (s.options.user_timeout_ms != 0) request.connect_timeout = Duration::milliseconds(s.options.user_timeout_ms);
  auto id = tcp().connect(now, request);
  if (!id) return -errno_of(id.error());
  tcp().set_settings(now, *id, settings_of(s));
  s.connection = *id;
  s.remote = remote;
  s.local = tcp().key(*id).local;
  s.bound = true;
  s.state = SocketState::kConnecting;
  s.connect_error = 0;
  by_connection_[*id] = &s;
  return -EINPROGRESS;
}

int SocketLayer::connect_result(int id) {
  Socket* s = find(id);
  if (s == nullptr) return -EBADF;
  if (s->state == SocketState::kConnecting) return -EAGAIN;
  if (s->was_open) {
    s->told_open = true;
    return 0;
  }
  if (s->connect_error == 0) return -ENOTCONN;
  s->take_error();
  return -s->connect_error;
}

}  // namespace weft::conformance
