// What the engine reports, and what it means to sockets.
#include <algorithm>
#include <cerrno>

#include "tests/conformance/address.h"
#include "tests/conformance/socket_layer.h"

namespace weft::conformance {

namespace {

int errno_of(net::CloseReason reason, bool peer_closed) {
  switch (reason) {
    case net::CloseReason::kNone:
    case net::CloseReason::kOrderly: return 0;
    case net::CloseReason::kResetByPeer: return peer_closed ? EPIPE : ECONNRESET;
    case net::CloseReason::kRefused: return ECONNREFUSED;
    case net::CloseReason::kConnectTimedOut:
    case net::CloseReason::kHandshakeTimedOut:
    case net::CloseReason::kTimedOut:
    case net::CloseReason::kUserTimeout:
    case net::CloseReason::kKeepaliveTimedOut: return ETIMEDOUT;
    case net::CloseReason::kUnreachable: return EHOSTUNREACH;
    case net::CloseReason::kAborted:
    case net::CloseReason::kSynWithdrawn:
    case net::CloseReason::kSynQueueFull: return ECONNABORTED;
    case net::CloseReason::kMemoryLimit: return ENOBUFS;
  }
  return EIO;
}

}  // namespace

void SocketLayer::take_events(Time now) {
  for (net::TcpEvent event; tcp().poll_event(&event);) on_event(now, event);
}

void SocketLayer::on_event(Time now, const net::TcpEvent& event) {
  if (event.kind == net::TcpEventKind::kSyn) return on_syn(now, event.id);
  auto it = by_connection_.find(event.id);
  if (it == by_connection_.end()) return;
  Socket& s = *it->second;
  switch (event.kind) {
    case net::TcpEventKind::kEstablished:
      s.state = SocketState::kOpen;
      s.was_open = true;
      break;
    case net::TcpEventKind::kPeerClosed: s.peer_closed = true; break;
    case net::TcpEventKind::kClosed: on_closed(now, s, event.reason); break;
    default: break;
  }
}

// With the queue of those that wait to be accepted full, Linux drops the SYN (tcp_conn_request()), and the peer tries
// again. Handshakes count as well, since each of them ends in that queue.
void SocketLayer::on_syn(Time now, net::ConnectionId id) {
  const net::FlowKey key = tcp().key(id);
  Socket* listener = listener_for(key.local);
  if (listener == nullptr) return tcp().refuse_syn(now, id);
  if (listener->waiting.size() > static_cast<std::size_t>(listener->backlog)) return tcp().drop_syn(id);
  auto socket = std::make_unique<Socket>();
  socket->family = listener->family;
  socket->options = listener->options;
  socket->state = SocketState::kConnecting;
  socket->bound = socket->told_open = true;
  socket->local = key.local;
  socket->remote = key.remote;
  socket->connection = id;
  socket->listener = listener;
  tcp().set_settings(now, id, settings_of(*socket));
  tcp().accept_syn(now, id, kPod);
  by_connection_[id] = socket.get();
  listener->waiting.push_back(std::move(socket));
}

// An address of its own counts more than all addresses.
Socket* SocketLayer::listener_for(const Endpoint& local) {
  Socket* any = nullptr;
  for (const std::unique_ptr<Socket>& s : sockets_) {
    if (s == nullptr || s->state != SocketState::kListening || s->local.port != local.port) continue;
    if (s->local.address == local.address) return s.get();
    const bool family = s->family == AF_INET6 || local.address.is_v4();
    if (s->local.address.is_unspecified() && family) any = s.get();
  }
  return any;
}

void SocketLayer::on_closed(Time now, Socket& s, net::CloseReason reason) {
  if (s.listener != nullptr && !s.was_open) {  // the handshake came to nothing: the listener never hears of it
    tcp().close(now, s.connection);
    by_connection_.erase(s.connection);
    std::erase_if(s.listener->waiting, [&s](const std::unique_ptr<Socket>& waiting) { return waiting.get() == &s; });
    return;
  }
  s.error = errno_of(reason, s.peer_closed);
  if (!s.was_open) s.connect_error = s.error != 0 ? s.error : ECONNABORTED;
  s.state = SocketState::kEnded;
}

}  // namespace weft::conformance
