// For tests: one kernel TCP connection between two namespaces, every byte checked.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/ip_address.h"
#include "tests/builders/test_namespace.h"

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
inline std::vector<std::uint8_t> pattern() {
  std::vector<std::uint8_t> bytes(251 * 1024);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i % 251);
  return bytes;
}

class TcpTransfer {
 public:
  // Sends `bytes` from a client in `from` to a server on `address` in `to`. Returns bits per second, 0 if anything was
  // lost, changed or refused within ten seconds.
  static double run(const TestNamespace& from, const TestNamespace& to, const IpAddress& address, std::size_t bytes) {
    std::atomic<bool> listening{false};
    std::size_t good = 0;
    std::thread server([&] {
      const Outcome served = in_network_namespace(to.path(), [&]() -> Outcome {
        good = serve(address, &listening);
        return {};
      });
      if (!served) good = 0;
    });
    while (!listening) std::this_thread::yield();
    const auto start = std::chrono::steady_clock::now();
    const Outcome sent = in_network_namespace(from.path(), [&]() -> Outcome {
      send(address, bytes);
      return {};
    });
    server.join();
    if (!sent) return 0;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    return good == bytes ? 8.0 * static_cast<double>(bytes) / seconds.count() : 0;
  }

  // Median microseconds of `count` round trips of one byte with pauses between them, so that everything on the way has
  // gone to sleep each time; 0 if one failed.
  static double round_trip_us(const TestNamespace& from, const TestNamespace& to, const IpAddress& address, int count,
                              std::chrono::milliseconds pause) {
    std::atomic<bool> listening{false};
    std::vector<double> times;
    std::thread server([&] {
      const Outcome served = in_network_namespace(to.path(), [&]() -> Outcome {
        echo(address, &listening);
        return {};
      });
      if (!served) listening = true;
    });
    while (!listening) std::this_thread::yield();
    const Outcome sent = in_network_namespace(from.path(), [&]() -> Outcome {
      times = exchange(address, count, pause);
      return {};
    });
    server.join();
    if (!sent || times.size() != static_cast<std::size_t>(count)) return 0;
    std::ranges::sort(times);
    return times[times.size() / 2];
  }

  // A client in `from` of an echo server that is already there: `bytes` there and back, then FIN both ways. False: not
  // all came back as sent.
  static bool echoes(const TestNamespace& from, const IpAddress& address, std::size_t bytes) {
    bool good = false;
    const Outcome outcome = in_network_namespace(from.path(), [&]() -> Outcome {
      const FileDescriptor fd = connect_to(address);
      if (!fd) return failure("connect");
      std::thread writer([&] {
        write_pattern(fd.get(), bytes);
        ::shutdown(fd.get(), SHUT_WR);
      });
      good = read_pattern(fd.get()) == bytes;
      writer.join();
      return {};
    });
    return outcome && good;
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
  static FileDescriptor accept_one(const IpAddress& address, std::atomic<bool>* listening) {
    const FileDescriptor listener(open(address));
    sockaddr_storage storage;
    const socklen_t size = to_sockaddr(address, kPort, &storage);
    const int on = 1;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) std::perror("bind");
    ::listen(listener.get(), 1);
    *listening = true;
    return FileDescriptor(::accept(listener.get(), nullptr, nullptr));
  }
  static FileDescriptor connect_to(const IpAddress& address) {
    FileDescriptor fd(open(address));
    sockaddr_storage storage;
    const socklen_t size = to_sockaddr(address, kPort, &storage);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) return {};
    return fd;
  }
  static void echo(const IpAddress& address, std::atomic<bool>* listening) {
    const FileDescriptor peer = accept_one(address, listening);
    for (char byte; ::recv(peer.get(), &byte, 1, 0) == 1;) ::send(peer.get(), &byte, 1, MSG_NOSIGNAL);
  }
  static std::vector<double> exchange(const IpAddress& address, int count, std::chrono::milliseconds pause) {
    const FileDescriptor fd = connect_to(address);
    std::vector<double> times;
    for (int i = 0; i < count; ++i) {
      std::this_thread::sleep_for(pause);
      char byte = 'x';
      const auto start = std::chrono::steady_clock::now();
      if (::send(fd.get(), &byte, 1, MSG_NOSIGNAL) != 1 || ::recv(fd.get(), &byte, 1, 0) != 1) break;
      times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    }
    return times;
  }
  // How many bytes came as they should.
  static std::size_t serve(const IpAddress& address, std::atomic<bool>* listening) {
    return read_pattern(accept_one(address, listening).get());
  }
  static std::size_t read_pattern(int fd) {
    std::vector<std::uint8_t> buffer(1 << 18);
    const std::vector<std::uint8_t> expected = pattern();
    std::size_t good = 0;
    for (ssize_t n; (n = ::recv(fd, buffer.data(), buffer.size(), 0)) > 0;) {
      for (std::size_t done = 0; done < static_cast<std::size_t>(n);) {
        const std::size_t offset = good % expected.size();
        const std::size_t part = std::min(expected.size() - offset, static_cast<std::size_t>(n) - done);
        if (std::memcmp(&buffer[done], &expected[offset], part) != 0) return 0;
        done += part;
        good += part;
      }
    }
    return good;
  }
  static void send(const IpAddress& address, std::size_t bytes) {
    write_pattern(connect_to(address).get(), bytes);
  }
  static void write_pattern(int fd, std::size_t bytes) {
    const std::vector<std::uint8_t> buffer = pattern();
    for (std::size_t sent = 0; sent < bytes;) {
      const std::size_t offset = sent % buffer.size();
      const ssize_t n = ::send(fd, &buffer[offset], std::min(buffer.size() - offset, bytes - sent), MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<std::size_t>(n);
    }
  }
};

}  // namespace weft::nic
