// For tests: one kernel TCP connection between two namespaces, every byte checked.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <vector>

#include "base/ip_address.h"
#include "dataplane/nic/test_namespace.h"

namespace weft::nic {

inline socklen_t to_sockaddr(const IpAddress& address, std::uint16_t port, sockaddr_storage* storage) {
  *storage = {};
  if (address.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    std::memcpy(&v4->sin_addr, address.data(), 4);
    return sizeof *v4;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(storage);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  std::memcpy(&v6->sin6_addr, address.data(), 16);
  return sizeof *v6;
}

// Position-dependent, with a period that no buffer size divides.
inline std::uint8_t pattern(std::size_t position) { return static_cast<std::uint8_t>(position % 251); }

class TcpTransfer {
 public:
  // Sends `bytes` from a client in `from` to a server on `address` in `to`. Returns bits per second, 0 if anything was
  // lost, changed or refused within ten seconds.
  static double run(const TestNamespace& from, const TestNamespace& to, const IpAddress& address, std::size_t bytes) {
    std::atomic<bool> listening{false};
    std::size_t good = 0;
    std::thread server([&] {
      in_network_namespace(to.path(), [&]() -> Outcome {
        good = serve(address, &listening);
        return {};
      }).has_value();
    });
    while (!listening) std::this_thread::yield();
    const auto start = std::chrono::steady_clock::now();
    in_network_namespace(from.path(), [&]() -> Outcome {
      send(address, bytes);
      return {};
    }).has_value();
    server.join();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    return good == bytes ? 8.0 * static_cast<double>(bytes) / seconds.count() : 0;
  }

 private:
  static constexpr std::uint16_t kPort = 5001;

  static int open(const IpAddress& address) {
    const int fd = ::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{10, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
  }
  // How many bytes came as they should.
  static std::size_t serve(const IpAddress& address, std::atomic<bool>* listening) {
    const FileDescriptor listener(open(address));
    sockaddr_storage storage;
    const socklen_t size = to_sockaddr(address, kPort, &storage);
    const int on = 1;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) std::perror("bind");
    ::listen(listener.get(), 1);
    *listening = true;
    const FileDescriptor peer(::accept(listener.get(), nullptr, nullptr));
    std::vector<std::uint8_t> buffer(1 << 18);
    std::size_t good = 0;
    for (ssize_t n; (n = ::recv(peer.get(), buffer.data(), buffer.size(), 0)) > 0;) {
      for (ssize_t i = 0; i < n; ++i, ++good) {
        if (buffer[static_cast<std::size_t>(i)] != pattern(good)) return 0;
      }
    }
    return good;
  }
  static void send(const IpAddress& address, std::size_t bytes) {
    const FileDescriptor fd(open(address));
    sockaddr_storage storage;
    const socklen_t size = to_sockaddr(address, kPort, &storage);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) return std::perror("connect");
    std::vector<std::uint8_t> buffer(251 * 1024);
    for (std::size_t i = 0; i < buffer.size(); ++i) buffer[i] = pattern(i);
    for (std::size_t sent = 0; sent < bytes;) {
      const std::size_t offset = sent % buffer.size();
      const ssize_t n = ::send(fd.get(), &buffer[offset], std::min(buffer.size() - offset, bytes - sent), MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<std::size_t>(n);
    }
  }
};

}  // namespace weft::nic
