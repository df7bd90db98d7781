// Datagrams out: what a connection has to say, one (super-)segment at a time, in turn with the others.
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

namespace {

// PSH (RFC 9293, 3.9.1.2): some write ends in this segment, also when it is sent again. Of a super-segment only its end
// is looked at: a device puts PSH on the last wire segment.
bool pushes(const ByteChain& text, std::uint32_t mss) {
  return text.size() > mss ? text.back().ends_write() : text.holds_end_of_write();
}

}  // namespace

bool TcpCore::poll_output(Packet* datagram) {
  if (!replies_.empty()) {
    *datagram = replies_.pop();
    ++stats.segments_out;
    return true;
  }
  while (!output_.empty()) {
    const ConnectionId id = output_.pop();
    Connection* c = table.connections.find(id.index, id.generation);
    if (c == nullptr) continue;
    c->output_queued = false;
    if (c->reason != CloseReason::kNone || !produce(*c, datagram)) continue;
    want_output(*c);
    ++stats.segments_out;
    return true;
  }
  return false;
}

void TcpCore::want_output(Connection& c) {
  if (c.output_queued || c.reason != CloseReason::kNone) return;
  c.output_queued = true;
  output_.push(id_of(c));
}

// False: nothing more to say now.
bool TcpCore::produce(Connection& c, Packet* datagram) {
  *datagram = Packet();
  if (c.handshaking()) {
    if (c.syn_due) return emit_syn(c, datagram);
    return c.state == TcpState::kSynReceived && c.acks_due > 0 && emit_ack(c, datagram);
  }
  if (c.state == TcpState::kSynPending) return false;
  // While there is a hole the ACKs must say where, and each on its own: the peer counts them.
  if (c.acks_due > 0 && c.reassembly != nullptr) return emit_ack(c, datagram);
  if (c.flight != nullptr && c.flight->probe_due) return emit_loss_probe(c, datagram);
  SackBlock range;
  if (next_retransmission(c, &range)) return emit_retransmission(c, range, datagram);
  if (c.has_to_send()) {
    restart_after_idle(c);
    bool fin = false;
    const std::uint32_t n = sendable(c, &fin);
    if (n > 0 || fin) return emit_new(c, n, fin, datagram);
    arm_persist(c);
  }
  if (c.probe_due) return emit_probe(c, datagram);
  return c.acks_due > 0 && emit_ack(c, datagram);
}

bool TcpCore::emit_syn(Connection& c, Packet* datagram) {
  TcpSegment s;
  const bool answer = c.state == TcpState::kSynReceived;
  s.seq = c.snd_una;
  s.flags = static_cast<std::uint8_t>((answer ? kSyn | kAck : kSyn) | ecn_offer(c));
  s.mss = advertised_mss(c.key, settings_of(c));
  // A SYN offers; a SYN-ACK repeats what was offered.
  s.has_timestamps = answer ? c.timestamps : options.timestamps;
  s.sack_permitted = answer ? c.sack : options.sack;
  if (answer ? c.window_scale : options.window_scale) s.window_scale = window_shift(settings_of(c));
  if (!emit(c, s, {}, datagram)) return false;
  c.syn_due = false;
  const Seq end = c.snd_una + 1;
  if (c.snd_nxt == end) {
    ++stats.retransmits;
    ++c.retransmits;
  } else {
    c.syn_us = now_us;
  }
  c.snd_nxt = end;
  if (c.retransmit_ms == 0) set_retransmit(c);
  arm(c);
  return true;
}

bool TcpCore::emit_retransmission(Connection& c, SackBlock range, Packet* datagram) {
  const Seq data_end = c.snd_una + static_cast<std::uint32_t>(c.sent.size());
  const std::uint32_t n = earlier_of(range.right, data_end) - range.left;
  TcpSegment s;
  s.seq = range.left;
  s.flags = kAck;
  ByteChain bytes = c.sent.share(range.left - c.snd_una, n);
  if (pushes(bytes, c.mss)) s.flags |= kPsh;
  if (range.right > data_end) s.flags |= kFin;
  if (!emit(c, s, std::move(bytes), datagram)) return false;
  stats.bytes_out += n;
  c.retransmit_due = false;
  c.flight->board.on_retransmitted(range, now_us, transmissions_);
  c.flight->prr.on_sent(n);
  note_retransmission(c, n);
  const std::uint32_t segments = std::max(1u, (n + c.mss - 1u) / c.mss);
  stats.retransmits += segments;
  c.retransmits += segments;
  // As Linux: the queue that has just overflowed has made round trips longer than the timeout knows.
  if (c.retransmit_ms == 0 || (c.recovering && range.left == c.snd_una)) set_retransmit(c);
  arm(c);
  return true;
}

