// SEGMENT ARRIVES: RFC 9293, 3.10.7, in its order and with its words.
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

void TcpCore::input(Packet&& datagram, const TcpArrival& arrival) {
  ++stats.segments_in;
  TcpInput in;
  const ByteSpan first = datagram.bytes.empty() ? ByteSpan{} : datagram.bytes.front().bytes();
  if (first.size() < arrival.tcp_offset || !parse_tcp(first.subspan(arrival.tcp_offset), &in.segment)) {
    ++stats.drop_malformed;
    return;
  }
  in.payload = std::move(datagram.bytes);
  in.payload.drop_front(arrival.tcp_offset + std::size_t{in.segment.header_size});
  in.congested = arrival.ecn == Ecn::kCe;
  in.segment_size = datagram.offload.gso_size != 0 ? datagram.offload.gso_size : in.payload_size();

  const auto found = table.find(arrival.key);
  if (found.connection != nullptr) {
    Connection& c = *found.connection;
    if (c.state == TcpState::kSynPending) return pending_input(c, in);
    if (c.state == TcpState::kSynSent) return syn_sent_input(c, in);
    return synchronized_input(c, in);
  }
  if (found.time_wait != nullptr) return time_wait_input(*found.time_wait, in, arrival);
  listen_input(in, arrival, Seq(), false);
}

