// getsockopt() and setsockopt(): the options that packet scripts use. All others are -ENOPROTOOPT.
#include <linux/tcp.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/conformance/socket_layer.h"

namespace weft::conformance {

namespace {

// Linux's least (SOCK_MIN_RCVBUF, SOCK_MIN_SNDBUF, halved as below) and what TCP_MAXSEG may be (TCP_MIN_MSS to
// MAX_TCP_WINDOW).
constexpr int kBufferMin = 1152;
constexpr int kSegmentMin = 88, kSegmentMax = 32'767;
constexpr int kSecondsMax = 32'767, kProbesMax = 127;

bool outside(int value, int least, int most) { return value < least || value > most; }

// Linux doubles what is asked for, to hold its own structures too, and reports that.
int reported(std::uint32_t buffer) { return static_cast<int>(std::min(buffer, 0x3fffffffu) * 2); }

void write_value(const void* from, std::size_t n, void* to, socklen_t* size) {
  const std::size_t copied = std::min<std::size_t>(n, *size);
  std::memcpy(to, from, copied);
  *size = static_cast<socklen_t>(copied);
}

}  // namespace

net::TcpSettings SocketOptions::over(net::TcpSettings s) const {
  s.nagle = !nodelay;
  s.acks = acks;
  s.max_segment = max_segment;
  s.receive_buffer_max = receive_buffer.value_or(s.receive_buffer_max);
  s.send_buffer_max = send_buffer.value_or(s.send_buffer_max);
  s.keepalive = keepalive;
  s.keepalive_idle = Duration::seconds(keepalive_idle_s);
  s.keepalive_interval = Duration::seconds(keepalive_interval_s);
  s.keepalive_probes = static_cast<std::uint32_t>(keepalive_probes);
  s.user_timeout = Duration::milliseconds(user_timeout_ms);
  return s;
}

int SocketLayer::getsockopt(int id, int level, int name, void* value, socklen_t* size) {
  Socket* s = find(id);
  if (s == nullptr) return -EBADF;
  if (value == nullptr || size == nullptr || static_cast<int>(*size) < 0) return -EINVAL;
  if (level == IPPROTO_TCP && name == TCP_INFO) return getsockopt_info(*s, value, size);
  if (level == SOL_SOCKET && name == SO_LINGER) {
    const linger answer{s->options.linger, s->options.linger_s};
    write_value(&answer, sizeof answer, value, size);
    return 0;
  }
  const std::expected<int, int> answer = option_of(*s, level, name);
  if (!answer) return -answer.error();
  write_value(&*answer, sizeof *answer, value, size);
  return 0;
}

std::expected<int, int> SocketLayer::option_of(Socket& s, int level, int name) {
  const SocketOptions& o = s.options;
  const net::TcpSettings settings = settings_of(s);
  if (level == SOL_SOCKET) {
    switch (name) {
      case SO_ERROR: return s.take_error();
      case SO_KEEPALIVE: return o.keepalive;
      case SO_REUSEADDR: return o.reuse_address;
      case SO_RCVBUF: return reported(settings.receive_buffer_max);
      case SO_SNDBUF: return reported(settings.send_buffer_max);
      default: return std::unexpected(ENOPROTOOPT);
    }
  }
  if (level != IPPROTO_TCP) return std::unexpected(ENOPROTOOPT);
  switch (name) {
    case TCP_NODELAY: return o.nodelay;
    case TCP_MAXSEG:
      if (s.has_connection()) return static_cast<int>(tcp().info(s.connection).mss);
      return o.max_segment != 0 ? o.max_segment : 536;
    case TCP_QUICKACK: return o.acks != net::AckMode::kDelayed;
    case TCP_KEEPIDLE: return o.keepalive_idle_s;
    case TCP_KEEPINTVL: return o.keepalive_interval_s;
    case TCP_KEEPCNT: return o.keepalive_probes;
    case TCP_USER_TIMEOUT: return static_cast<int>(o.user_timeout_ms);
    default: return std::unexpected(ENOPROTOOPT);
  }
}

int SocketLayer::setsockopt(Time now, int id, int level, int name, const void* value, socklen_t size) {
  Socket* s = find(id);
  if (s == nullptr) return -EBADF;
  if (level != SOL_SOCKET && level != IPPROTO_TCP) return -ENOPROTOOPT;
  const bool is_linger = level == SOL_SOCKET && name == SO_LINGER;
  if (value == nullptr || size < (is_linger ? sizeof(linger) : sizeof(int))) return -EINVAL;
  int number = 0;
  std::memcpy(&number, value, sizeof number);
  if (is_linger) {
    linger wanted;
    std::memcpy(&wanted, value, sizeof wanted);
    s->options.linger = wanted.l_onoff != 0;
    s->options.linger_s = wanted.l_linger;
    return 0;
  }
  const int result = level == SOL_SOCKET ? set_socket_option(*s, name, number) : set_tcp_option(*s, name, number);
  if (result == 0 && s->has_connection()) tcp().set_settings(now, s->connection, settings_of(*s));
  return result;
}

int SocketLayer::set_socket_option(Socket& s, int name, int value) {
  SocketOptions& o = s.options;
  switch (name) {
    case SO_KEEPALIVE: o.keepalive = value != 0; return 0;
    case SO_REUSEADDR: o.reuse_address = value != 0; return 0;
    case SO_RCVBUF: o.receive_buffer = static_cast<std::uint32_t>(std::max(value, kBufferMin)); return 0;
    case SO_SNDBUF: o.send_buffer = static_cast<std::uint32_t>(std::max(value, kBufferMin)); return 0;
    default: return -ENOPROTOOPT;
  }
}

int SocketLayer::set_tcp_option(Socket& s, int name, int value) {
  SocketOptions& o = s.options;
  switch (name) {
    case TCP_NODELAY: o.nodelay = value != 0; return 0;
    case TCP_MAXSEG:
      if (value != 0 && outside(value, kSegmentMin, kSegmentMax)) return -EINVAL;
      o.max_segment = static_cast<std::uint16_t>(value);
      return 0;
    case TCP_QUICKACK: o.acks = value != 0 ? net::AckMode::kQuick : net::AckMode::kDelayed; return 0;
    case TCP_KEEPIDLE:
      if (outside(value, 1, kSecondsMax)) return -EINVAL;
      o.keepalive_idle_s = value;
      return 0;
    case TCP_KEEPINTVL:
      if (outside(value, 1, kSecondsMax)) return -EINVAL;
      o.keepalive_interval_s = value;
      return 0;
    case TCP_KEEPCNT:
      if (outside(value, 1, kProbesMax)) return -EINVAL;
      o.keepalive_probes = value;
      return 0;
    case TCP_USER_TIMEOUT:
      if (value < 0) return -EINVAL;
      o.user_timeout_ms = static_cast<std::uint32_t>(value);
      return 0;
    default: return -ENOPROTOOPT;
  }
}

}  // namespace weft::conformance
