// soak-load: connections that open, transfer, half-close and reset, every byte checked on both sides.
//
//   soak-load server PORT                      until SIGTERM
//   soak-load client ADDRESS PORT [--rate N] [--seconds N] [--seed N]
//
// A client's first bytes (Errand) say what the connection is for. Both directions carry a pattern of its key. The last
// line of output is one JSON object; the exit code is 1 if a byte was wrong or an orderly connection did not end so.
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "tests/tools/tool_main.h"

namespace weft::tools {
namespace {

constexpr Duration kPatience = Duration::seconds(90);  // a connection that takes longer is stuck

struct Errand {
  std::uint64_t key = 0;
  std::uint32_t request = 0, response = 0;  // bytes behind the errand itself, and back
  std::uint32_t flags = 0, reserved = 0;
  enum : std::uint32_t { kClientFirst = 1 /* half-closes before the answer begins */, kServerFirst = 2,
                         kClientResets = 4, kServerResets = 8 };
};

struct Figures {
  std::uint64_t opened = 0, complete = 0, resets = 0, failed = 0, truncated = 0, wrong = 0, stuck = 0, bytes = 0;
};

volatile sig_atomic_t stop_asked = 0;

Time read_clock() {
  return Time::from_ns(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

std::uint8_t pattern(std::uint64_t key, std::uint64_t offset) {
  return static_cast<std::uint8_t>((key + offset) * 0x9e3779b97f4a7c15u >> 40);
}

class Connection {
 public:
  Connection(int socket, bool server, const Errand& errand, Figures& figures)
      : fd(socket), server_(server), errand_(errand), known_(!server), figures_(figures) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::close(fd); }

  // What can be done now. False: it has ended, and is counted.
  bool drive() {
    if (!read_some()) return false;
    if (has(server_ ? Errand::kServerResets : Errand::kClientResets) && known_ &&
        in_ + out_ > (wanted() + given()) / 2) {
      reset();
      ++figures_.resets;
      return false;
    }
    if (!write_some()) return false;
    if (!(shut_ && eof_)) return true;
    ++figures_.complete;
    return false;
  }
  void give_up() {
    ++figures_.stuck;
    reset();
  }

  const int fd;
  const Time opened = read_clock();

 private:
  void reset() {  // the close that follows sends RST
    const linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  bool has(std::uint32_t flag) const { return (errand_.flags & flag) != 0; }
  std::uint64_t wanted() const { return server_ ? errand_.request : errand_.response; }
  std::uint64_t given() const { return server_ ? errand_.response : errand_.request; }
  std::uint64_t in_key() const { return server_ ? errand_.key : ~errand_.key; }
  std::uint64_t out_key() const { return server_ ? ~errand_.key : errand_.key; }

  bool end_by_error() {
    const bool expected = !known_ || has(Errand::kClientResets) || has(Errand::kServerResets);
    ++(expected ? figures_.resets : figures_.failed);
    return false;
  }

  bool read_some() {
    static std::array<std::uint8_t, 65536> buffer;
    while (!eof_) {
      const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (n < 0) return errno == EAGAIN || errno == ENOTCONN ? true : end_by_error();
      if (n == 0) {
        eof_ = true;
        if (known_ ? in_ == wanted() : head_ == 0) return known_ ? true : end_by_error();
        ++figures_.truncated;
        return false;
      }
      if (!take(buffer.data(), static_cast<std::size_t>(n))) return false;
    }
    return true;
  }
  bool take(const std::uint8_t* bytes, std::size_t size) {
    if (!known_) {
      const std::size_t n = std::min(size, sizeof errand_ - head_);
      std::memcpy(reinterpret_cast<std::uint8_t*>(&errand_) + head_, bytes, n);
      head_ += n;
      known_ = head_ == sizeof errand_;
      bytes += n;
      size -= n;
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (bytes[i] == pattern(in_key(), in_ + i) && in_ + i < wanted()) continue;
      ++figures_.wrong;
      return false;
    }
    in_ += size;
    figures_.bytes += size;
    return true;
  }
  bool write_some() {
    if (shut_ || !known_) return true;
    if (server_ && has(Errand::kClientFirst) && !eof_) return true;
    static std::array<std::uint8_t, 16384> buffer;
    const std::size_t head = server_ ? 0 : sizeof errand_;
    while (sent_ < head + given()) {
      std::size_t n = 0;
      for (; n < buffer.size() && sent_ + n < head + given(); ++n) {
        const std::uint64_t at = sent_ + n;
        buffer[n] = at < head ? reinterpret_cast<const std::uint8_t*>(&errand_)[at] : pattern(out_key(), at - head);
      }
      const ssize_t done = ::send(fd, buffer.data(), n, MSG_NOSIGNAL);
      if (done < 0) return errno == EAGAIN || errno == ENOTCONN ? true : end_by_error();
      sent_ += static_cast<std::uint64_t>(done);
      out_ = sent_ - std::min<std::uint64_t>(sent_, head);
    }
    const bool first = server_ ? has(Errand::kServerFirst) : has(Errand::kClientFirst) || !has(Errand::kServerFirst);
    if (first || eof_) {
      ::shutdown(fd, SHUT_WR);
      shut_ = true;
    }
    return true;
  }

  const bool server_;
  Errand errand_;
  bool known_, eof_ = false, shut_ = false;
  std::size_t head_ = 0;
  std::uint64_t in_ = 0, sent_ = 0, out_ = 0;
  Figures& figures_;
};

class Load {
 public:
  Load() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

  int serve(std::uint16_t port) {
    listener_ = ::socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1, off = 0;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(listener_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = __builtin_bswap16(port);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 4096) != 0) {
      throw std::runtime_error(std::string("listen: ") + std::strerror(errno));
    }
    watch(listener_, nullptr, EPOLLIN);
    while (stop_asked == 0) turn(1000);
    return report();
  }

  int call(const std::string& host, const std::string& port, double rate, double seconds, std::uint64_t seed) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) throw std::runtime_error("bad address " + host);
    const Time begin = read_clock(), end = begin + Duration::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
    const auto gap = Duration::nanoseconds(static_cast<std::int64_t>(1e9 / rate));
    Random random(seed);
    Time next = begin;
    while (stop_asked == 0 && (read_clock() < end || !open_.empty())) {
      for (; next <= read_clock() && next < end; next = next + gap) open_one(*found, random);
      turn(2);
    }
    ::freeaddrinfo(found);
    return report();
  }

