// Recoveries that were not needed: how they show themselves, and how they are undone.
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

// Before ssthresh is lowered.
void TcpCore::begin_undo(Connection& c) {
  TcpUndo undo;
  undo.possible = true;
  undo.before = c.congestion;
  undo.begin = c.snd_una;
  c.flight->undo = undo;
}

void TcpCore::note_retransmission(Connection& c, std::uint32_t bytes) {
  TcpUndo& undo = c.flight->undo;
  if (!undo.possible || !c.in_recovery()) return;
  if (!undo.retransmitted) undo.retransmit_ts = now_ms + c.ts_offset;
  undo.retransmitted = true;
  undo.outstanding += bytes;
}

// By timestamps (Eifel, RFC 3522): SND.UNA passes all that was sent again, and the echo is older than the first of it.
// By D-SACK (RFC 3708): each byte that was sent again has come twice, on a path that makes no duplicates itself.
bool TcpCore::was_spurious(Connection& c, const AckNews& news) {
  TcpFlight& f = *c.flight;
  TcpUndo& undo = f.undo;
  if (!undo.possible || !undo.retransmitted) return false;
  if (!c.in_recovery() && c.snd_una > undo.expires) return undo.possible = false;
  if (news.has_dsack && c.path.duplicates == 0 && undo.begin <= news.dsack.left) {
    undo.outstanding -= std::min(undo.outstanding, news.dsack.right - news.dsack.left);
    if (undo.outstanding == 0 && f.board.lost() == 0) return true;
  }
  const std::uint32_t retransmit_age_ms = now_ms + c.ts_offset - undo.retransmit_ts;
  return c.in_recovery() && news.acked > 0 && f.board.retransmitted() == 0 && news.has_stamp &&
         news.echo_age_ms < 600'000 && news.echo_age_ms > retransmit_age_ms;
}

// F-RTO (RFC 5682, 2.1, and 3.1 with SACK): after a timeout has sent one segment again, an ACK that moves SND.UNA lets
// two new ones out instead of more old ones. If the next ACK is for something that was sent before the timeout and once
// only, nothing was lost. Where there is nothing new to send, the timestamps or nobody must tell.
bool TcpCore::take_frto_step(Connection& c, const AckNews& news) {
  TcpFlight& f = *c.flight;
  if (f.frto == Frto::kOff || (news.delivered == 0 && !news.duplicate)) return false;
  if (std::exchange(f.frto, Frto::kOff) == Frto::kSecondAck) {
    const bool spurious = news.acked > 0 || (news.original && news.original_end <= c.recover);
    if (!spurious) c.congestion.cwnd = 3u * c.mss;
    return spurious && f.undo.possible;
  }
  const bool new_data = !c.unsent.empty() && c.snd_una + c.snd_wnd > c.snd_nxt;
  if (news.acked == 0 || c.snd_una >= c.recover || !new_data) return false;
  f.frto = Frto::kSecondAck;
  c.congestion.cwnd = pipe(c) + 2 * c.mss;
  return false;
}

// RFC 4015, 3, and RFC 9438, 4.9: everything as it was. What looked like loss was reordering, or a late answer.
void TcpCore::undo_recovery(Connection& c) {
  TcpFlight& f = *c.flight;
  ++stats.spurious_recoveries;
  const std::uint32_t cwnd = c.congestion.cwnd;
  c.congestion = f.undo.before;
  c.congestion.cwnd = std::max(cwnd, c.congestion.cwnd);
  if (f.undo.fast) c.path.reordering_seen = 1;
  f.undo.possible = false;
  f.frto = Frto::kOff;
  f.board.unmark_lost();
  f.board.compact(transmissions_);
  c.retransmit_due = c.recovering = c.rto_recovery = false;
  c.dup_acks = 0;
}

}  // namespace weft::net
