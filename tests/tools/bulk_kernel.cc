// The transfer over the kernel's sockets.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "tests/conformance/address.h"
#include "tests/tools/bulk.h"

namespace weft::tools {

namespace {

constexpr timeval kPatience{120, 0};  // one call that takes longer is stuck
constexpr std::size_t kReadBytes = 262'144;

[[noreturn]] void fail(const char* what) { throw std::runtime_error(std::string(what) + ": " + std::strerror(errno)); }

struct Descriptor {
  explicit Descriptor(int number) : fd(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(fd); }
  const int fd;
};

int open_socket() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  constexpr std::string_view kAlgorithm = "cubic";
  if (::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, kAlgorithm.data(), kAlgorithm.size()) != 0) fail("choose CUBIC");
  return fd;
}

struct Address {
  explicit Address(const Endpoint& endpoint) { conformance::write_endpoint(AF_INET, endpoint, &storage, &size); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
};

std::uint64_t retransmits_of(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_total_retrans : 0;
}

void receive_to_end(int fd, const BulkOptions& options, BulkResult* result) {
  BulkSink sink(options);
  std::vector<std::uint8_t> block(kReadBytes);
  for (;;) {
    const ssize_t n = ::recv(fd, block.data(), block.size(), 0);
    result->ended = read_clock();
    if (n < 0) result->error = std::string("recv: ") + std::strerror(errno);
    if (n <= 0) return;
    if (!sink.on_received(result->ended, ByteSpan(block).first(static_cast<std::size_t>(n)), result)) return;
  }
}

void send_to_end(int fd, const BulkOptions& options, BulkResult* result) {
  BulkSource source(options);
  source.on_begun(read_clock());
  while (!source.is_done(read_clock())) {
    const ByteSpan next = source.next();
    const ssize_t n = ::send(fd, next.data(), next.size(), MSG_NOSIGNAL);
    if (n < 0) {
      result->error = std::string("send: ") + std::strerror(errno);
      return;
    }
    source.on_sent(static_cast<std::size_t>(n));
  }
  result->bytes = source.sent();
  ::shutdown(fd, SHUT_WR);
  // The peer has read everything when its FIN comes.
  std::uint8_t byte = 0;
  if (::recv(fd, &byte, 1, 0) != 0) result->error = "no FIN came back";
  result->ended = read_clock();
}

BulkResult send_by_kernel(const BulkOptions& options) {
  const Descriptor socket(open_socket());
  const Address local({options.local.address, 0}), remote(options.remote);
  if (::bind(socket.fd, local.get(), local.size) != 0) fail("bind");
  BulkResult result;
  result.began = read_clock();
  if (::connect(socket.fd, remote.get(), remote.size) != 0) {
    result.error = std::string("connect: ") + std::strerror(errno);
    return result;
  }
  send_to_end(socket.fd, options, &result);
  result.retransmits = retransmits_of(socket.fd);
  return result;
}

BulkResult receive_by_kernel(const BulkOptions& options) {
  const Descriptor listener(open_socket());
  const Address local(options.local);
  if (::bind(listener.fd, local.get(), local.size) != 0) fail("bind");
  if (::listen(listener.fd, 1) != 0) fail("listen");
  std::puts("listening");
  std::fflush(stdout);
  const Descriptor socket(::accept(listener.fd, nullptr, nullptr));
  BulkResult result;
  result.began = read_clock();
  if (socket.fd < 0) result.error = std::string("accept: ") + std::strerror(errno);
  else receive_to_end(socket.fd, options, &result);
  return result;
}

}  // namespace

BulkResult transfer_by_kernel(const BulkOptions& options) {
  return options.sends ? send_by_kernel(options) : receive_by_kernel(options);
}

}  // namespace weft::tools
