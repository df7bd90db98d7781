// Calls of a connection's owner (RFC 9293, 3.10.1 to 3.10.6).
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

// OPEN, active (3.10.1). A tuple in our own TIME-WAIT is taken again when timestamps tell the incarnations apart (RFC
// 6191; RFC 1122 4.2.2.13 allows it with a higher ISN) and a second has passed since the peer's FIN, as in Linux
// (net.ipv4.tcp_tw_reuse_delay): a peer that missed our ACK of it is in LAST-ACK, where a new SYN ends in a reset.
std::expected<ConnectionId, ConnectError> TcpCore::connect(const ConnectRequest& request) {
  FlowKey key = request.key;
  if (!interfaces.contains(key.interface)) return std::unexpected(ConnectError::kUnknownInterface);
  if (table.connections.size() >= options.max_connections) return std::unexpected(ConnectError::kTooManyConnections);
  const auto usable = [this](const FlowKey& k) {
    const auto found = table.find(k);
    if (found.time_wait == nullptr) return found.connection == nullptr;
    return found.time_wait->timestamps && now_ms - found.time_wait->fin_ms >= 1000;
  };
  if (key.local.port == 0) {
    const auto port = ports.allocate(key, isn.port_hash(key), usable);
    if (!port) return std::unexpected(ConnectError::kNoPort);
    key.local.port = *port;
  } else if (!usable(key)) {
    return std::unexpected(ConnectError::kInUse);
  }
  Seq initial = isn.initial(now, key);
  if (TcpTimeWait* old = table.find(key).time_wait; old != nullptr) {
    initial = later_of(initial, old->snd_nxt + 65'536);
    ++stats.time_wait_reused;
    forget(*old);
  }
  Connection& c = create(key, request.pod, request.account);
  c.interception = request.interception;
  c.state = TcpState::kSynSent;
  c.snd_una = c.snd_nxt = initial;
  c.slow_ms = in_ms(request.connect_timeout);
  c.syn_due = true;
  arm(c);
  want_output(c);
  ++stats.active_opens;
  return id_of(c);
}

// SEND (3.10.2).
void TcpCore::send(Connection& c, ByteChain&& bytes) {
  if (c.fin_queued || c.reason != CloseReason::kNone || c.state == TcpState::kSynPending || bytes.empty()) return;
  const Buffer* before = c.sent.empty() ? nullptr : c.sent.back().buffer();
  hold_sent(c, HeldQueue::append(c.unsent, std::move(bytes), headers, stats, before));
  c.unsent.back().mark_end_of_write();
  if (!c.handshaking()) want_output(c);
}

std::size_t TcpCore::send_space(Connection& c) {
  if (c.fin_queued || c.reason != CloseReason::kNone) return 0;
  const std::size_t queued = std::max<std::size_t>(c.sent.size() + c.unsent.size(), c.send_memory / 4);
  const std::size_t limit = settings_of(c).send_buffer_max;
  const std::size_t own = queued < limit ? limit - queued : 0;
  const std::size_t space = std::min<std::size_t>(own, accounts.room(c.account, Held::kSent));
  if (space != 0) return space;
  c.wants_space = true;
  if (own != 0) wait_for_account(c, Held::kSent);
  return 0;
}

// RECEIVE (3.10.3), and the receiver's silly window avoidance: an update goes out when it doubles the window that the
// peer sees, or opens half of the buffer (3.8.6.2.2).
ByteChain TcpCore::receive(Connection& c, std::size_t max) {
  std::uint64_t released = 0;
  ByteChain bytes = HeldQueue::take(c.received, std::min(max, c.received.size()), &released);
  const auto taken = static_cast<std::uint32_t>(bytes.size());
  release_received(c, released);
  if (taken == 0 || !c.receives()) return bytes;
  // A reader that keeps up through a whole buffer gets a larger one.
  c.rcv_consumed += taken;
  if (c.rcv_consumed >= c.rcv_buffer) {
    c.rcv_consumed = 0;
    c.rcv_buffer = std::min(c.rcv_buffer * 2, std::max(settings_of(c).receive_buffer_max, c.rcv_buffer));
  }
  const std::uint32_t current = c.receive_window();
  const std::uint32_t target = window_target(c);
  const std::uint32_t step = std::min<std::uint32_t>(c.rcv_buffer / 2, std::max<std::uint32_t>(c.rcv_mss, 1));
  if (target >= current + step && (target >= 2 * current || target - current >= c.rcv_buffer / 2)) ack_now(c);
  return bytes;
}

// CLOSE (3.10.4), the sending half.
void TcpCore::shutdown_send(Connection& c) {
  if (c.fin_queued) return;
  switch (c.state) {
    case TcpState::kSynSent:
    case TcpState::kSynReceived: break;  // FIN follows once established
    case TcpState::kEstablished: c.state = TcpState::kFinWait1; break;
    case TcpState::kCloseWait: c.state = TcpState::kLastAck; break;
    default: return;
  }
  c.fin_queued = true;
  if (!c.handshaking()) want_output(c);
}

void TcpCore::close(Connection& c) {
  if (c.state == TcpState::kSynPending) return abort(c);
  const bool unread = !c.received.empty();
  const bool open = c.reason == CloseReason::kNone;
  orphan(c);
  if (!open) return;
  // Nobody will read what came: the peer must not believe that somebody did (RFC 2525, 2.17).
  if (unread) return end_with_reset(c, CloseReason::kAborted);
  if (c.state == TcpState::kSynSent) return end(c, CloseReason::kAborted);
  shutdown_send(c);
  if (c.state == TcpState::kFinWait2) {
    c.slow_ms = in_ms(options.fin_wait_2);
    arm(c);
  }
}

// ABORT (3.10.5).
void TcpCore::abort(Connection& c) {
  if (c.state == TcpState::kSynPending) return refuse_syn(c);
  const bool open = c.reason == CloseReason::kNone;
  // Both FINs are on their way: there is nothing to reset.
  const bool closing = c.fin_sent && (c.state == TcpState::kClosing || c.state == TcpState::kLastAck);
  orphan(c);
  if (open) closing ? end(c, CloseReason::kAborted) : end_with_reset(c, CloseReason::kAborted);
}

// STATUS (3.10.6).
TcpInfo TcpCore::info(const Connection& c) const {
  TcpInfo i;
  i.state = c.state;
  i.reason = c.reason;
  i.timestamps = c.timestamps;
  i.sack = c.sack;
  i.window_scale = c.window_scale;
  i.snd_wscale = c.snd_wscale;
  i.rcv_wscale = c.rcv_wscale;
  i.retries = c.retries;
  i.keepalives = c.keepalives;
  i.srtt = Duration::microseconds(c.srtt_us);
  i.rttvar = Duration::microseconds(c.rttvar_us);
  i.rto = Duration::milliseconds(c.rto_ms);
  i.mss = c.mss;
  i.advertised_mss = advertised_mss(c.key, settings_of(c));
  i.receive_mss = c.rcv_mss;
  i.path_mtu = c.path_mtu;
  i.cwnd = c.congestion.cwnd;
  i.ssthresh = c.congestion.ssthresh;
  i.send_window = c.snd_wnd;
  i.receive_window = c.receive_window();
  i.bytes_in = c.bytes_in;
  i.bytes_out = c.bytes_out;
  i.retransmits = c.retransmits;
  i.send_queue = static_cast<std::uint32_t>(c.sent.size() + c.unsent.size());
  i.receive_queue = static_cast<std::uint32_t>(c.received.size());
  i.out_of_order = c.reassembly != nullptr ? c.reassembly->bytes() : 0;
  i.receive_buffer = c.rcv_buffer;
  i.memory = c.send_memory + c.receive_memory;
  describe_flight(c, i);
  return i;
}

void TcpCore::describe_flight(const Connection& c, TcpInfo& i) const {
  if (c.reason != CloseReason::kNone) return;  // what was in flight is nobody's any more
  i.in_flight = flight_size(c);
  if (c.flight == nullptr) return;
  const TcpScoreboard& board = c.flight->board;
  i.sacked = board.sacked();
  i.lost = board.lost();
  i.retransmitted = board.retransmitted();
}

void TcpCore::abort_all_of(InterfaceId pod) {
  for (std::uint32_t i = 0; i < table.connections.slots(); ++i) {
    if (!table.connections.lives(i)) continue;
    Connection& c = *table.connections.at(i);
    if (c.pod != pod || c.reason != CloseReason::kNone) continue;
    if (c.state == TcpState::kSynPending) send_reset(c);
    end_with_reset(c, CloseReason::kAborted);
  }
  syn_queues_.erase(pod);
  for (std::uint32_t i = 0; i < table.time_waits.slots(); ++i) {
    if (table.time_waits.lives(i) && table.time_waits.at(i)->pod == pod) forget(*table.time_waits.at(i));
  }
}

}  // namespace weft::net
