// Timers: one node in the wheel for each connection, set to the earliest of its deadlines.
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

std::uint32_t TcpCore::in_ms(Duration d) const {
  // The clock's millisecond has begun already: one more, so that nothing fires early. Further than half of the 2^32 ms
  // ahead a deadline would look as if it had passed.
  const auto until = (now + std::min(d, kFarthestDeadline)).ns();
  return std::max(static_cast<std::uint32_t>((until + 999'999) / 1'000'000), 1u);
}

std::uint32_t TcpCore::age_ms(std::uint32_t past_us) const {
  const std::int64_t past = now.ns() / 1000 - static_cast<std::uint32_t>(now_us - past_us);
  return static_cast<std::uint32_t>(now_tick - past / 1000);
}

void TcpCore::arm(Connection& c) {
  std::uint32_t first = 0;
  for (std::uint32_t deadline : {c.retransmit_ms, c.ack_ms, c.slow_ms, c.flight != nullptr ? c.flight->loss_ms : 0}) {
    if (deadline != 0 && (first == 0 || before_ms(deadline, first))) first = deadline;
  }
  if (first == 0) return wheel_.cancel(c);
  const auto ahead = static_cast<std::int32_t>(first - static_cast<std::uint32_t>(now_tick));
  wheel_.schedule(c, static_cast<std::uint64_t>(std::max<std::int64_t>(now_tick + ahead, 0)));
}

Time TcpCore::deadline() const { return std::min(wheel_.deadline(), time_wait_wheel_.deadline()); }

void TcpCore::on_timer() {
  while (TcpTimeWait* t = time_wait_wheel_.pop_due(now)) forget(*t);
  while (Connection* c = wheel_.pop_due(now)) on_connection_timer(*c);
}

void TcpCore::on_connection_timer(Connection& c) {
  const auto due = [&](std::uint32_t deadline) {
    return deadline != 0 && !before_ms(static_cast<std::uint32_t>(now_tick), deadline);
  };
  if (due(c.ack_ms)) {
    c.ack_ms = 0;
    ack_now(c);
  }
  if (due(c.slow_ms)) on_slow_timer(c);
  // Before the other: a probe puts the retransmission timeout off.
  if (c.flight != nullptr && due(c.flight->loss_ms)) on_loss_timer(c);
  if (c.reason == CloseReason::kNone && due(c.retransmit_ms)) on_retransmit_timer(c);
  if (c.reason == CloseReason::kNone) arm(c);
}

// ---- retransmission and window probes

// RFC 6298, 5: from now, backed off, and no later than the user's patience.
void TcpCore::set_retransmit(Connection& c) {
  const std::uint64_t rto = std::min<std::uint64_t>(std::uint64_t{c.rto_ms} << c.backoff,
                                                    static_cast<std::uint64_t>(options.rto_max.ms()));
  c.retransmit_ms = in_ms(Duration::milliseconds(static_cast<std::int64_t>(rto)));
  heed_user_timeout(c);
}

void TcpCore::heed_user_timeout(Connection& c) {
  const auto user_timeout = static_cast<std::uint32_t>(settings_of(c).user_timeout.ms());
  if (user_timeout == 0 || c.retransmit_ms == 0 || c.handshaking()) return;
  const std::uint32_t patience = std::max(c.progress_ms + user_timeout, 1u);
  if (before_ms(patience, c.retransmit_ms)) c.retransmit_ms = std::max(patience, in_ms(Duration::milliseconds(1)));
}

// RFC 6298, 2, in microseconds, with the clock granularity G = 1 ms.
void TcpCore::take_rtt_sample(Connection& c, std::uint32_t rtt_us) {
  if (c.srtt_us == 0) {
    c.srtt_us = std::max(rtt_us, 1u);
    c.rttvar_us = rtt_us / 2;
  } else {
    const std::uint32_t error = rtt_us > c.srtt_us ? rtt_us - c.srtt_us : c.srtt_us - rtt_us;
    c.rttvar_us = static_cast<std::uint32_t>((std::uint64_t{3} * c.rttvar_us + error) / 4);
    c.srtt_us = std::max(static_cast<std::uint32_t>((std::uint64_t{7} * c.srtt_us + rtt_us) / 8), 1u);
  }
  c.backoff = 0;
  const std::uint64_t rto_us = c.srtt_us + std::max<std::uint64_t>(1000, std::uint64_t{4} * c.rttvar_us);
  const std::uint64_t rto = (rto_us + 999) / 1000;
  c.rto_ms = static_cast<std::uint32_t>(std::clamp(rto, static_cast<std::uint64_t>(options.rto_min.ms()),
                                                   static_cast<std::uint64_t>(options.rto_max.ms())));
}

void TcpCore::on_retransmit_timer(Connection& c) {
  c.retransmit_ms = 0;
  const auto user_timeout = static_cast<std::uint32_t>(settings_of(c).user_timeout.ms());
  const bool impatient = user_timeout != 0 && !c.handshaking() && now_ms - c.progress_ms >= user_timeout;
  if (impatient && (!c.everything_acked() || c.has_to_send())) return end_with_reset(c, CloseReason::kUserTimeout);
  if (c.everything_acked()) return on_probe_timer(c);
  if (out_of_retries(c)) {
    const bool open = c.state != TcpState::kSynReceived;
    return end_with_reset(c, silence(c, open ? CloseReason::kTimedOut : CloseReason::kHandshakeTimedOut));
  }
  if (!c.handshaking()) return on_retransmission_timeout(c);
  ++stats.retransmission_timeouts;
  ++c.retries;
  ++c.backoff;
  c.syn_due = true;
  set_retransmit(c);
  want_output(c);
}

// What was said of the path explains the silence better than the silence itself (RFC 1122, 4.2.3.9).
CloseReason TcpCore::silence(const Connection& c, CloseReason reason) const {
  return c.unreachable ? CloseReason::kUnreachable : reason;
}

bool TcpCore::out_of_retries(Connection& c) {
  switch (c.state) {
    case TcpState::kSynSent: return c.retries >= 30;  // connect_timeout comes before
    case TcpState::kSynReceived: return c.retries >= options.syn_ack_retries;
    default: return c.retries >= (c.orphan ? options.orphan_retries : options.retries);
  }
}

// RFC 9293, 3.8.6.1: the probing goes on as long as the peer answers; take_ack() counts that.
void TcpCore::on_probe_timer(Connection& c) {
  if (!c.has_to_send()) return;
  if (out_of_retries(c)) return end_with_reset(c, CloseReason::kTimedOut);
  ++stats.window_probes;
  ++c.retries;
  if (c.backoff < 16) ++c.backoff;
  c.probe_due = true;
  set_retransmit(c);
  want_output(c);
}

// ---- connect, keepalive, FIN-WAIT-2

void TcpCore::on_slow_timer(Connection& c) {
  c.slow_ms = 0;
  switch (c.state) {
    case TcpState::kSynSent: return end(c, silence(c, CloseReason::kConnectTimedOut));
    case TcpState::kSynPending:
    case TcpState::kSynReceived: return;
    case TcpState::kFinWait2:
      if (c.orphan) return end(c, CloseReason::kTimedOut);
      break;
    default: break;
  }
  set_keepalive(c);
}

// RFC 9293, 3.8.4. What is in flight, or is being probed for, has a timer that does the same: not before that is it
// looked again. Whatever was chosen, a millisecond passes: a deadline of now would come for ever.
void TcpCore::set_keepalive(Connection& c) {
  constexpr Duration kTick = Duration::milliseconds(1);
  const TcpSettings& settings = settings_of(c);
  if (!settings.keepalive) return;
  const auto idle = static_cast<std::uint32_t>(std::max(settings.keepalive_idle, kTick).ms());
  const std::uint32_t silent = now_ms - c.received_ms;
  if (silent < idle) {
    c.slow_ms = in_ms(Duration::milliseconds(idle - silent));
    return;
  }
  if (!c.everything_acked() || c.has_to_send()) {
    c.slow_ms = in_ms(Duration::milliseconds(idle));
    if (c.retransmit_ms != 0 && before_ms(c.slow_ms, c.retransmit_ms)) c.slow_ms = c.retransmit_ms;
    return;
  }
  const bool given_up = settings.user_timeout.ns() > 0
                            ? c.keepalives > 0 && silent >= settings.user_timeout.ms()
                            : c.keepalives >= settings.keepalive_probes;
  if (given_up) return end_with_reset(c, silence(c, CloseReason::kKeepaliveTimedOut));
  ++c.keepalives;
  ++stats.keepalive_probes;
  c.probe_due = true;
  c.slow_ms = in_ms(std::max(settings.keepalive_interval, kTick));
  want_output(c);
}

}  // namespace weft::net
