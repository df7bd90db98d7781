#include "base/get_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

namespace weft {
namespace {

constexpr std::size_t kConnectionsMax = 64;
constexpr std::size_t kRequestBytesMax = 8192;
constexpr std::chrono::seconds kConnectionTime{5};
using Clock = std::chrono::steady_clock;

std::string_view reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "Status";
  }
}

std::string render(const GetResponse& response, bool with_body) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += reason(response.status);
  out += "\r\nContent-Type: " + response.content_type;
  out += "\r\nContent-Length: " + std::to_string(response.body.size());
  out += "\r\nConnection: close\r\n\r\n";
  if (with_body) out += response.body;
  return out;
}

socklen_t to_sockaddr(const Endpoint& at, sockaddr_storage* out) {
  std::memset(out, 0, sizeof *out);
  if (at.address.is_v4()) {
    auto* in = reinterpret_cast<sockaddr_in*>(out);
    in->sin_family = AF_INET;
    in->sin_port = htons(at.port);
    std::memcpy(&in->sin_addr, at.address.data(), 4);
    return sizeof *in;
  }
  auto* in6 = reinterpret_cast<sockaddr_in6*>(out);
  in6->sin6_family = AF_INET6;
  in6->sin6_port = htons(at.port);
  std::memcpy(&in6->sin6_addr, at.address.data(), 16);
  return sizeof *in6;
}

Endpoint from_sockaddr(const sockaddr_storage& from) {
  if (from.ss_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(&from);
    return {IpAddress::v4(reinterpret_cast<const std::uint8_t*>(&in->sin_addr)), ntohs(in->sin_port)};
  }
  const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&from);
  return {IpAddress::v6(reinterpret_cast<const std::uint8_t*>(&in6->sin6_addr)), ntohs(in6->sin6_port)};
}

// One request, one answer, then closed.
struct Connection {
  int fd;
  Clock::time_point deadline;
  std::string in;
  std::string out;
  std::size_t sent = 0;
};

}  // namespace

class GetServer::Loop {
 public:
  Loop(int listener, int wake, Endpoint at, Handler handler)
      : listener_(listener), wake_(wake), at_(at), handler_(std::move(handler)), thread_([this] { run(); }) {}

  ~Loop() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_, &one, sizeof one);
    thread_.join();
    for (const Connection& connection : connections_) ::close(connection.fd);
    ::close(listener_);
    ::close(wake_);
  }

  const Endpoint& endpoint() const { return at_; }

 private:
  void run() {
    std::vector<pollfd> polled;
    while (true) {
      polled.clear();
      polled.push_back({wake_, POLLIN, 0});
      // A full house does not accept: the kernel's backlog keeps the rest.
      const bool accepting = connections_.size() < kConnectionsMax;
      polled.push_back({listener_, static_cast<short>(accepting ? POLLIN : 0), 0});
      for (const Connection& c : connections_) {
        polled.push_back({c.fd, static_cast<short>(c.out.empty() ? POLLIN : POLLOUT), 0});
      }
      ::poll(polled.data(), polled.size(), connections_.empty() ? -1 : 500);
      if (polled[0].revents) return;
      serve(polled);
      if (polled[1].revents & POLLIN) accept_one();
    }
  }

  void serve(const std::vector<pollfd>& polled) {
    const Clock::time_point now = Clock::now();
    std::vector<Connection> kept;
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      Connection& connection = connections_[i];
      const bool alive = now < connection.deadline && (!polled[i + 2].revents || progress(connection));
      if (alive) {
        kept.push_back(std::move(connection));
      } else {
        ::close(connection.fd);
      }
    }
    connections_ = std::move(kept);
  }

  void accept_one() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) connections_.push_back({fd, Clock::now() + kConnectionTime, {}, {}, 0});
  }

  // False: the connection is finished.
  bool progress(Connection& connection) {
    if (connection.out.empty() && !read_request(connection)) return false;
    if (connection.out.empty()) return true;
    const ssize_t n = ::send(connection.fd, connection.out.data() + connection.sent,
                             connection.out.size() - connection.sent, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    connection.sent += static_cast<std::size_t>(n);
    if (connection.sent < connection.out.size()) return true;
    ::shutdown(connection.fd, SHUT_WR);
    return false;
  }

  bool read_request(Connection& connection) {
    char block[2048];
    const ssize_t n = ::recv(connection.fd, block, sizeof block, 0);
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    connection.in.append(block, static_cast<std::size_t>(n));
    if (connection.in.find("\r\n\r\n") != std::string::npos) {
      connection.out = answer(connection.in);
    } else if (connection.in.size() > kRequestBytesMax) {
      connection.out = render({431, "text/plain", "request too large\n"}, true);
    }
    return true;
  }

  std::string answer(std::string_view request) {
    const std::string_view line = request.substr(0, request.find("\r\n"));
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || last <= first || !line.substr(last + 1).starts_with("HTTP/1.")) {
      return render({400, "text/plain", "not an HTTP/1 request\n"}, true);
    }
    const std::string_view method = line.substr(0, first);
    if (method != "GET" && method != "HEAD") return render({405, "text/plain", "GET only\n"}, true);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::size_t mark = target.find('?');
    const std::string_view query = mark == std::string_view::npos ? "" : target.substr(mark + 1);
    return render(handler_(target.substr(0, mark), query), method == "GET");
  }

  int listener_;
  int wake_;
  Endpoint at_;
  Handler handler_;
  std::vector<Connection> connections_;
  std::thread thread_;  // last: it uses all of the above
};

GetServer::GetServer(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
GetServer::~GetServer() = default;
Endpoint GetServer::endpoint() const { return loop_->endpoint(); }

std::expected<std::unique_ptr<GetServer>, std::string> GetServer::listen(const Endpoint& at, Handler handler) {
  sockaddr_storage address;
  const socklen_t size = to_sockaddr(at, &address);
  const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int one = 1;
  if (fd >= 0) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 64) != 0) {
    const std::string error = "cannot listen at " + at.to_string() + ": " + std::strerror(errno);
    if (fd >= 0) ::close(fd);
    return std::unexpected(error);
  }
  socklen_t actual = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &actual);
  const int wake = ::eventfd(0, EFD_CLOEXEC);
  auto loop = std::make_unique<Loop>(fd, wake, from_sockaddr(address), std::move(handler));
  return std::unique_ptr<GetServer>(new GetServer(std::move(loop)));
}

}  // namespace weft