// How much new data goes out now, and whether FIN goes with it: RFC 9293, 3.8.6.2.1, the sender's silly window
// avoidance, under the peer's window and ours.
std::uint32_t TcpCore::sendable(Connection& c, bool* fin) {
  *fin = false;
  const Seq edge = c.snd_una + c.snd_wnd;
  const std::uint32_t window = edge > c.snd_nxt ? edge - c.snd_nxt : 0;
  const std::uint32_t used = pipe(c);
  const auto queued = static_cast<std::uint32_t>(c.unsent.size());
  std::uint32_t n = std::min({queued, window, super_segment_limit(c)});
  if (used + n > c.congestion.cwnd) {
    c.cwnd_limited = true;
    const std::uint32_t budget = c.congestion.cwnd > used ? c.congestion.cwnd - used : 0;
    if (budget < std::min<std::uint32_t>(queued, c.mss) && used > 0) return 0;
    n = std::min(n, std::max<std::uint32_t>(budget, c.mss));
  } else if (n == queued || n == window) {
    c.cwnd_limited = used + n + c.mss > c.congestion.cwnd || (c.cwnd_limited && used + n > c.congestion.cwnd / 2);
  }
  const bool held = holds_small(c);
  if ((n < queued || held) && n > c.mss) n -= n % c.mss;
  if (n > 0 && n < c.mss && (n < queued || held) && n < c.max_snd_wnd / 2) return 0;
  *fin = c.fin_queued && !c.fin_sent && n == queued && window > n;
  return n;
}

// Nagle's algorithm (RFC 9293, 3.7.4) in Minshall's variant, as Linux has it: only a small segment that is not
// acknowledged holds back the next small one, so that the tail of a large write does not wait for a delayed ACK.
bool TcpCore::holds_small(const Connection& c) const {
  return c.nagle && !c.fin_queued && c.small_end > c.snd_una && c.small_end <= c.snd_nxt;
}

bool TcpCore::emit_new(Connection& c, std::uint32_t n, bool fin, Packet* datagram) {
  // CWR belongs to one segment, and not every device cuts super-segments so (VIRTIO_NET_HDR_GSO_ECN).
  fin = fin && !(c.cwr_due && n > c.mss);
  if (c.cwr_due) n = std::min<std::uint32_t>(n, c.mss);
  ByteChain bytes = c.unsent.take_front(n);
  TcpSegment s;
  s.seq = c.snd_nxt;
  s.flags = kAck;
  s.ect = c.ecn && n > 0 && !c.probe_due;
  const bool cwr = c.cwr_due && n > 0;
  if (cwr) s.flags |= kCwr;
  if (pushes(bytes, c.mss)) s.flags |= kPsh;
  if (fin) s.flags |= kFin;
  if (!emit(c, s, bytes.share(0, n), datagram)) {
    bytes.append(std::move(c.unsent));
    c.unsent = std::move(bytes);
    return false;
  }
  if (c.everything_acked()) c.progress_ms = now_ms;
  c.sent.append(std::move(bytes));
  TcpFlight& f = flight_of(c);
  f.prr.on_sent(n);
  c.snd_nxt += n + (fin ? 1 : 0);
  f.board.on_sent(c.snd_nxt, now_us, c.srtt_us / 32, transmissions_);
  if (n % c.mss != 0) c.small_end = c.snd_nxt;
  c.fin_sent = fin;
  if (cwr) c.cwr_due = false;
  c.probe_due = false;
  c.sent_ms = now_ms;
  stats.bytes_out += n;
  // A deadline that is there is that of what is in flight, or of a probe that this segment replaces.
  if (c.retransmit_ms == 0 || c.snd_una + n + (fin ? 1 : 0) == c.snd_nxt) set_retransmit(c);
  schedule_loss_probe(c);
  arm(c);
  return true;
}

// A window probe: what little fits, against silly windows, or else a number that was acknowledged already, which the
// peer must answer as unacceptable (RFC 9293, 3.8.6.1). A keepalive is the same (3.8.4).
bool TcpCore::emit_probe(Connection& c, Packet* datagram) {
  const Seq edge = c.snd_una + c.snd_wnd;
  if (c.everything_acked() && edge > c.snd_nxt && c.has_to_send()) {
    const std::uint32_t n = std::min<std::uint32_t>(edge - c.snd_nxt, static_cast<std::uint32_t>(c.unsent.size()));
    const bool fin = c.fin_queued && n == c.unsent.size() && edge - c.snd_nxt > n;
    if (n > 0 || fin) return emit_new(c, std::min<std::uint32_t>(n, c.mss), fin && n <= c.mss, datagram);
  }
  c.probe_due = false;
  TcpSegment s;
  s.seq = c.snd_una - 1;
  s.flags = kAck;
  return emit(c, s, {}, datagram);
}

bool TcpCore::emit_ack(Connection& c, Packet* datagram) {
  TcpSegment s;
  s.seq = c.snd_nxt;
  s.flags = kAck;
  add_sack_blocks(c, s);
  const auto due = static_cast<std::uint8_t>(c.acks_due - 1);
  if (!emit(c, s, {}, datagram)) return false;
  if (c.reassembly != nullptr) c.acks_due = due;
  return true;
}

