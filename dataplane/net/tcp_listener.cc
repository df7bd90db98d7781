// Passive opens: every address is listened on, and the owner decides SYN by SYN (RFC 9293, 3.10.7.2).
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

// LISTEN. `isn_above`: the tuple's former incarnation sent up to there.
void TcpCore::listen_input(TcpInput& in, const TcpArrival& arrival, Seq isn_above, bool has_isn_above) {
  const TcpSegment& s = in.segment;
  if (s.is(kRst)) {
    ++stats.drop_reset_no_connection;
    return;
  }
  if (s.is(kAck) && !s.is(kSyn) && take_cookie(in, arrival)) return;
  if (s.is(kAck) || !s.is(kSyn)) {
    ++stats.drop_no_connection;
    reply_reset(arrival.key, in);
    return;
  }
  if (!admit_syn(in, arrival)) return;
  const Seq initial = isn.initial(now, arrival.key);
  hold_text_of_syn(begin_pending(arrival, s, has_isn_above ? later_of(initial, isn_above) : initial), in);
}

// A connection that waits for its owner's decision about `syn`.
TcpCore::Connection& TcpCore::begin_pending(const TcpArrival& arrival, const TcpSegment& syn, Seq initial) {
  Connection& c = create(arrival.key, arrival.pod, arrival.pod);
  c.interception = arrival.interception;
  c.state = TcpState::kSynPending;
  c.snd_una = c.snd_nxt = initial;
  c.half_open = true;
  ++half_open_;
  SynQueue& queue = syn_queues_[arrival.pod];
  ++queue.size;
  queue.order.push(id_of(c));
  if (queue.order.size() > 4 * std::size_t{options.syn_queue_per_pod}) compact(queue);
  take_syn(c, syn);
  raise(c, TcpEventKind::kSyn);
  return c;
}

// Forgets the handshakes that are over, each after three others came: O(1) a SYN.
void TcpCore::compact(SynQueue& queue) {
  for (std::size_t n = queue.order.size(); n > 0; --n) {
    ConnectionId id = queue.order.pop();
    const Connection* c = table.connections.find(id.index, id.generation);
    if (c != nullptr && c->half_open) queue.order.push(std::move(id));
  }
}

bool TcpCore::admit_syn(const TcpInput& in, const TcpArrival& arrival) {
  if (!interfaces.contains(arrival.key.interface)) {
    ++stats.drop_unknown_interface;
    return false;
  }
  if (table.connections.size() >= options.max_connections) {
    ++stats.drop_too_many_connections;
    return false;
  }
  const bool pod_full = pending_of(arrival.pod) >= options.syn_queue_per_pod;
  const bool full = half_open_ >= options.syn_queue;
  if (!pod_full && !full) return true;
  if (options.syn_cookies) {
    answer_with_cookie(in.segment, arrival.key);
    return false;
  }
  if (pod_full) {
    ++stats.drop_syn_pod_queue_full;
    evict_half_open(arrival.pod);
  }
  if (half_open_ < options.syn_queue) return true;
  ++stats.drop_syn_queue_full;
  return false;
}

std::uint32_t TcpCore::pending_of(InterfaceId pod) const {
  const auto it = syn_queues_.find(pod);
  return it == syn_queues_.end() ? 0 : it->second.size;
}

