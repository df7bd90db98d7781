// The third step of the handshake, and what came with its first (RFC 9293, 3.5 and 3.10.7.4, fifth, SYN-RECEIVED).
#include "dataplane/net/tcp_core.h"

namespace weft::net {

bool TcpCore::complete_handshake(Connection& c, TcpInput& in) {
  const TcpSegment& s = in.segment;
  if (s.ack <= c.snd_una || s.ack > c.snd_nxt) {
    ++stats.drop_ack_unacceptable;
    reply_reset(c.key, in);
    return false;
  }
  measure_handshake(c, s);
  c.snd_una = c.snd_una + 1;
  c.syn_due = false;
  c.snd_wnd = std::uint32_t{s.window} << c.snd_wscale;
  c.max_snd_wnd = std::max(c.max_snd_wnd, c.snd_wnd);
  c.snd_wl1 = s.seq;
  establish(c);
  if (c.reassembly != nullptr) take_text_of_syn(c, in);
  return c.reason == CloseReason::kNone;
}

// What waited since the SYN is in order now. An owner that has gone meanwhile will not read it (RFC 2525, 2.17).
void TcpCore::take_text_of_syn(Connection& c, TcpInput& in) {
  if (c.orphan && c.reassembly->bytes() != 0) return end_with_reset(c, CloseReason::kAborted);
  fill_holes(c);
  c.rcv_adv = later_of(c.rcv_adv, c.rcv_nxt);
  if (!c.received.empty()) raise(c, TcpEventKind::kReadable);
  trim_to_window(c, in);
  ack_now(c);
}

// Text or FIN that came with a SYN waits until ESTABLISHED (RFC 9293, 3.10.7.2 and 3.10.7.3), as what waits for a hole
// does. It is not acknowledged before, and an account without room does without it: the peer sends it again.
void TcpCore::hold_text_of_syn(Connection& c, TcpInput& in) {
  if (c.reassembly != nullptr || (in.payload.empty() && !in.segment.is(kFin))) return;
  const std::uint32_t size = in.payload_size();
  const std::uint64_t room = accounts.room(c.account, Held::kReceived);
  if (size > c.rcv_buffer || HeldQueue::cost({}, in.payload, headers) > room / 4) return;
  c.reassembly = reassemblies_.create();
  if (size != 0) c.reassembly->insert(c.rcv_nxt, std::move(in.payload), pieces_, headers, stats);
  hold_received(c, c.reassembly->held());
  if (in.segment.is(kFin)) c.reassembly->insert_fin(c.rcv_nxt + size);
}

}  // namespace weft::net