// 3.10.7.3.
void TcpCore::syn_sent_input(Connection& c, TcpInput& in) {
  const TcpSegment& s = in.segment;
  // First, ACK.
  if (s.is(kAck) && (s.ack <= c.snd_una || s.ack > c.snd_nxt)) {
    ++stats.drop_ack_unacceptable;
    if (!s.is(kRst)) reply_reset(c.key, in);
    return;
  }
  // Second, RST: acceptable only with an ACK of our SYN (RFC 5961, 3.2).
  if (s.is(kRst)) {
    if (!s.is(kAck)) {
      ++stats.drop_reset_unacceptable;
      return;
    }
    ++stats.resets_in;
    return end(c, CloseReason::kRefused);
  }
  // Fourth, SYN.
  if (!s.is(kSyn)) {
    ++stats.drop_no_connection;
    return;
  }
  take_syn(c, s);
  if (!s.is(kAck)) {  // simultaneous open
    c.state = TcpState::kSynReceived;
    c.syn_due = true;
    hold_text_of_syn(c, in);
    return want_output(c);
  }
  measure_handshake(c, s);
  c.snd_una = s.ack;
  establish(c);
  ack_now(c);
  // Fifth, data or FIN that came with it.
  in.segment.seq = c.rcv_nxt;
  in.segment.flags = static_cast<std::uint8_t>(s.flags & ~kSyn);
  if (c.rcv_adv == c.rcv_nxt) c.rcv_adv = c.rcv_nxt + std::min(window_target(c), 65'535u);
  trim_to_window(c, in);
  take_text(c, in);
  check_fin(c, in);
  arm(c);
}

// 3.10.7.4. SYN-RECEIVED and later.
void TcpCore::synchronized_input(Connection& c, TcpInput& in) {
  if (predicted(c, in)) {
    ++stats.fast_path;
    if (c.timestamps && in.segment.seq <= c.last_ack_sent) {
      c.ts_recent = in.segment.tsval;
      c.ts_recent_ms = now_ms;
    }
    take_congestion_mark(c, in);
    take_ack(c, in);
    take_text(c, in);
  } else {
    if (!check_timestamps(c, in)) return;
    if (!check_sequence(c, in)) return;  // first
    if (!check_reset(c, in)) return;     // second; third is security, not ours
    if (!check_syn(c, in)) return;       // fourth
    take_congestion_mark(c, in);
    if (!check_ack(c, in)) return;       // fifth; sixth is URG, which is ignored: its bytes stay in line
    take_text(c, in);                    // seventh
    check_fin(c, in);                    // eighth
  }
  c.heard(now_ms);
  if (c.reason == CloseReason::kNone) arm(c);
}

// Header prediction: the next segment of an undisturbed connection, which no check below would stop.
bool TcpCore::predicted(const Connection& c, const TcpInput& in) const {
  const TcpSegment& s = in.segment;
  return c.state == TcpState::kEstablished && (s.flags & (kFin | kSyn | kRst | kAck)) == kAck && s.seq == c.rcv_nxt &&
         c.reassembly == nullptr && s.sack_count == 0 && !c.in_recovery() &&
         s.has_timestamps == c.timestamps &&
         (!c.timestamps || static_cast<std::int32_t>(s.tsval - c.ts_recent) >= 0) &&
         s.ack >= c.snd_una && s.ack <= c.snd_nxt && in.payload.size() <= c.receive_window();
}

// PAWS (RFC 7323, 5.3, R1).
bool TcpCore::check_timestamps(Connection& c, TcpInput& in) {
  const TcpSegment& s = in.segment;
  if (!c.timestamps || s.is(kRst)) return true;
  if (!s.has_timestamps) {
    ++stats.drop_no_timestamp;
    return false;
  }
  // After 24 days of silence TS.Recent says nothing any more (5.5).
  constexpr std::uint32_t kOutdated = 24u * 24 * 3600 * 1000;
  if (static_cast<std::int32_t>(s.tsval - c.ts_recent) < 0 && now_ms - c.ts_recent_ms < kOutdated) {
    ++stats.drop_paws;
    if (!in.payload.empty() || may_answer(c)) ack_now(c);
    return false;
  }
  return true;
}

// First. Is any of it in the window? What is not, is cut off.
bool TcpCore::check_sequence(Connection& c, TcpInput& in) {
  TcpSegment& s = in.segment;
  const std::uint32_t length = in.length();
  const std::uint32_t window = c.receive_window();
  bool acceptable;
  if (length == 0) {
    acceptable = window == 0 ? s.seq == c.rcv_nxt : s.seq - c.rcv_nxt < window;
    // A peer that has used the window up to its edge sends its ACKs from there.
    acceptable = acceptable || s.seq == c.rcv_adv;
  } else if (c.state == TcpState::kSynReceived && s.is(kSyn) && s.is(kAck) && s.ack == c.snd_nxt) {
    acceptable = s.seq + 1 == c.rcv_nxt;  // simultaneous open: the SYN again, with an ACK now (3.5, figure 7)
  } else if (window == 0) {
    // Its text finds no room, but its ACK counts (3.10.7.4: "special allowance should be made").
    acceptable = s.seq == c.rcv_nxt;
    if (acceptable) ack_now(c);
  } else {
    acceptable = s.seq - c.rcv_nxt < window || (s.seq + (length - 1)) - c.rcv_nxt < window ||
                 (s.seq < c.rcv_nxt && s.seq + length > c.rcv_adv);
  }
  if (!acceptable) {
    answer_unacceptable(c, in);
    return false;
  }
  // RFC 7323, 5.3, R3.
  if (c.timestamps && s.has_timestamps && !s.is(kRst) && s.seq <= c.last_ack_sent) {
    c.ts_recent = s.tsval;
    c.ts_recent_ms = now_ms;
  }
  trim_to_window(c, in);
  return true;
}

void TcpCore::answer_unacceptable(Connection& c, const TcpInput& in) {
  const TcpSegment& s = in.segment;
  if (s.is(kRst)) {
    ++stats.drop_reset_unacceptable;
    return;
  }
  ++stats.drop_out_of_window;
  if (c.state == TcpState::kSynReceived && s.is(kSyn) && !s.is(kAck) && s.seq + 1 == c.rcv_nxt) {
    c.syn_due = true;  // the peer has not seen our SYN-ACK
    return want_output(c);
  }
  // Text that came before, a keepalive or a window probe: the peer needs our ACK. Anything else could be made up, so it
  // draws on the limit of all connections.
  const bool probe = in.length() <= 1 && s.seq + 1 == c.rcv_nxt;
  const SackBlock text{s.seq, s.seq + in.payload_size()};
  if (!in.payload.empty() && text.right <= c.rcv_nxt) return ack_duplicate(c, text);
  if (!probe && in.payload.empty()) return challenge_ack(c);
  if (!in.payload.empty() || may_answer(c)) ack_now(c);
}

void TcpCore::trim_to_window(Connection& c, TcpInput& in) {
  TcpSegment& s = in.segment;
  if (s.seq < c.rcv_nxt) {
    std::uint32_t old = c.rcv_nxt - s.seq;
    if (s.is(kSyn)) {
      s.flags = static_cast<std::uint8_t>(s.flags & ~kSyn);
      --old;
    }
    const SackBlock twice{s.seq, s.seq + std::min(old, in.payload_size())};
    if (twice.left != twice.right && !s.is(kRst)) ack_duplicate(c, twice);
    if (old > in.payload_size()) s.flags = static_cast<std::uint8_t>(s.flags & ~kFin);
    in.payload.drop_front(std::min(old, in.payload_size()));
    s.seq = c.rcv_nxt;
    // Something came twice: the ACK for it may have been lost.
    if (old > 0 && (in.length() > 0 || twice.left == twice.right)) ack_now(c);
  }
  const Seq end = s.seq + in.length();
  if (end > c.rcv_adv) {
    std::uint32_t beyond = end - c.rcv_adv;
    if (s.is(kFin)) {
      s.flags = static_cast<std::uint8_t>(s.flags & ~kFin);
      --beyond;
    }
    in.payload.drop_back(std::min(beyond, in.payload_size()));
  }
}

// Second. RFC 5961, 3.2: only the exact number resets, others in the window are asked to prove themselves.
bool TcpCore::check_reset(Connection& c, TcpInput& in) {
  if (!in.segment.is(kRst)) return true;
  if (in.segment.seq != c.rcv_nxt) {
    ++stats.drop_reset_unacceptable;
    challenge_ack(c);
    return false;
  }
  ++stats.resets_in;
  // Both FINs are on their way. The owner may take it for the end only if all its text has arrived.
  const bool closing = c.state == TcpState::kClosing || c.state == TcpState::kLastAck;
  const bool done = closing && c.sent.empty() && c.unsent.empty();
  // Of a simultaneous open: refused, as in SYN-SENT.
  const bool opening = c.state == TcpState::kSynReceived && !c.half_open;
  end(c, done ? CloseReason::kOrderly : opening ? CloseReason::kRefused : CloseReason::kResetByPeer);
  return false;
}

// Fourth. RFC 5961, 4.2.
bool TcpCore::check_syn(Connection& c, TcpInput& in) {
  if (!in.segment.is(kSyn)) return true;
  ++stats.drop_syn_in_window;
  challenge_ack(c);
  return false;
}

// Fifth.
bool TcpCore::check_ack(Connection& c, TcpInput& in) {
  const TcpSegment& s = in.segment;
  if (!s.is(kAck)) {
    ++stats.drop_no_ack;
    return false;
  }
  if (c.state == TcpState::kSynReceived && !complete_handshake(c, in)) return false;
  // RFC 5961, 5.2.
  if (s.ack > c.snd_nxt || s.ack < c.snd_una - c.max_snd_wnd) {
    ++stats.drop_ack_unacceptable;
    challenge_ack(c);
    return false;
  }
  take_ack(c, in);
  return c.reason == CloseReason::kNone;
}

// Eighth.
void TcpCore::check_fin(Connection& c, TcpInput& in) {
  if (!in.segment.is(kFin) || c.reason != CloseReason::kNone || !in.payload.empty()) return;
  if (c.state == TcpState::kTimeWait) return;
  if (!c.receives()) return ack_now(c);  // it came again
  if (in.segment.seq == c.rcv_nxt) {
    drop_reassembly(c);
    return take_fin(c);
  }
  if (c.reassembly == nullptr) c.reassembly = reassemblies_.create();
  c.reassembly->insert_fin(in.segment.seq);
  ack_now(c);
}

void TcpCore::take_fin(Connection& c) {
  c.rcv_nxt += 1;
  if (c.rcv_adv < c.rcv_nxt) c.rcv_adv = c.rcv_nxt;
  raise(c, TcpEventKind::kPeerClosed);
  ack_now(c);
  switch (c.state) {
    case TcpState::kEstablished: c.state = TcpState::kCloseWait; break;
    case TcpState::kFinWait1: c.state = TcpState::kClosing; break;
    case TcpState::kFinWait2: enter_time_wait(c); break;
    default: break;
  }
}

}  // namespace weft::net