// RFC 4987, 3.6: nothing is kept, so a flood costs no more than its answers. The owner decides once the peer has
// proved its address: who is refused then sees an RST after a SYN-ACK.
void TcpCore::answer_with_cookie(const TcpSegment& syn, const FlowKey& key) {
  TcpSegment s;
  s.seq = cookies_.make(now, key, syn);
  s.ack = syn.seq + 1;
  s.flags = kSyn | kAck;
  s.window = static_cast<std::uint16_t>(std::min(options.receive_buffer_initial, 65'535u));
  s.mss = advertised_mss(key, defaults);
  s.has_timestamps = options.timestamps && syn.has_timestamps;
  if (s.has_timestamps) {
    TcpSegment kept = syn;
    if (!options.window_scale) kept.window_scale = kNoWindowScale;
    kept.sack_permitted = kept.sack_permitted && options.sack;
    s.tsval = TcpSynCookies::stamp(now_ms + isn.timestamp_offset(key), kept);
    s.tsecr = syn.tsval;
    s.sack_permitted = kept.sack_permitted;
    if (kept.window_scale != kNoWindowScale) s.window_scale = window_shift(defaults);
  }
  Packet datagram;
  if (!build_headers(key, s, 0, headers, &datagram)) return;
  cookies_good_until_ = now + TcpSynCookies::kStep * 2;
  ++stats.syn_cookies_sent;
  queue_reply(std::move(datagram));
}

// The ACK of a cookie is a SYN and its handshake in one. What text it carries comes again: its owner has not decided
// yet. True: it was one.
bool TcpCore::take_cookie(const TcpInput& in, const TcpArrival& arrival) {
  if (now >= cookies_good_until_ || !interfaces.contains(arrival.key.interface)) return false;
  const auto syn = cookies_.restore(now, arrival.key, in.segment);
  if (!syn) {
    ++stats.syn_cookies_failed;
    return false;
  }
  if (table.connections.size() >= options.max_connections ||
      pending_of(arrival.pod) >= 2 * options.syn_queue_per_pod || half_open_ >= 2 * options.syn_queue) {
    ++stats.drop_too_many_connections;
    return true;
  }
  ++stats.syn_cookies_received;
  Connection& c = begin_pending(arrival, *syn, in.segment.ack);
  c.from_cookie = true;
  c.snd_wnd = c.max_snd_wnd = std::uint32_t{in.segment.window} << c.snd_wscale;
  c.snd_wl1 = in.segment.seq;
  c.rcv_adv = c.rcv_nxt + std::min(options.receive_buffer_initial, 65'535u);
  return true;
}

// The oldest makes room: in a flood it is the one least likely to be completed still (RFC 4987, 3.3).
void TcpCore::evict_half_open(InterfaceId pod) {
  auto& order = syn_queues_.find(pod)->second.order;
  while (!order.empty()) {
    const ConnectionId id = order.pop();
    Connection* c = table.connections.find(id.index, id.generation);
    if (c != nullptr && c->half_open) return end(*c, CloseReason::kSynQueueFull);
  }
}

// What a SYN says, of either direction of opening.
void TcpCore::take_syn(Connection& c, const TcpSegment& s) {
  c.rcv_nxt = c.last_ack_sent = s.seq + 1;
  c.rcv_adv = c.rcv_nxt;
  c.received_ms = now_ms;
  c.peer_mss = s.mss != 0 ? s.mss : (c.key.local.address.is_v6() ? kDefaultMss6 : kDefaultMss4);
  c.rcv_mss = std::min(c.peer_mss, kDefaultMss4);  // until larger ones come
  c.timestamps = options.timestamps && s.has_timestamps;
  c.sack = options.sack && s.sack_permitted;
  take_ecn_offer(c, s);
  c.window_scale = options.window_scale && s.window_scale != kNoWindowScale;
  c.snd_wscale = c.window_scale ? s.window_scale : 0;
  c.rcv_wscale = c.window_scale ? window_shift(settings_of(c)) : 0;
  c.ts_recent = s.tsval;
  c.ts_recent_ms = now_ms;
  update_mss(c);
  // The window of a SYN is never scaled (RFC 7323, 2.2).
  c.snd_wnd = c.max_snd_wnd = s.window;
  c.snd_wl1 = s.seq;
}

// A SYN waits for its owner's decision: nothing is answered yet.
void TcpCore::pending_input(Connection& c, TcpInput& in) {
  const TcpSegment& s = in.segment;
  if (s.is(kRst)) {
    if (s.seq - c.rcv_nxt <= 65'535) end(c, CloseReason::kSynWithdrawn);
  } else if (s.is(kSyn) && !s.is(kAck) && !c.from_cookie) {
    drop_reassembly(c);
    take_syn(c, s);  // a retransmission, or a new attempt from the same port
  }
  ++stats.drop_syn_waiting;
}

void TcpCore::accept_syn(Connection& c, AccountId account) {
  if (c.state != TcpState::kSynPending) return;
  const std::uint32_t held = c.receive_memory;
  release_received(c, held);
  accounts.leave(std::exchange(c.account, accounts.join(account)));
  hold_received(c, held);
  ++stats.passive_opens;
  c.state = TcpState::kSynReceived;
  if (c.from_cookie) return establish(c);
  c.rcv_wscale = c.window_scale ? window_shift(settings_of(c)) : 0;
  c.syn_due = true;
  want_output(c);
}

void TcpCore::refuse_syn(Connection& c) {
  if (c.reason == CloseReason::kNone) send_reset(c);
  end(c, CloseReason::kRefused);
  orphan(c);
}

}  // namespace weft::net
