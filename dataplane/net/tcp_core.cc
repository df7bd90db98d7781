#include "dataplane/net/tcp_core.h"

#include <algorithm>
#include <cassert>

namespace weft::net {

TcpCore::TcpCore(const TcpOptions& o, BufferPool& header_pool, Random r)
    : options(o), headers(header_pool), random(r), isn(random), ports(o.worker, o.workers),
      accounts(o.account_limit, o.memory_limit), cookies_(random) {
  assert(headers.buffer_capacity() >= 256);
  set_options(o);
}

TcpCore::~TcpCore() {
  for (std::uint32_t i = 0; i < table.connections.slots(); ++i) {
    if (!table.connections.lives(i)) continue;
    Connection& c = *table.connections.at(i);
    wheel_.cancel(c);
    drop_reassembly(c);
    drop_flight(c);
    drop_settings(c);
  }
}

void TcpCore::begin(Time t) {
  if (t <= now) return;
  now = t;
  now_us = static_cast<std::uint32_t>(t.ns() / 1'000);
  now_tick = t.ns() / 1'000'000;
  // 0 means "not set" in deadlines; the one millisecond in 2^32 that would be 0 is its neighbour.
  now_ms = std::max(static_cast<std::uint32_t>(now_tick), 1u);
}

void TcpCore::bury() {
  while (!dead_.empty()) {
    Connection& c = *table.connections.at(dead_.back());
    dead_.pop_back();
    destroy(c);
  }
}

TcpCore::Connection* TcpCore::find(ConnectionId id) {
  Connection* c = table.connections.find(id.index, id.generation);
  return c == nullptr || c->orphan ? nullptr : c;
}

TcpCore::Connection& TcpCore::create(const FlowKey& key, InterfaceId pod, AccountId account) {
  const std::uint32_t index = table.connections.create();
  Connection& c = *table.connections.at(index);
  c.index = index;
  c.key = key;
  c.pod = pod;
  c.account = accounts.join(account);
  c.rcv_buffer = options.receive_buffer_initial;
  c.rto_ms = static_cast<std::uint32_t>(options.rto_initial.ms());
  quicken_acks(c);
  c.ts_offset = isn.timestamp_offset(key);
  c.nagle = options.nagle;
  c.algorithm = options.congestion;
  c.progress_ms = c.received_ms = c.sent_ms = now_ms;
  c.path_mtu = static_cast<std::uint16_t>(std::min(interfaces[key.interface].mtu, 65'535u));
  update_mss(c);
  table.insert(c);
  return c;
}

// The handshake is complete: snd_una is past our SYN.
void TcpCore::establish(Connection& c) {
  forget_half_open(c);
  const std::uint32_t mss = c.mss;
  const std::uint32_t segments = options.initial_window_segments;
  // RFC 6928; one segment when the SYN or its answer was lost (RFC 5681, 3.1).
  c.congestion.cwnd = c.retransmits > 0 ? mss : std::max(std::min(segments * mss, segments * 1460), 2 * mss);
  c.state = c.fin_queued ? TcpState::kFinWait1 : TcpState::kEstablished;
  c.backoff = c.retries = 0;
  c.small_end = c.snd_una;
  // RFC 6298, 5.7: a SYN timed out, and nothing was measured since.
  if (c.retransmits > 0 && c.srtt_us == 0) c.rto_ms = std::max(c.rto_ms, 3000u);
  c.retransmit_ms = 0;
  c.rtt_round = c.snd_nxt;
  c.progress_ms = now_ms;
  const TcpSettings& settings = settings_of(c);
  c.slow_ms = settings.keepalive ? in_ms(settings.keepalive_idle) : 0;
  ++stats.established;
  raise(c, TcpEventKind::kEstablished);
  want_output(c);
}

void TcpCore::end(Connection& c, CloseReason reason) {
  if (c.doomed || c.reason != CloseReason::kNone) return;
  forget_half_open(c);
  table.erase(c);
  wheel_.cancel(c);
  drop_send_queue(c);
  drop_reassembly(c);
  drop_flight(c);
  c.retransmit_ms = c.ack_ms = c.slow_ms = 0;
  c.state = TcpState::kClosed;
  c.reason = reason;
  if (!c.orphan) {
    raise(c, TcpEventKind::kClosed);
    return;
  }
  c.doomed = true;
  dead_.push_back(c.index);
}

void TcpCore::end_with_reset(Connection& c, CloseReason reason) {
  if (c.synchronized()) send_reset(c);
  end(c, reason);
}

// The owner gave the id up: nothing more is reported, and what it has not read is not wanted.
void TcpCore::orphan(Connection& c) {
  c.orphan = true;
  c.events = 0;
  c.wants_space = false;
  std::uint64_t released = 0;
  HeldQueue::take(c.received, c.received.size(), &released);
  release_received(c, released);
  if (c.reason == CloseReason::kNone) return;
  c.doomed = true;
  dead_.push_back(c.index);
}

void TcpCore::destroy(Connection& c) {
  assert(c.send_memory == 0 && c.receive_memory == 0);
  drop_settings(c);
  accounts.leave(c.account);
  table.connections.destroy(c.index);
}

void TcpCore::raise(Connection& c, TcpEventKind kind) {
  if (c.orphan) return;
  if (c.events == 0) events_.push(id_of(c));
  c.events = static_cast<std::uint8_t>(c.events | 1u << static_cast<unsigned>(kind));
}

// The kinds of one connection come in the order of their enumeration, which is the order in which they make sense.
bool TcpCore::poll_event(TcpEvent* event) {
  while (!events_.empty()) {
    const ConnectionId id = events_.front();
    Connection* c = find(id);
    if (c == nullptr || c->events == 0) {
      events_.pop();
      continue;
    }
    const auto kind = static_cast<std::uint8_t>(__builtin_ctz(c->events));
    c->events = static_cast<std::uint8_t>(c->events & (c->events - 1));
    if (c->events == 0) events_.pop();
    *event = {id, static_cast<TcpEventKind>(kind), c->reason};
    return true;
  }
  return false;
}

void TcpCore::forget_half_open(Connection& c) {
  if (!c.half_open) return;
  c.half_open = false;
  --half_open_;
  SynQueue& queue = syn_queues_.find(c.pod)->second;
  if (--queue.size == 0) queue.order.clear();
}

// ---- memory

// No more than the field can say: an update that cannot be told apart from the last one would go out with each read.
std::uint32_t TcpCore::window_target(const Connection& c) const {
  const std::uint64_t queued = c.received.size();
  const std::uint64_t free = queued < c.rcv_buffer ? c.rcv_buffer - queued : 0;
  const std::uint64_t room = accounts.room(c.account, Held::kReceived);
  return static_cast<std::uint32_t>(std::min({free, room, std::uint64_t{65'535} << c.rcv_wscale}));
}

// Bytes in order may push out what waits behind a hole, the connection's own first: the peer sends that again.
bool TcpCore::make_room(Connection& c, std::uint64_t cost) {
  const std::uint64_t limit = receive_memory_limit(c);
  const auto account_fits = [&] { return cost <= accounts.room(c.account, Held::kReceived); };
  const auto fits = [&] { return account_fits() && c.receive_memory + cost <= limit; };
  if (!fits() && c.reassembly != nullptr) {
    ++stats.drop_reassembly_pruned;
    drop_reassembly(c);
  }
  if (fits()) return true;
  ++(account_fits() ? stats.drop_connection_memory : stats.drop_account_memory);
  wait_for_account(c, Held::kReceived);
  return false;
}

void TcpCore::hold_received(Connection& c, std::uint64_t bytes) {
  c.receive_memory += static_cast<std::uint32_t>(bytes);
  accounts.charge(c.account, Held::kReceived, bytes);
}

void TcpCore::release_received(Connection& c, std::uint64_t bytes) {
  c.receive_memory -= static_cast<std::uint32_t>(bytes);
  if (bytes == 0) return;
  if (const auto account = accounts.release(c.account, Held::kReceived, bytes)) wake_waiters(*account);
}

void TcpCore::hold_sent(Connection& c, std::uint64_t bytes) {
  c.send_memory += static_cast<std::uint32_t>(bytes);
  accounts.charge(c.account, Held::kSent, bytes);
}

void TcpCore::release_sent(Connection& c, std::uint64_t bytes) {
  c.send_memory -= static_cast<std::uint32_t>(bytes);
  if (bytes == 0) return;
  if (const auto account = accounts.release(c.account, Held::kSent, bytes)) wake_waiters(*account);
}

void TcpCore::drop_reassembly(Connection& c) {
  if (c.reassembly == nullptr) return;
  const std::uint64_t held = c.reassembly->clear(pieces_);
  reassemblies_.destroy(std::exchange(c.reassembly, nullptr));
  release_received(c, held);
}

void TcpCore::drop_send_queue(Connection& c) {
  c.sent.clear();
  c.unsent.clear();
  release_sent(c, c.send_memory);
}

void TcpCore::wait_for_account(Connection& c, Held kind) {
  if (kind == Held::kSent ? c.waits_to_send : c.waits_to_receive) return;
  (kind == Held::kSent ? c.waits_to_send : c.waits_to_receive) = true;
  accounts.wait(c.account, kind, id_of(c));
}

void TcpCore::wake_waiters(std::uint32_t account) {
  for (const Held kind : {Held::kReceived, Held::kSent}) {
    accounts.take_waiters(account, kind, woken_);
    for (ConnectionId id : woken_) {
      Connection* c = table.connections.find(id.index, id.generation);
      if (c == nullptr || c->doomed) continue;
      (kind == Held::kSent ? c->waits_to_send : c->waits_to_receive) = false;
      if (c->wants_space && send_space(*c) > 0) {
        c->wants_space = false;
        raise(*c, TcpEventKind::kWritable);
      }
      // The peer may have been told of a closed window because of the others.
      if (c->receives() && window_target(*c) > c->receive_window()) ack_now(*c);
    }
  }
}

}  // namespace weft::net
