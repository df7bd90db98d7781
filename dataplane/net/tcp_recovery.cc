// Loss: how it is found and repaired (RFC 8985 with SACK, RFC 6582 without, RFC 6298 when nothing comes back).
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

// FlightSize of RFC 5681.
std::uint32_t TcpCore::flight_size(const Connection& c) const { return c.snd_nxt - c.snd_una; }

// How much was in flight when the loss that this ACK tells of happened. ACKs that came together are all taken before
// anything is sent: what the first of them made room for is missing in FlightSize when the last is looked at. Where it
// is the congestion window that stops us, it is the measure (RFC 9438, 4.6), without what this ACK made it grow by.
// FlightSize beyond it is what limited transmit sent (RFC 5681, 3.2, step 2: not to be counted).
std::uint32_t TcpCore::window_in_use(const Connection& c, const AckNews& news) const {
  const std::uint32_t cwnd = c.congestion.cwnd, flight = flight_size(c) + news.acked;
  return std::min(c.cwnd_limited ? std::max(flight, cwnd - std::min(cwnd, news.acked)) : flight, cwnd);
}

// Bytes believed to be on the way. Without SACK each duplicate ACK stands for a segment that has arrived. That also is
// limited transmit (RFC 3042): the first two let one new segment out each.
std::uint32_t TcpCore::pipe(const Connection& c) const {
  if (c.flight == nullptr) return 0;
  const std::uint32_t pipe = c.flight->board.pipe();
  if (c.sack || c.rto_recovery) return pipe;
  return pipe - std::min(pipe, std::uint32_t{c.dup_acks} * c.mss);
}

// After each acceptable ACK.
void TcpCore::recover(Connection& c, const TcpSegment& s, const AckNews& news) {
  if (c.flight == nullptr) return;
  take_probe_verdict(c, news);
  if (was_spurious(c, news) || take_frto_step(c, news)) undo_recovery(c);
  if (c.in_recovery() && c.snd_una >= c.recover) leave_recovery(c);
  detect_loss(c, news);
  take_congestion_echo(c, s, news);
  notice_reneging(c, news);
  if (c.everything_acked()) return settle_flight(c);
  if (news.acked > 0) schedule_loss_probe(c);
}

void TcpCore::detect_loss(Connection& c, const AckNews& news) {
  TcpFlight& f = *c.flight;
  const std::uint32_t lost = f.board.lost();
  c.sack ? rack_detect_loss(c, news) : newreno_detect_loss(c, news);
  if (f.board.lost() != 0 && !c.in_recovery()) enter_recovery(c, news);
  const bool more_lost = f.board.lost() > lost;
  if (!c.recovering || !c.sack || (news.delivered == 0 && !more_lost)) return;
  const bool safe = news.acked > 0 && !more_lost;
  const std::uint32_t window = f.prr.window(news.delivered, pipe(c), c.congestion.ssthresh, safe, c.mss);
  // With nothing on its way a segment may always leave: the window is never closed.
  c.congestion.cwnd = std::max<std::uint32_t>(window, c.mss);
}

// RACK_detect_loss_and_arm_timer() of RFC 8985, 6.2. Where nothing is SACKed and nothing was sent twice, nothing can
// have overtaken anything.
void TcpCore::rack_detect_loss(Connection& c, const AckNews& news) {
  TcpFlight& f = *c.flight;
  if (f.reordering) f.loss_ms = 0;
  f.reordering = false;
  f.rack.forget_if_old(now_us);
  if (f.board.sacked() == 0 && f.board.retransmitted() == 0) return;
  const std::uint32_t lost = f.board.lost();
  const TcpRack::Detection found = f.rack.detect_loss(f.board, now_us, reordering_window_us(c));
  if (f.board.lost() != lost) {
    stats.rack_losses += (f.board.lost() - lost + c.mss - 1) / c.mss;
    f.board.compact(transmissions_);
  }
  // The loss of a retransmission is congestion again (RFC 5681, 4.3), once a round trip.
  if (found.retransmission && c.recovering && static_cast<std::int32_t>(found.xmit_us - f.reduced_us) >= 0) {
    c.congestion.cwnd = c.congestion.ssthresh;
    reduce_window(c, news);
  }
  if (found.timeout_us == 0) return;
  f.reordering = true;
  f.loss_ms = in_ms(Duration::microseconds(found.timeout_us));
}

std::uint32_t TcpCore::reordering_window_us(const Connection& c) const {
  const bool impatient = c.in_recovery() || c.dup_acks >= TcpScoreboard::kDupThresh ||
                         c.flight->board.segments_sacked(c.mss) >= TcpScoreboard::kDupThresh;
  return TcpRack::reordering_window_us(c.path, c.srtt_us, impatient);
}

// RFC 6582, 3.2: three duplicates (step 1), and each partial ACK (step 3), tell that the first segment is lost. Not
// after a timeout: the duplicates may come from what it sent again (step 4).
void TcpCore::newreno_detect_loss(Connection& c, const AckNews& news) {
  TcpScoreboard& board = c.flight->board;
  if (c.rto_recovery || c.everything_acked()) return;
  if (!c.recovering) {
    if (c.dup_acks >= TcpScoreboard::kDupThresh) board.mark_head_lost(c.mss, transmissions_);
  } else if (news.acked > 0) {
    c.dup_acks = static_cast<std::uint8_t>(c.dup_acks - std::min<std::uint32_t>(c.dup_acks, news.acked / c.mss));
    board.mark_head_lost(c.mss, transmissions_);
    c.retransmit_due = true;
  }
}

