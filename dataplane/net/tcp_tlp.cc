// Tail loss probe, and the timer that it shares with RACK (RFC 8985, 7 and 8).
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

TcpFlight& TcpCore::flight_of(Connection& c) {
  if (c.flight == nullptr) {
    c.flight = flights_.create();
    *c.flight = TcpFlight(c.snd_una);
    c.flight->rack.rtt_us = c.srtt_us;
    c.flight->rack.fack = c.flight->ecn_recover = c.snd_una;
  }
  return *c.flight;
}

void TcpCore::drop_flight(Connection& c) {
  if (c.flight == nullptr) return;
  c.flight->board.clear(transmissions_);
  flights_.destroy(std::exchange(c.flight, nullptr));
}

// Everything is acknowledged. What may still come is the D-SACK of a probe or of a retransmission; it is not waited for
// much longer than a round trip, so that an idle connection holds nothing.
void TcpCore::settle_flight(Connection& c) {
  TcpFlight& f = *c.flight;
  if (!f.tlp_pending && !(c.sack && f.undo.possible && f.undo.retransmitted)) return drop_flight(c);
  f.reordering = f.probe_due = false;
  f.loss_ms = in_ms(Duration::microseconds(2 * std::int64_t{c.srtt_us}) + options.max_ack_delay);
}

// 7.2, after new data was sent, and after an ACK that moved SND.UNA.
void TcpCore::schedule_loss_probe(Connection& c) {
  TcpFlight& f = *c.flight;
  if (f.reordering || f.probe_due) return;
  f.loss_ms = 0;
  if (!c.sack || c.in_recovery() || f.board.sacked() != 0 || f.tlp_pending || c.everything_acked()) return;
  Duration pto = Duration::seconds(1);
  if (c.srtt_us != 0) {
    pto = Duration::microseconds(2 * std::int64_t{c.srtt_us});
    if (f.board.one_segment(c.mss)) pto = pto + options.max_ack_delay;
  }
  f.loss_ms = in_ms(pto);
  if (c.retransmit_ms != 0 && before_ms(c.retransmit_ms, f.loss_ms)) f.loss_ms = c.retransmit_ms;
}

void TcpCore::on_loss_timer(Connection& c) {
  TcpFlight& f = *c.flight;
  f.loss_ms = 0;
  if (c.everything_acked()) return drop_flight(c);
  if (f.reordering) {
    detect_loss(c, {});
    return want_output(c);
  }
  // A probe gives the data another RTO's time (7.3).
  f.probe_due = true;
  set_retransmit(c);
  want_output(c);
}

// 7.3: a new segment if the peer has room for one, whatever the congestion window says, else the last one again.
bool TcpCore::emit_loss_probe(Connection& c, Packet* datagram) {
  TcpFlight& f = *c.flight;
  const Seq edge = c.snd_una + c.snd_wnd;
  const std::uint32_t window = edge > c.snd_nxt ? edge - c.snd_nxt : 0;
  const auto unsent = static_cast<std::uint32_t>(c.unsent.size());
  const std::uint32_t n = std::min({unsent, window, std::uint32_t{c.mss}});
  const bool fresh = n > 0 && (n == unsent || n == c.mss);
  if (fresh) {
    if (!emit_new(c, n, c.fin_queued && !c.fin_sent && n == unsent && window > n, datagram)) return false;
  } else {
    const std::uint32_t last = std::min<std::uint32_t>(c.mss + (c.fin_sent ? 1u : 0u), f.board.bytes());
    if (!emit_retransmission(c, {c.snd_nxt - last, c.snd_nxt}, datagram)) return false;
  }
  ++stats.tlp_probes;
  f.probe_due = false;
  f.tlp_pending = true;
  f.tlp_is_retrans = !fresh;
  f.tlp_end_seq = c.snd_nxt;
  f.loss_ms = 0;
  arm(c);
  return true;
}

// TLP_process_ack() of 7.4.2.
void TcpCore::take_probe_verdict(Connection& c, const AckNews& news) {
  TcpFlight& f = *c.flight;
  if (!f.tlp_pending || c.snd_una < f.tlp_end_seq) return;
  const bool both_arrived = news.has_dsack && news.dsack.right == f.tlp_end_seq;
  if (!f.tlp_is_retrans || both_arrived || news.bare_duplicate) {
    f.tlp_pending = false;
  } else if (c.snd_una > f.tlp_end_seq) {
    // The probe has repaired a loss, which is congestion all the same.
    f.tlp_pending = false;
    ++stats.tlp_recoveries;
    if (!c.in_recovery()) congestion(c).on_loss(c.congestion, window_in_use(c, news), c.mss);
  }
}

}  // namespace weft::net