 private:
  void open_one(const addrinfo& to, Random& random) {
    Errand e;
    e.key = random.next();
    const auto size = [&] {
      const std::uint64_t most = random.chance(0.05) ? 1'000'000 : random.chance(0.5) ? 30'000 : 300;
      return static_cast<std::uint32_t>(random.below(most));
    };
    e.request = size();
    e.response = size();
    const std::uint64_t kind = random.below(20);
    e.flags = kind < 5 ? Errand::kClientFirst : kind < 10 ? Errand::kServerFirst : kind == 10 ? Errand::kClientResets
            : kind == 11 ? Errand::kServerResets : 0u;
    const int fd = ::socket(to.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ++figures_.opened;
    if (fd < 0 || (::connect(fd, to.ai_addr, to.ai_addrlen) != 0 && errno != EINPROGRESS)) {
      ++figures_.failed;
      if (fd >= 0) ::close(fd);
      return;
    }
    add(std::make_unique<Connection>(fd, false, e, figures_));
  }
  void add(std::unique_ptr<Connection> connection) {
    watch(connection->fd, connection.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    open_.insert(std::move(connection));
  }
  void watch(int fd, void* who, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = who;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) throw std::runtime_error("epoll");
  }
  void turn(int milliseconds) {
    std::array<epoll_event, 256> events;
    const int n = ::epoll_wait(epoll_, events.data(), events.size(), milliseconds);
    for (int i = 0; i < n; ++i) {
      auto* connection = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (connection == nullptr) {
        accept_all();
      } else if (!connection->drive()) {
        open_.erase(open_.find(connection));
      }
    }
    if (const Time now = read_clock(); now > swept_ + Duration::seconds(1)) sweep(now);
  }
  void accept_all() {
    for (int fd; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      ++figures_.opened;
      add(std::make_unique<Connection>(fd, true, Errand{}, figures_));
    }
  }
  void sweep(Time now) {
    swept_ = now;
    std::erase_if(open_, [&](const auto& connection) {
      if (now < connection->opened + kPatience) return false;
      connection->give_up();
      return true;
    });
  }
  int report() {
    const Figures& f = figures_;
    std::printf("{\"opened\": %lu, \"complete\": %lu, \"resets\": %lu, \"failed\": %lu, \"truncated\": %lu, "
                "\"wrong\": %lu, \"stuck\": %lu, \"open\": %zu, \"bytes\": %lu}\n", f.opened, f.complete, f.resets,
                f.failed, f.truncated, f.wrong, f.stuck, open_.size(), f.bytes);
    return f.failed + f.truncated + f.wrong + f.stuck == 0 ? 0 : 1;
  }

  struct ByAddress {
    using is_transparent = void;
    static const Connection* of(const Connection* c) { return c; }
    static const Connection* of(const std::unique_ptr<Connection>& c) { return c.get(); }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const { return std::less<>()(of(a), of(b)); }
  };
  int epoll_, listener_ = -1;
  Figures figures_;
  std::set<std::unique_ptr<Connection>, ByAddress> open_;
  Time swept_;
};

int run(int argc, char** argv) {
  struct sigaction action{};
  action.sa_handler = [](int) { stop_asked = 1; };
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  CLI::App app("Connections whose every byte is checked");
  app.require_subcommand(1);
  std::uint16_t port = 0;
  std::string host, to_port;
  double rate = 200, seconds = 10;
  std::uint64_t seed = 1;
  CLI::App* server = app.add_subcommand("server", "answers until SIGTERM");
  server->add_option("PORT", port)->required();
  CLI::App* client = app.add_subcommand("client", "opens connections");
  client->add_option("ADDRESS", host)->required();
  client->add_option("PORT", to_port)->required();
  client->add_option("--rate", rate, "connections per second")->check(CLI::PositiveNumber);
  client->add_option("--seconds", seconds, "for so long; then waits for what is open")->check(CLI::PositiveNumber);
  client->add_option("--seed", seed, "sizes and kinds");
  CLI11_PARSE(app, argc, argv);
  Load load;
  return server->parsed() ? load.serve(port) : load.call(host, to_port, rate, seconds, seed);
}

}  // namespace
}  // namespace weft::tools

int main(int argc, char** argv) { return weft::tools::tool_main("soak-load", weft::tools::run, argc, argv, 2); }
