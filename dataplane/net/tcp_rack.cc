#include "dataplane/net/tcp_rack.h"

#include <algorithm>

namespace weft::net {

namespace {

constexpr std::uint16_t kMinRttSeconds = 300;
constexpr std::uint8_t kPersist = 16;  // RACK.reo_wnd_persist
// Below the timers' millisecond nothing can be waited for; on paths that short, packets of several queues and cores
// overtake each other by more than a quarter of the round trip.
constexpr std::uint32_t kLeastWindowUs = 1000;

bool later(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) > 0; }

}  // namespace

void TcpPath::on_rtt(std::uint32_t rtt_us, std::uint32_t now_ms) {
  const auto now_s = static_cast<std::uint16_t>(now_ms / 1000);
  const bool outdated = static_cast<std::uint16_t>(now_s - min_rtt_s) > kMinRttSeconds;
  if (min_rtt_us != 0 && rtt_us > min_rtt_us && !outdated) return;
  min_rtt_us = std::max(rtt_us, 1u);
  min_rtt_s = now_s;
}

// RACK_sent_after(RACK.xmit_ts, RACK.end_seq, ...).
bool TcpRack::sent_after(std::uint32_t xmit, Seq end) const {
  return later(xmit_us, xmit) || (xmit_us == xmit && end_seq > end);
}

void TcpRack::on_delivered(const Transmission& t, std::uint32_t now_us, std::uint32_t age_ms, TcpPath& path,
                           AckNews& news) {
  const std::uint32_t rtt = now_us - t.xmit_us;
  if (!t.retransmitted) {
    news.rtt_us = std::max(rtt, 1u);
    if (!news.original) news.original_end = t.end;
    news.original = true;
  }
  // Which of its transmissions arrived? An older one, if the echo is older or the answer came too fast.
  const bool early = rtt < path.min_rtt_us;
  const bool older_echo = news.has_stamp && news.echo_age_ms > age_ms;
  const bool ambiguous = t.retransmitted && (older_echo || early);
  if (t.retransmitted) news.echo_fits = news.echo_fits || !older_echo || early;
  news.retransmitted = news.retransmitted || t.retransmitted;
  if (!ambiguous) {
    rtt_us = rtt;
    if (!delivered_any || later(t.xmit_us, xmit_us) || (t.xmit_us == xmit_us && t.end > end_seq)) {
      xmit_us = t.xmit_us;
      end_seq = t.end;
    }
    delivered_any = true;
  }
  if (fack < t.end) {
    fack = t.end;
  } else if (t.end < fack && !t.retransmitted) {
    path.reordering_seen = 1;
  }
}

void TcpRack::on_dsack(Seq snd_una, Seq snd_nxt, TcpPath& path) {
  if (in_dsack_round && snd_una < dsack_round) return;
  in_dsack_round = true;
  dsack_round = snd_nxt;
  if (path.reo_wnd_mult < 127) ++path.reo_wnd_mult;
  path.reo_wnd_persist = kPersist;
}

void TcpRack::on_recovery_end(TcpPath& path) {
  if (path.reo_wnd_persist > 0) --path.reo_wnd_persist;
  if (path.reo_wnd_persist == 0) path.reo_wnd_mult = 1;
}

std::uint32_t TcpRack::reordering_window_us(const TcpPath& path, std::uint32_t srtt_us, bool impatient) {
  if (path.reordering_seen == 0 && impatient) return 0;
  const std::uint64_t window = std::uint64_t{path.reo_wnd_mult} * path.min_rtt_us / 4;
  return std::max(static_cast<std::uint32_t>(std::min<std::uint64_t>(window, srtt_us)), kLeastWindowUs);
}

TcpRack::Detection TcpRack::detect_loss(TcpScoreboard& board, std::uint32_t now_us, std::uint32_t reo_wnd_us) const {
  Detection found;
  if (!delivered_any) return found;
  board.mark_lost_if([&](const Transmission& t) {
    if (!sent_after(t.xmit_us, t.end)) return false;
    const std::uint32_t age = now_us - t.xmit_us;
    // What was sent again in this very instant is not lost again yet, however short the path.
    const std::uint32_t limit = std::max(rtt_us + reo_wnd_us, t.retransmitted ? 1u : 0u);
    if (age < limit) {
      found.timeout_us = std::max(found.timeout_us, limit - age);
      return false;
    }
    if (t.retransmitted && (!found.retransmission || later(t.xmit_us, found.xmit_us))) found.xmit_us = t.xmit_us;
    found.retransmission = found.retransmission || t.retransmitted;
    return true;
  });
  return found;
}

void TcpRack::mark_losses_on_timeout(TcpScoreboard& board, std::uint32_t now_us, std::uint32_t reo_wnd_us) const {
  board.mark_lost_if([&](const Transmission& t) { return now_us - t.xmit_us >= rtt_us + reo_wnd_us; });
}

}  // namespace weft::net
