// TIME-WAIT: what remains of a connection that we closed first (RFC 9293, 3.10.7.4; RFC 6191; RFC 1337).
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

void TcpCore::enter_time_wait(Connection& c) {
  if (c.acks_due > 0) send_ack(c);  // of the peer's FIN; the ACK of our own needs no answer
  if (table.time_waits.size() >= options.max_time_wait) {
    // The freed slot is the next one filled, so a hand that goes round finds the longest-filled next.
    do time_wait_hand_ = (time_wait_hand_ + 1) % table.time_waits.slots();
    while (!table.time_waits.lives(time_wait_hand_));
    ++stats.time_wait_evicted;
    forget(*table.time_waits.at(time_wait_hand_));
  }
  const std::uint32_t index = table.time_waits.create();
  TcpTimeWait& t = *table.time_waits.at(index);
  t.index = index;
  t.key = c.key;
  t.pod = c.pod;
  t.snd_nxt = c.snd_nxt;
  t.rcv_nxt = c.rcv_nxt;
  t.window = std::max(c.receive_window(), 1u);
  t.window_field = static_cast<std::uint16_t>(std::min(c.receive_window() >> c.rcv_wscale, 65'535u));
  t.timestamps = c.timestamps;
  t.ts_recent = c.ts_recent;
  t.ts_offset = c.ts_offset;
  t.fin_ms = now_ms;
  end(c, CloseReason::kOrderly);
  c.state = TcpState::kTimeWait;
  table.insert(t);
  time_wait_wheel_.schedule(t, TimerWheel<TcpTimeWait>::tick_at_or_after(now + options.time_wait));
  ++stats.time_wait_entered;
}

void TcpCore::forget(TcpTimeWait& t) {
  time_wait_wheel_.cancel(t);
  table.erase(t);
  table.time_waits.destroy(t.index);
}

void TcpCore::time_wait_input(TcpTimeWait& t, TcpInput& in, const TcpArrival& arrival) {
  const TcpSegment& s = in.segment;
  const bool stamped = t.timestamps && s.has_timestamps;
  const bool old_stamp = stamped && static_cast<std::int32_t>(s.tsval - t.ts_recent) < 0;
  // A new incarnation begins above the old one, by its timestamp or, without, by its number (RFC 6191, 2).
  if (s.is(kSyn) && !s.is(kRst) && !s.is(kAck) && !old_stamp &&
      (s.seq > t.rcv_nxt || (stamped && s.tsval != t.ts_recent))) {
    const Seq above = t.snd_nxt + 65'536;
    ++stats.time_wait_reused;
    forget(t);
    return listen_input(in, arrival, above, true);
  }
  ++stats.drop_time_wait;
  // An RST must not end TIME-WAIT early (RFC 1337). A plain ACK that we expect needs no answer.
  if (s.is(kRst)) return;
  if (in.length() == 0 && s.seq == t.rcv_nxt && s.ack <= t.snd_nxt && !old_stamp) return;
  // The peer's FIN again: our ACK was lost, and the 2 MSL begin anew.
  if (s.is(kFin) && !old_stamp && s.seq + in.length() == t.rcv_nxt) {
    time_wait_wheel_.schedule(t, TimerWheel<TcpTimeWait>::tick_at_or_after(now + options.time_wait));
    t.fin_ms = now_ms;
  } else if (!take_challenge_token()) {
    return;
  }
  TcpSegment ack;
  ack.seq = t.snd_nxt;
  ack.ack = t.rcv_nxt;
  ack.flags = kAck;
  ack.window = t.window_field;
  ack.has_timestamps = t.timestamps;
  ack.tsval = now_ms + t.ts_offset;
  ack.tsecr = t.ts_recent;
  Packet datagram;
  if (build_headers(t.key, ack, 0, headers, &datagram)) queue_reply(std::move(datagram));
}

}  // namespace weft::net