void TcpCore::enter_recovery(Connection& c, const AckNews& news) {
  ++stats.fast_recoveries;
  begin_undo(c);
  c.flight->undo.fast = true;
  reduce_window(c, news);
  c.recovering = true;
  c.recover = c.snd_nxt;
  c.retransmit_due = true;
  c.flight->tlp_pending = false;
}

void TcpCore::reduce_window(Connection& c, const AckNews& news) {
  TcpFlight& f = *c.flight;
  const std::uint32_t in_use = window_in_use(c, news);
  // Not for a loss in a window that a congestion mark has reduced already (RFC 3168, 6.1.2).
  if (!f.ecn_reduced || c.snd_una > f.ecn_recover) congestion(c).on_loss(c.congestion, in_use, c.mss);
  if (c.ecn) c.cwr_due = true;
  const std::uint32_t sacked_before = f.board.sacked() - std::min(f.board.sacked(), news.sacked);
  f.prr = TcpPrr::begin(flight_size(c) + news.acked, sacked_before, c.cwnd_limited ? in_use : 0, c.mss);
  f.reduced_us = now_us;
}

void TcpCore::leave_recovery(Connection& c) {
  if (c.recovering) {
    c.congestion.cwnd = c.congestion.ssthresh;
    // Without PRR: what is left in flight, and a little more, but no burst (RFC 6582, 3.2, step 3, option 1).
    const std::uint32_t left = std::max(flight_size(c), std::uint32_t{c.mss}) + c.mss;
    if (!c.sack) c.congestion.cwnd = std::min(c.congestion.ssthresh, left);
  }
  c.recovering = c.rto_recovery = false;
  c.dup_acks = 0;
  c.flight->undo.expires = c.snd_nxt;
  c.flight->frto = Frto::kOff;
  TcpRack::on_recovery_end(c.path);
}

// The first segment was SACKed, and yet SND.UNA stops before it: the peer has dropped it, or reports late. As Linux, do
// not wait for the whole RTO.
void TcpCore::notice_reneging(Connection& c, const AckNews& news) {
  if (news.acked == 0 || !c.flight->board.head_sacked()) return;
  ++stats.sack_reneging;
  const std::uint32_t soon = in_ms(std::max(Duration::microseconds(c.srtt_us / 2), Duration::milliseconds(10)));
  if (before_ms(soon, c.retransmit_ms)) c.retransmit_ms = soon;
}

// What is to be sent again now, if anything: NextSeg() of RFC 6675, rule 1.
bool TcpCore::next_retransmission(Connection& c, SackBlock* range) {
  if (c.flight == nullptr || c.flight->board.lost() == 0) {
    c.retransmit_due = false;
    return false;
  }
  if (c.flight->frto == Frto::kSecondAck) return false;
  *range = c.flight->board.first_lost();
  const std::uint32_t size = range->right - range->left;
  if (c.retransmit_due) {
    range->right = earlier_of(range->right, range->left + c.mss);
    return true;
  }
  const Seq edge = c.snd_una + std::max(c.snd_wnd, 1u);
  if (range->left >= edge) return false;
  const std::uint32_t used = pipe(c);
  const std::uint32_t budget = c.congestion.cwnd > used ? c.congestion.cwnd - used : 0;
  if (budget < std::min<std::uint32_t>(size, c.mss) && used > 0) return false;
  const std::uint32_t whole = std::max<std::uint32_t>(budget / c.mss * c.mss, c.mss);
  range->right = earlier_of(range->left + std::min({size, whole, super_segment_limit(c)}), edge);
  return true;
}

// RFC 6298, 5.4 to 5.7; RFC 5681, 3.1; RFC 8985, 6.3.
void TcpCore::on_retransmission_timeout(Connection& c) {
  ++stats.retransmission_timeouts;
  // Of two recoveries in each other, neither is undone.
  if (c.recovering) c.flight->undo.possible = false;
  if (!c.in_recovery()) begin_undo(c);
  c.flight->frto = c.in_recovery() ? Frto::kOff : Frto::kFirstAck;
  if (c.retries == 0) {
    if (c.recovering) c.congestion.cwnd = c.congestion.ssthresh;
    congestion(c).on_timeout(c.congestion, flight_size(c), c.mss);
  }
  suspect_black_hole(c);
  c.congestion.cwnd = c.mss;
  if (c.ecn) c.cwr_due = true;
  mark_losses_on_timeout(c);
  ++c.retries;
  if (c.backoff < 16) ++c.backoff;
  begin_rto_recovery(c);
  c.retransmit_due = true;
  set_retransmit(c);
  want_output(c);
}

// What the peer had SACKed it may have dropped (RFC 2018, 8): that is believed once, and not when SND.UNA contradicts.
void TcpCore::mark_losses_on_timeout(Connection& c) {
  TcpFlight& f = *c.flight;
  if (c.retries > 0 || f.board.head_sacked()) f.board.forget_sacks();
  f.board.mark_head_lost(c.mss, transmissions_);
  if (c.sack) {
    f.rack.forget_if_old(now_us);
    f.rack.mark_losses_on_timeout(f.board, now_us, reordering_window_us(c));
  } else {
    f.board.mark_lost_if([](const Transmission&) { return true; });
  }
  f.board.compact(transmissions_);
}

void TcpCore::begin_rto_recovery(Connection& c) {
  c.recovering = false;
  c.rto_recovery = true;
  c.recover = c.snd_nxt;
  c.dup_acks = 0;
  c.flight->tlp_pending = false;
  c.flight->probe_due = false;
  c.flight->loss_ms = 0;
  c.flight->reordering = false;
}

}  // namespace weft::net