// Everything of a connection leaves through here: what every segment carries (ACK, window, timestamps), and what its
// leaving settles.
bool TcpCore::emit(Connection& c, TcpSegment& s, ByteChain&& payload, Packet* datagram) {
  const auto n = static_cast<std::uint32_t>(payload.size());
  if (!s.is(kSyn)) s.has_timestamps = c.timestamps;
  if (!s.is(kSyn) && c.ecn_echo) s.flags |= kEce;
  fill_ack_fields(c, s);
  if (!build_headers(c.key, s, n, headers, datagram)) {
    ++stats.drop_header_pool;
    // Try again soon: whoever holds the buffers will have given some back.
    if (c.retransmit_ms == 0 && !c.everything_acked()) set_retransmit(c);
    if (c.ack_ms == 0) c.ack_ms = in_ms(Duration::milliseconds(10));
    arm(c);
    return false;
  }
  if (n > c.mss) {
    datagram->offload.gso = c.key.local.address.is_v6() ? GsoType::kTcp6 : GsoType::kTcp4;
    datagram->offload.gso_size = c.mss;
  }
  datagram->bytes.append(std::move(payload));
  // What carries an old number the peer drops, and its ACK with it: a probe stands for no ACK that is owed.
  if (s.is(kAck) && s.seq >= c.snd_una) {
    c.last_ack_sent = c.rcv_nxt;
    c.acks_due = 0;
    if (c.quick_acks > 0) --c.quick_acks;
    if (c.ack_ms != 0) {
      c.ack_ms = 0;
      arm(c);
    }
  }
  return true;
}

void TcpCore::fill_ack_fields(Connection& c, TcpSegment& s) {
  if (s.is(kAck)) s.ack = c.rcv_nxt;
  if (s.has_timestamps) {
    s.tsval = now_ms + c.ts_offset;
    s.tsecr = s.is(kAck) ? c.ts_recent : 0;
  }
  s.window = s.is(kSyn) && !s.is(kAck) ? static_cast<std::uint16_t>(std::min(c.rcv_buffer, 65'535u))
                                        : select_window(c, s.is(kSyn) ? 0 : c.rcv_wscale);
}

// The window field: the right edge moves only right, and only by steps worth sending (RFC 9293, 3.8.6.2.2).
std::uint16_t TcpCore::select_window(Connection& c, std::uint8_t scale) {
  const std::uint32_t current = c.receive_window();
  const std::uint32_t target = window_target(c);
  const std::uint32_t step = std::min<std::uint32_t>(c.rcv_buffer / 2, c.rcv_mss);
  const std::uint32_t window = target >= current + step ? target : current;
  std::uint32_t field = std::min(window >> scale, 65'535u);
  if (field << scale < current && field < 65'535u) ++field;
  if (!c.receives() && !c.handshaking()) return static_cast<std::uint16_t>(field);
  c.rcv_adv = later_of(c.rcv_adv, c.rcv_nxt + (field << scale));
  return static_cast<std::uint16_t>(field);
}

// Behind a D-SACK block, if there is one.
void TcpCore::add_sack_blocks(const Connection& c, TcpSegment& s) const {
  if (!c.sack || c.reassembly == nullptr || c.handshaking()) return;
  std::array<SackBlock, 4> blocks;
  const std::uint8_t n = c.reassembly->sack_blocks(blocks, (c.timestamps ? 3u : 4u) - s.sack_count);
  for (std::uint8_t i = 0; i < n; ++i) s.sack[s.sack_count++] = blocks[i];
}

// Something waits, nothing is in flight, and the window is too small: without a probe nobody would ever speak again.
void TcpCore::arm_persist(Connection& c) {
  if (!c.everything_acked() || c.retransmit_ms != 0 || c.probe_due) return;
  c.backoff = 0;
  c.progress_ms = now_ms;
  set_retransmit(c);
  arm(c);
}

// RFC 5681, 4.1, and RFC 2861.
void TcpCore::restart_after_idle(Connection& c) {
  const std::uint32_t idle = now_ms - c.sent_ms;
  if (!c.everything_acked() || idle <= c.rto_ms) return;
  const std::uint32_t restart_window = options.initial_window_segments * c.mss;
  if (c.congestion.cwnd > restart_window) congestion(c).on_idle(c.congestion, restart_window, idle / c.rto_ms);
}

std::uint32_t TcpCore::super_segment_limit(const Connection& c) const {
  auto it = interfaces.find(c.key.interface);
  const std::uint32_t bytes = it == interfaces.end() ? 0 : std::min(it->second.max_gso_bytes, 65'535u);
  const std::uint32_t overhead = ip_header_size(c.key) + kTcpHeaderSize + (c.timestamps ? kTimestampsSize : 0);
  if (bytes <= overhead + c.mss) return c.mss;
  return (bytes - overhead) / c.mss * c.mss;
}

}  // namespace weft::net
