// Connections leave the engine as bytes and come back: what a script sees must not change.
#include <cstdio>
#include <cstdlib>

#include "tests/conformance/socket_layer.h"

namespace weft::conformance {

namespace {

net::ConnectionId thaw(PodStack& pod, Time now, const net::FrozenConnection& frozen) {
  const auto id = pod.tcp().thaw(now, frozen, pod.buffers());
  if (id) return *id;
  std::fprintf(stderr, "conformance: thaw() refused what freeze() gave: %s\n", id.error().to_string().c_str());
  std::abort();
}

}  // namespace

void SocketLayer::hand_over(Time now) {
  std::vector<std::pair<Socket*, net::FrozenConnection>> owned;
  for (const auto& [id, socket] : by_connection_) {
    if (tcp().exists(id)) owned.emplace_back(socket, tcp().freeze(now, id));
  }
  std::vector<net::FrozenConnection> rest;
  tcp().freeze_rest(now, [&rest](net::FrozenConnection&& frozen) { rest.push_back(std::move(frozen)); });
  for (const auto& [socket, frozen] : owned) {
    by_connection_.erase(socket->connection);
    socket->connection = thaw(pod_, now, frozen);
    by_connection_[socket->connection] = socket;
  }
  for (const net::FrozenConnection& frozen : rest) thaw(pod_, now, frozen);
}

}  // namespace weft::conformance
