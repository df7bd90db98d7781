// The load of the comparisons: an echo server, and clients that measure. Plain sockets, so that both paths are the same
// to it.
//
//   perf_load echo PORT                              answers every byte, IPv4 and IPv6, until it is ended
//   perf_load rtt ADDRESS PORT SECONDS               one connection, one byte there and back; p50 and p99
//   perf_load connects ADDRESS PORT SECONDS N        N at once: connect, one byte there and back, close; per second
//   perf_load hold ADDRESS PORT N                    opens N, says so, and holds them until it is ended
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "perf_load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

void check(bool good, const char* what) {
  if (!good) fail(what);
}

void without_delay(int fd) {
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

sockaddr_in6 address_of(const std::string& host, const std::string& port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
  const std::string text = host.find(':') == std::string::npos ? "::ffff:" + host : host;
  check(::inet_pton(AF_INET6, text.c_str(), &address.sin6_addr) == 1, host.c_str());
  return address;
}

int connect_to(const sockaddr_in6& address, int flags = 0) {
  const int fd = ::socket(AF_INET6, SOCK_STREAM | flags, 0);
  check(fd >= 0, "socket");
  without_delay(fd);
  const int done = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  check(done == 0 || errno == EINPROGRESS, "connect");
  return fd;
}

void echo(const std::string& port) {
  const int listener = ::socket(AF_INET6, SOCK_STREAM, 0);
  const int one = 1, zero = 0;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  ::setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
  const sockaddr_in6 any = address_of("::", port);
  check(::bind(listener, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0, "bind");
  check(::listen(listener, 4096) == 0, "listen");
  const int poll = ::epoll_create1(0);
  epoll_event event{EPOLLIN, {.fd = listener}};
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  for (std::vector<epoll_event> events(256);;) {
    const int n = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < n; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (accepted < 0) continue;
        without_delay(accepted);
        epoll_event readable{EPOLLIN, {.fd = accepted}};
        ::epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &readable);
        continue;
      }
      char bytes[16384];
      const ssize_t got = ::read(fd, bytes, sizeof bytes);
      if (got <= 0 || ::write(fd, bytes, static_cast<std::size_t>(got)) != got) ::close(fd);
    }
  }
}

void rtt(const sockaddr_in6& address, int seconds) {
  const int fd = connect_to(address);
  std::vector<double> micros;
  char byte = 'x';
  for (const auto end = Clock::now() + std::chrono::seconds(seconds); Clock::now() < end;) {
    const auto begin = Clock::now();
    check(::write(fd, &byte, 1) == 1 && ::read(fd, &byte, 1) == 1, "round trip");
    micros.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
  std::sort(micros.begin(), micros.end());
  const auto at = [&](double share) {
    return micros[static_cast<std::size_t>(share * static_cast<double>(micros.size() - 1))];
  };
  std::printf("{\"count\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", micros.size(), at(0.5), at(0.99));
}

// One slot of `connects`: a connection on its way through connect, write, read.
struct Slot {
  int fd = -1;
  bool written = false;
};

void connects(const sockaddr_in6& address, int seconds, int parallel) {
  const int poll = ::epoll_create1(0);
  std::vector<Slot> slots(static_cast<std::size_t>(parallel));
  long done = 0, failed = 0;
  const auto open = [&](std::size_t index) {
    slots[index] = {connect_to(address, SOCK_NONBLOCK), false};
    epoll_event event{EPOLLOUT, {.u64 = index}};
    ::epoll_ctl(poll, EPOLL_CTL_ADD, slots[index].fd, &event);
  };
  for (std::size_t i = 0; i < slots.size(); ++i) open(i);
  for (const auto end = Clock::now() + std::chrono::seconds(seconds); Clock::now() < end;) {
    epoll_event events[64];
    const int n = ::epoll_wait(poll, events, 64, 100);
    for (int i = 0; i < n; ++i) {
      const std::size_t index = events[i].data.u64;
      Slot& slot = slots[index];
      char byte = 'x';
      if (!slot.written && (events[i].events & (EPOLLERR | EPOLLHUP)) == 0 && ::write(slot.fd, &byte, 1) == 1) {
        slot.written = true;
        epoll_event event{EPOLLIN, {.u64 = index}};
        ::epoll_ctl(poll, EPOLL_CTL_MOD, slot.fd, &event);
        continue;
      }
      ++(slot.written && ::read(slot.fd, &byte, 1) == 1 ? done : failed);
      ::close(slot.fd);
      open(index);
    }
  }
  std::printf("{\"per_second\": %.1f, \"failed\": %ld}\n", static_cast<double>(done) / seconds, failed);
}

void hold(const sockaddr_in6& address, int count) {
  rlimit limit{static_cast<rlim_t>(count) + 100, static_cast<rlim_t>(count) + 100};
  check(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
  for (int i = 0; i < count; ++i) {
    const int fd = connect_to(address);
    char byte = 'x';
    check(::write(fd, &byte, 1) == 1 && ::read(fd, &byte, 1) == 1, "first byte");
    if ((i + 1) % 1000 == 0) std::fprintf(stderr, "perf_load: %d held\n", i + 1);
  }
  std::printf("held %d\n", count);
  std::fflush(stdout);
  ::pause();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string mode = words.empty() ? "" : words[0];
  std::signal(SIGPIPE, SIG_IGN);
  if (mode == "echo" && words.size() == 2) {
    rlimit limit{65536, 65536};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    echo(words[1]);
  } else if (mode == "rtt" && words.size() == 4) {
    rtt(address_of(words[1], words[2]), std::stoi(words[3]));
  } else if (mode == "connects" && words.size() == 5) {
    connects(address_of(words[1], words[2]), std::stoi(words[3]), std::stoi(words[4]));
  } else if (mode == "hold" && words.size() == 4) {
    hold(address_of(words[1], words[2]), std::stoi(words[3]));
  } else {
    std::fprintf(stderr, "usage: perf_load echo PORT | rtt ADDRESS PORT SECONDS | connects ADDRESS PORT SECONDS N | "
                         "hold ADDRESS PORT N\n");
    return 2;
  }
  return 0;
}
