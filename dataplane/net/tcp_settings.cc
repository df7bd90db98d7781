// What connections follow: the engine's options, one connection's settings, and what both mean for a segment's size.
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

namespace {

// Smallest shift that lets 16 bits say the whole buffer (RFC 7323, 2.3).
std::uint8_t shift_for(std::uint32_t buffer) {
  std::uint8_t shift = 0;
  while (shift < kMaxWindowScale && buffer >> shift > 65535) ++shift;
  return shift;
}

TcpSettings defaults_of(const TcpOptions& o) {
  TcpSettings s;
  s.nagle = o.nagle;
  s.ecn = o.ecn;
  s.receive_buffer_max = o.receive_buffer_max;
  s.send_buffer_max = o.send_buffer_max;
  s.keepalive = o.keepalive_idle.ns() > 0;
  s.keepalive_idle = o.keepalive_idle;
  s.keepalive_interval = o.keepalive_interval;
  s.keepalive_probes = o.keepalive_probes;
  s.user_timeout = o.user_timeout;
  return s;
}

bool same_keepalive(const TcpSettings& a, const TcpSettings& b) {
  return a.keepalive == b.keepalive && a.keepalive_idle == b.keepalive_idle &&
         a.keepalive_interval == b.keepalive_interval;
}

}  // namespace

void TcpCore::set_options(const TcpOptions& o) {
  const TcpOptions before = options;
  options = o;
  options.worker = before.worker;
  options.workers = before.workers;
  options.account_limit = before.account_limit;
  options.memory_limit = before.memory_limit;
  defaults = defaults_of(options);
}

void TcpCore::set_settings(Connection& c, const TcpSettings& s) {
  const TcpSettings before = settings_of(c);
  if (s == defaults) {
    drop_settings(c);
  } else {
    if (c.settings == nullptr) c.settings = settings_.create();
    *c.settings = s;
  }
  c.nagle = s.nagle;
  c.ack_mode = s.acks;
  c.rcv_buffer = std::min(c.rcv_buffer, s.receive_buffer_max);
  if (c.reason != CloseReason::kNone) return;
  update_mss(c);
  if (c.ack_mode == AckMode::kQuick && c.ack_ms != 0) ack_now(c);
  if (c.state >= TcpState::kEstablished && !same_keepalive(before, s)) {
    c.slow_ms = 0;
    set_keepalive(c);
  }
  heed_user_timeout(c);
  arm(c);
  if (c.synchronized()) want_output(c);  // what Nagle's algorithm held back
}

void TcpCore::drop_settings(Connection& c) {
  if (c.settings != nullptr) settings_.destroy(std::exchange(c.settings, nullptr));
}

std::uint8_t TcpCore::window_shift(const TcpSettings& s) const {
  if (options.window_shift) return std::min(*options.window_shift, kMaxWindowScale);
  return shift_for(s.receive_buffer_max);
}

// RFC 9293, 3.7.1: what the interface takes, headers without options off (RFC 6691).
std::uint16_t TcpCore::advertised_mss(const FlowKey& key, const TcpSettings& s) const {
  auto it = interfaces.find(key.interface);
  const std::uint32_t overhead = ip_header_size(key) + kTcpHeaderSize;
  const std::uint32_t mtu = it == interfaces.end() ? 0 : it->second.mtu;
  const std::uint32_t by_mtu = mtu > overhead + 64 ? mtu - overhead : 64;
  const std::uint32_t bound = s.max_segment;
  return static_cast<std::uint16_t>(std::min({by_mtu, bound != 0 ? bound : by_mtu, 65'000u}));
}

void TcpCore::update_mss(Connection& c) {
  const std::uint32_t overhead = ip_header_size(c.key) + kTcpHeaderSize;
  const std::uint32_t by_mtu = c.path_mtu > overhead + 64 ? c.path_mtu - overhead : 64;
  const std::uint32_t by_peer = c.peer_mss != 0 ? c.peer_mss : by_mtu;
  const std::uint32_t bound = settings_of(c).max_segment;
  const std::uint32_t whole = std::min({by_mtu, by_peer, bound != 0 ? bound : by_mtu, 65'000u});
  const std::uint32_t options_size = c.timestamps ? kTimestampsSize : 0;
  c.mss = static_cast<std::uint16_t>(std::max(whole, options_size + 32) - options_size);
}

}  // namespace weft::net
