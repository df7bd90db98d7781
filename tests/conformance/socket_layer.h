// BSD calls over the TCP engine, non-blocking, with the results and the errno values of Linux.
#pragma once

#include <array>
#include <expected>
#include <memory>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "tests/conformance/pod_stack.h"
#include "tests/conformance/socket.h"

#include <sys/socket.h>

namespace weft::conformance {

// Calls return >= 0 or -errno. take_events() is due after each call of the engine, these here included: they do it.
// One thread at a time.
class SocketLayer {
 public:
  // sources: where active opens of unbound sockets come from, {IPv4, IPv6}.
  SocketLayer(PodStack& pod, const std::array<IpAddress, 2>& sources) : pod_(pod), sources_(sources) {}

  // ---- socket_open.cc
  int socket(int domain, int type, int protocol);
  int bind(int id, const sockaddr* address, socklen_t size);
  int listen(int id, int backlog);
  int accept(int id, sockaddr_storage* peer, socklen_t* size);
  // ---- socket_connect.cc
  int connect(Time now, int id, const sockaddr* address, socklen_t size);
  int connect_result(int id);
  // ---- socket_data.cc
  ssize_t send(Time now, int id, ByteSpan bytes, int flags);
  ssize_t recv(Time now, int id, MutableByteSpan bytes, int flags);
  unsigned ready(int id);
  int ioctl(int id, unsigned long request, void* value);
  // ---- socket_close.cc
  int shutdown(Time now, int id, int how);
  int close(Time now, int id);
  // ---- socket_options.cc
  int getsockopt(int id, int level, int name, void* value, socklen_t* size);
  int setsockopt(Time now, int id, int level, int name, const void* value, socklen_t size);
  // ---- socket_events.cc
  void take_events(Time now);
  // ---- socket_handover.cc
  // Every connection to bytes and back; sockets notice nothing. Dies when thaw() refuses what freeze() gave.
  void hand_over(Time now);

 private:
  Socket* find(int id);
  int add(std::unique_ptr<Socket> socket);
  // socket_open.cc
  bool port_is_free(const Socket& socket, const Endpoint& local) const;
  bool choose_port(Socket& socket);
  // socket_connect.cc
  int disconnect(Time now, Socket& socket);
  int start_connect(Time now, Socket& socket, const Endpoint& remote);
  // socket_close.cc
  void stop_listening(Time now, Socket& socket);
  void release(Time now, Socket& socket);
  // socket_data.cc
  unsigned ready_open(Socket& socket);
  // socket_options.cc
  int getsockopt_info(Socket& socket, void* value, socklen_t* size);
  net::TcpSettings settings_of(const Socket& socket) const { return socket.options.over(tcp().default_settings()); }
  std::expected<int, int> option_of(Socket& socket, int level, int name);
  int set_socket_option(Socket& socket, int name, int value);
  int set_tcp_option(Socket& socket, int name, int value);
  // socket_events.cc
  void on_event(Time now, const net::TcpEvent& event);
  void on_syn(Time now, net::ConnectionId id);
  void on_closed(Time now, Socket& socket, net::CloseReason reason);
  Socket* listener_for(const Endpoint& local);

  net::TcpEngine& tcp() const { return pod_.tcp(); }

  PodStack& pod_;
  std::array<IpAddress, 2> sources_;
  std::vector<std::unique_ptr<Socket>> sockets_;  // by id
  absl::flat_hash_map<net::ConnectionId, Socket*> by_connection_;
  std::uint16_t last_port_ = 32'767;  // the one before the first of Linux's range of ephemeral ports
};

}  // namespace weft::conformance
