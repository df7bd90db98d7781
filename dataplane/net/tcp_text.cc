// Segment text: in order, or kept until a hole is filled, and when it is acknowledged (RFC 9293, 3.10.7.4, seventh).
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

// Seventh.
void TcpCore::take_text(Connection& c, TcpInput& in) {
  if (in.payload.empty()) return;
  if (!c.receives()) {
    ++stats.drop_after_fin;
    return;
  }
  // The owner is gone and nobody will read it (RFC 9293, 3.10.4; RFC 2525, 2.17): answered as by a connection that is
  // no more (3.10.7.1), with the number that the peer expects by its ACK.
  if (c.orphan) {
    reply_reset(c.key, in);
    return end(c, CloseReason::kAborted);
  }
  if (now_ms - c.received_ms > c.rto_ms) quicken_acks(c);
  c.rcv_mss = static_cast<std::uint16_t>(std::max<std::uint32_t>(c.rcv_mss, std::min(in.segment_size, 65'000u)));
  if (in.segment.seq == c.rcv_nxt) {
    take_in_order(c, in);
  } else {
    take_out_of_order(c, in);
  }
}

void TcpCore::take_in_order(Connection& c, TcpInput& in) {
  const std::uint32_t size = in.payload_size();
  if (!make_room(c, HeldQueue::cost(c.received, in.payload, headers))) {
    in.segment.flags = static_cast<std::uint8_t>(in.segment.flags & ~kFin);
    // Were each refusal acknowledged, the peer would send the segment again each round trip until somebody reads.
    if (may_answer(c)) ack_now(c);
    return;
  }
  hold_received(c, HeldQueue::append(c.received, std::move(in.payload), headers, stats));
  c.rcv_nxt += size;
  c.bytes_in += size;
  stats.bytes_in += size;
  in.segment.seq = c.rcv_nxt;
  const bool holes = c.reassembly != nullptr;
  if (holes) fill_holes(c);
  schedule_ack(c, in, holes);
  raise(c, TcpEventKind::kReadable);
}

// The segment reached up to what waits behind a hole.
void TcpCore::fill_holes(Connection& c) {
  std::uint64_t released = 0;
  ByteChain bytes = c.reassembly->take(c.rcv_nxt, pieces_, &released);
  const auto size = static_cast<std::uint32_t>(bytes.size());
  hold_received(c, HeldQueue::append(c.received, std::move(bytes), headers, stats));
  release_received(c, released);
  c.rcv_nxt += size;
  c.bytes_in += size;
  stats.bytes_in += size;
  if (c.reassembly->fin_at(c.rcv_nxt)) {
    drop_reassembly(c);
    take_fin(c);
  } else if (c.reassembly->empty()) {
    drop_reassembly(c);
  }
}

void TcpCore::take_out_of_order(Connection& c, TcpInput& in) {
  const SackBlock text{in.segment.seq, in.segment.seq + in.payload_size()};
  if (c.sack && c.reassembly != nullptr && c.reassembly->came_again(text)) {
    in.segment.seq = text.right;
    in.payload.clear();
    return ack_duplicate(c, text);
  }
  // Each one is answered, so that the peer can count duplicates (RFC 5681, 4.2).
  if (c.acks_due < 64) ++c.acks_due;
  want_output(c);
  const std::uint64_t cost = HeldQueue::cost({}, in.payload, headers);
  // Bytes behind a hole leave three quarters of the room to bytes in order, which fill holes.
  const bool account_full = cost > accounts.room(c.account, Held::kReceived) / 4;
  if (account_full || c.receive_memory + cost > receive_memory_limit(c) / 2) {
    ++(account_full ? stats.drop_account_memory : stats.drop_connection_memory);
    in.segment.flags = static_cast<std::uint8_t>(in.segment.flags & ~kFin);
    return;
  }
  if (c.reassembly == nullptr) c.reassembly = reassemblies_.create();
  const std::uint64_t before = c.reassembly->held();
  const Seq seq = in.segment.seq;
  const std::uint32_t size = in.payload_size();
  const bool kept = c.reassembly->insert(seq, std::move(in.payload), pieces_, headers, stats);
  const std::uint64_t after = c.reassembly->held();
  if (after > before) hold_received(c, after - before);
  if (after < before) release_received(c, before - after);
  ++(kept ? stats.out_of_order : stats.drop_reassembly_full);
  if (kept) {
    in.segment.seq = seq + size;
  } else {
    in.segment.flags = static_cast<std::uint8_t>(in.segment.flags & ~kFin);
  }
}

// RFC 9293 3.8.6.3 and RFC 5681 4.2: an ACK for every second full segment, at once when a hole was filled, else soon.
void TcpCore::schedule_ack(Connection& c, const TcpInput& in, bool filled) {
  const std::uint32_t unacked = c.rcv_nxt - c.last_ack_sent;
  if (filled || c.acks_quickly() || unacked >= 2u * std::max<std::uint32_t>(c.rcv_mss, 1) || in.segment.is(kFin)) {
    return ack_now(c);
  }
  if (c.ack_ms == 0) c.ack_ms = in_ms(options.delayed_ack);
}

}  // namespace weft::net
