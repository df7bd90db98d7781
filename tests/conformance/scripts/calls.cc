// The calls of a script, and its beginnings.
#include <netinet/in.h>

#include <arpa/inet.h>
#include <cstring>

#include "tests/conformance/scripts/script.h"

namespace script {

namespace {

constexpr std::uint16_t kListenPort = 8080;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress address_of(const char* v4, const char* v6, std::uint16_t port) {
  SocketAddress address;
  if (Script::family() == AF_INET6) {
    auto* to = reinterpret_cast<sockaddr_in6*>(&address.storage);
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(port);
    inet_pton(AF_INET6, v6, &to->sin6_addr);
    address.size = sizeof *to;
  } else {
    auto* to = reinterpret_cast<sockaddr_in*>(&address.storage);
    to->sin_family = AF_INET;
    to->sin_port = htons(port);
    inet_pton(AF_INET, v4, &to->sin_addr);
    address.size = sizeof *to;
  }
  return address;
}

}  // namespace

void Script::listen(int backlog, Location where) {
  const SocketAddress any = address_of("0.0.0.0", "::", kListenPort);
  listener = stack_->socket(now_, family(), SOCK_STREAM, 0);
  check(stack_->bind(now_, listener, any.get(), any.size) == 0, "bind()", where);
  check(stack_->listen(now_, listener, backlog) == 0, "listen()", where);
  local_port_ = kListenPort;
}

int Script::accept() {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const int result = stack_->accept(now_, listener, &peer, &size);
  if (result >= 0) socket = result;
  return result;
}

int Script::open_socket() { return socket = stack_->socket(now_, family(), SOCK_STREAM, 0); }

int Script::connect() {
  const SocketAddress peer = address_of("198.51.100.7", "2001:db8:1::7", peer_port);
  if (socket < 0) open_socket();
  return stack_->connect(now_, socket, peer.get(), peer.size);
}

ssize_t Script::send(std::size_t bytes) {
  Bytes text;
  for (std::size_t i = 0; i < bytes; ++i) text.push_back(pattern(written_ + static_cast<std::uint32_t>(i)));
  const ssize_t n = stack_->send(now_, socket, text.data(), text.size(), 0, nullptr, 0);
  if (n > 0) written_ += static_cast<std::uint32_t>(n);
  return n;
}

ssize_t Script::recv(std::size_t most, int flags) {
  Bytes text(most);
  const ssize_t n = stack_->recv(now_, socket, text.data(), text.size(), flags);
  for (ssize_t i = 0; i < n; ++i) {
    check(text[static_cast<std::size_t>(i)] == pattern(read_ + static_cast<std::uint32_t>(i)), "the peer's bytes");
  }
  if (n > 0 && (flags & MSG_PEEK) == 0) read_ += static_cast<std::uint32_t>(n);
  return n;
}

int Script::get(int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  check(stack_->getsockopt(now_, socket, level, name, &value, &size) == 0, "getsockopt()");
  return value;
}

int Script::set_linger(bool on, int seconds) {
  const linger value{on, seconds};
  return stack_->setsockopt(now_, socket, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}

int Script::ioctl(unsigned long request) {
  int value = 0;
  check(stack_->ioctl(now_, socket, request, &value) == 0, "ioctl()");
  return value;
}

void Script::configure(const std::string& key, const std::string& value, Location where) {
  check(stack_->configure(now_, key, value), "configure()", where);
}

void Script::accept_peer(const std::string& options, Location where) {
  listen(8, where);
  in("S 0:0(0) win 65535 <mss 1000" + options + ">", where);
  out("S. 0:0(0) ack 1", where);
  const bool stamped = options.find("TS") != std::string::npos;
  in(stamped ? ". 1:1(0) ack 1 win 65535 <nop,nop,TS val 100>" : ". 1:1(0) ack 1 win 65535", where);
  check(accept() >= 0, "accept()", where);
}

void Script::connect_peer(const std::string& options, Location where) {
  check(connect() == -EINPROGRESS, "connect()", where);
  out("S 0:0(0)", where);
  in("S. 0:0(0) ack 1 win 65535 <mss 1000" + options + ">", where);
  out(". 1:1(0) ack 1", where);
  check(connect_result() == 0, "connect_result()", where);
}

void Script::to_fin_wait_1(Location where) {
  check(shutdown(SHUT_WR) == 0, "shutdown()", where);
  out("F. 1:1(0) ack 1", where);
}

void Script::to_fin_wait_2(Location where) {
  to_fin_wait_1(where);
  in(". 1:1(0) ack 2 win 65535", where);
}

void Script::to_close_wait(Location where) {
  in("F. 1:1(0) ack 1 win 65535", where);
  out(". 1:1(0) ack 2", where);
}

void Script::to_closing(Location where) {
  to_fin_wait_1(where);
  in("F. 1:1(0) ack 1 win 65535", where);
  out(". 2:2(0) ack 2", where);
}

void Script::to_last_ack(Location where) {
  to_close_wait(where);
  check(shutdown(SHUT_WR) == 0, "shutdown()", where);
  out("F. 1:1(0) ack 2", where);
}

void Script::to_time_wait(Location where) {
  to_fin_wait_2(where);
  in("F. 1:1(0) ack 2 win 65535", where);
  out(". 2:2(0) ack 2", where);
}

}  // namespace script
