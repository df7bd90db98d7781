// The kernel's own TCP, both ends, by one thread on one core: perf_tcp_kernel NETNS_A NETNS_B ADDRESS_OF_B
//
// What is counted is the thread's CPU time. Transmission over veth ends in the softirq that takes the segment in,
// in the same context (a kernel without IRQ_TIME_ACCOUNTING charges it to the thread), so it holds everything that
// both ends do: system calls, socket layer, TCP, IP, queueing discipline, device and softirq. Prints one JSON object.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <vector>

namespace {

constexpr std::size_t kChunk = 256 * 1024;
constexpr std::uint16_t kPort = 5300;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}
int checked(int result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

double cpu_ns() {
  timespec t;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// `path` of a network namespace: the thread's from here on.
void enter(const char* path) {
  const int ns = checked(::open(path, O_RDONLY | O_CLOEXEC), path);
  checked(::setns(ns, CLONE_NEWNET), "setns");
  ::close(ns);
}

// A socket stays in the namespace that it was made in.
int socket_in(const char* path) {
  enter(path);
  const int fd = checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  // Ours is CUBIC too; BBR, where it is the default, has an hrtimer for each segment.
  checked(::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5), "TCP_CONGESTION");
  return fd;
}

struct Ends {
  const char* a;
  const char* b;
  sockaddr_in address{};
  int listener = -1;
};

Ends listen_on(char** arguments) {
  Ends ends{arguments[1], arguments[2]};
  ends.address.sin_family = AF_INET;
  ends.address.sin_port = htons(kPort);
  if (::inet_pton(AF_INET, arguments[3], &ends.address.sin_addr) != 1) fail("address");
  ends.listener = socket_in(ends.b);
  checked(::bind(ends.listener, reinterpret_cast<sockaddr*>(&ends.address), sizeof ends.address), "bind");
  checked(::listen(ends.listener, 512), "listen");
  return ends;
}

// Over veth the handshake is over when connect() returns, though it says EINPROGRESS.
void connect_to(const Ends& ends, int fd) {
  const auto* address = reinterpret_cast<const sockaddr*>(&ends.address);
  if (::connect(fd, address, sizeof ends.address) != 0 && errno != EINPROGRESS) fail("connect");
}

struct Connection {
  int a = -1, b = -1;
  explicit Connection(const Ends& ends) : a(socket_in(ends.a)) {
    connect_to(ends, a);
    while ((b = ::accept4(ends.listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0) {
      if (errno != EAGAIN) fail("accept");
    }
  }
  ~Connection() {
    ::close(a);
    ::close(b);
  }
  tcp_info info() const {
    tcp_info i{};
    socklen_t size = sizeof i;
    checked(::getsockopt(a, IPPROTO_TCP, TCP_INFO, &i, &size), "TCP_INFO");
    return i;
  }
};

using Send = std::function<ssize_t(int)>;
using Receive = std::function<ssize_t(int)>;

std::size_t moved(ssize_t n) {
  if (n < 0 && errno != EAGAIN) fail("transfer");
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

struct Transfer {
  double ns_per_segment, acks_per_segment;
};

// Both sockets by turns, as far as each goes.
Transfer transfer(const Ends& ends, const Send& send, const Receive& receive) {
  constexpr std::size_t kBytes = 64u << 20;
  const Connection c(ends);
  const auto run = [&](std::size_t bytes) {
    for (std::size_t sent = 0, received = 0; received < bytes;) {
      if (sent < bytes) sent += moved(send(c.a));
      while (const std::size_t n = moved(receive(c.b))) received += n;
      if (received >= sent && sent >= bytes) break;
    }
  };
  run(8u << 20);  // windows grow
  const tcp_info before = c.info();
  const double begin = cpu_ns();
  run(kBytes);
  const double taken = cpu_ns() - begin;
  const tcp_info after = c.info();
  const double segments = after.tcpi_data_segs_out - before.tcpi_data_segs_out;
  return {taken / segments, (after.tcpi_segs_in - before.tcpi_segs_in) / segments};
}

// A connection set up and torn down, a first. Counted are the system calls that this takes: socket, connect, accept
// and twice close.
double life_ns(const Ends& ends) {
  constexpr int kAtOnce = 32;
  enter(ends.a);
  std::array<int, kAtOnce> a, b;
  const double begin = cpu_ns();
  for (int& fd : a) {
    fd = checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    connect_to(ends, fd);
  }
  for (int& fd : b) fd = checked(::accept4(ends.listener, nullptr, nullptr, SOCK_CLOEXEC), "accept");
  for (int fd : a) ::close(fd);
  for (int fd : b) ::close(fd);
  return (cpu_ns() - begin) / kAtOnce;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fputs("usage: perf_tcp_kernel NETNS_A NETNS_B ADDRESS_OF_B\n", stderr), 2;
  const Ends ends = listen_on(argv);
  const int file = checked(::memfd_create("payload", MFD_CLOEXEC), "memfd_create");
  std::vector<char> buffer(kChunk, 'x');
  if (::write(file, buffer.data(), buffer.size()) != static_cast<ssize_t>(buffer.size())) fail("write");
  const Send send_pages = [&](int fd) {
    off_t offset = 0;
    return ::sendfile(fd, file, &offset, kChunk);
  };
  const Receive discard = [&](int fd) { return ::recv(fd, nullptr, kChunk, MSG_TRUNC); };
  const Send send_copy = [&](int fd) { return ::send(fd, buffer.data(), kChunk, MSG_NOSIGNAL); };
  const Receive receive_copy = [&](int fd) { return ::recv(fd, buffer.data(), kChunk, 0); };
  std::vector<double> pages, copies, acks, lives;
  for (int round = 0; round < 5; ++round) {
    const Transfer shared = transfer(ends, send_pages, discard);
    pages.push_back(shared.ns_per_segment);
    acks.push_back(shared.acks_per_segment);
    copies.push_back(transfer(ends, send_copy, receive_copy).ns_per_segment);
  }
  for (int round = 0; round < 100; ++round) lives.push_back(life_ns(ends));
  std::printf("{\"segment_ns\": %.1f, \"segment_copied_ns\": %.1f, \"acks_per_segment\": %.3f", median(pages),
              median(copies), median(acks));
  std::printf(", \"life_ns\": %.0f}\n", median(lives));
}
