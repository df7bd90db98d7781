// One BSD socket over a connection of the TCP engine: what the engine does not know about it.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "dataplane/net/tcp_types.h"

namespace weft::conformance {

// What setsockopt() chose. Unset: as the engine's options have it when the connection opens.
struct SocketOptions {
  bool nodelay = false;
  bool reuse_address = false;
  bool keepalive = false;
  bool linger = false;
  int linger_s = 0;
  net::AckMode acks = net::AckMode::kAdaptive;
  std::uint16_t max_segment = 0;
  std::optional<std::uint32_t> receive_buffer, send_buffer;  // bytes
  int keepalive_idle_s = 7200, keepalive_interval_s = 75, keepalive_probes = 9;
  std::uint32_t user_timeout_ms = 0;

  net::TcpSettings over(net::TcpSettings defaults) const;
};

enum class SocketState : std::uint8_t {
  kIdle,        // neither listens nor has a connection
  kListening,
  kConnecting,  // handshake of either direction of opening
  kOpen,
  kEnded,       // the connection is over; what it received can still be read
};

struct Socket {
  int family = 0;
  SocketState state = SocketState::kIdle;
  SocketOptions options;
  bool bound = false;
  Endpoint local;          // address unspecified: all of the family
  Endpoint remote;
  net::ConnectionId connection;
  bool was_open = false;
  bool told_open = false;  // a connect() has answered 0
  bool peer_closed = false, shut_read = false, shut_write = false;
  int error = 0;           // for SO_ERROR, or the next call, whichever comes first
  int connect_error = 0;   // why the last attempt failed

  // ---- of a listener. Owns: connections that nobody has accepted, in the order of their SYNs.
  int backlog = 0;
  std::vector<std::unique_ptr<Socket>> waiting;
  Socket* listener = nullptr;  // of one that waits

  bool has_connection() const { return state >= SocketState::kConnecting; }
  int take_error() { return std::exchange(error, 0); }
};

}  // namespace weft::conformance
