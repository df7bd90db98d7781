// Explicit congestion notification (RFC 3168): congestion that routers mark instead of dropping.
#include "dataplane/net/tcp_core.h"

namespace weft::net {

// 6.1.1: what our SYN, or our answer to one, says. A SYN that is sent again does not ask: what ate the first may be
// what dislikes ECN (6.1.1.1).
std::uint8_t TcpCore::ecn_offer(const Connection& c) const {
  if (c.state == TcpState::kSynReceived) return c.ecn ? kEce : std::uint8_t{0};
  const bool again = c.snd_nxt != c.snd_una;
  return settings_of(c).ecn == EcnMode::kAlways && !again ? kEce | kCwr : 0;
}

void TcpCore::take_ecn_offer(Connection& c, const TcpSegment& syn) {
  const auto flags = static_cast<std::uint8_t>(syn.flags & (kEce | kCwr));
  if (syn.is(kAck)) {
    c.ecn = settings_of(c).ecn == EcnMode::kAlways && c.retransmits == 0 && flags == kEce;
  } else {
    c.ecn = settings_of(c).ecn != EcnMode::kOff && flags == (kEce | kCwr);
  }
}

// 6.1.3, the receiver: each ACK echoes the mark until the sender says that it has reduced its window.
void TcpCore::take_congestion_mark(Connection& c, const TcpInput& in) {
  if (!c.ecn) return;
  if (in.segment.is(kCwr)) c.ecn_echo = false;
  if (!in.congested || in.payload.empty()) return;
  ++stats.ecn_ce_in;
  if (!c.ecn_echo) ack_now(c);
  c.ecn_echo = true;
}

// 6.1.2, the sender: once a window, as for a loss, and not beside one.
void TcpCore::take_congestion_echo(Connection& c, const TcpSegment& s, const AckNews& news) {
  TcpFlight& f = *c.flight;
  if (!c.ecn || !s.is(kEce) || c.snd_una <= f.ecn_recover) return;
  f.ecn_recover = c.snd_nxt;
  f.ecn_reduced = true;
  c.cwr_due = true;
  f.undo.possible = false;  // needless or not, the window was to be reduced
  if (c.in_recovery()) return;
  ++stats.ecn_reductions;
  congestion(c).on_loss(c.congestion, window_in_use(c, news), c.mss);
}

}  // namespace weft::net
