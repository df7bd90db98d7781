// A connection from bytes. They come from outside of this process: whatever they say, what is let in is a connection
// that the protocol could have led to, as far as the rest of the engine relies on it.
#include <algorithm>

#include "dataplane/net/tcp_core.h"
#include "dataplane/net/tcp_frozen_fields.h"

namespace weft::net {

namespace {

FrozenKind read_head(FrozenReader& a, Time now) {
  std::uint32_t magic = 0;
  std::uint16_t version = 0;
  FrozenKind kind{};
  std::uint64_t frozen_ns = 0;
  a("magic", magic);
  if (magic != kFrozenMagic) a.fail(ThawProblem::kNotFrozen, "magic");
  a("version", version);
  if (version != kFrozenVersion) a.fail(ThawProblem::kVersion, "version");
  a.enumeration("kind", kind, FrozenKind::kEngine);
  a("frozen_ns", frozen_ns);
  if (frozen_ns > static_cast<std::uint64_t>(now.ns())) a.fail(ThawProblem::kFuture, "frozen_ns");
  return kind;
}

// Which parts a state has.
void check_state(FrozenReader& a, const TcpConnection& c) {
  const bool ended = c.reason != CloseReason::kNone;
  a.require(ended == (c.state == TcpState::kClosed || c.state == TcpState::kTimeWait), "reason");
  a.require(c.half_open ? c.state == TcpState::kSynPending || c.state == TcpState::kSynReceived
                        : c.state != TcpState::kSynPending, "half_open");
  a.require(c.events < 1u << (static_cast<unsigned>(TcpEventKind::kClosed) + 1), "events");
  a.require(!c.orphan || (!ended && c.events == 0 && c.received.empty() && !c.wants_space &&
                          c.state != TcpState::kSynPending), "orphan");
  a.require(c.acks_due <= 64, "acks_due");
  if (ended) {
    a.require(c.sent.empty() && c.unsent.empty() && c.flight == nullptr && c.reassembly == nullptr, "state");
    return;
  }
  const bool closing = c.state == TcpState::kFinWait1 || c.state == TcpState::kFinWait2 ||
                       c.state == TcpState::kClosing || c.state == TcpState::kLastAck;
  const bool opening = c.handshaking() || c.state == TcpState::kSynPending;
  a.require(closing ? c.fin_queued : opening || !c.fin_queued, "fin_queued");
  a.require(!c.fin_sent || (closing && c.unsent.empty()), "fin_sent");
  a.require(opening || (c.congestion.cwnd != 0 && c.congestion.cwnd <= kSequenceSpan), "cwnd");
  a.require(c.congestion.ssthresh != 0, "ssthresh");
  if (opening) a.require(c.sent.empty() && c.received.empty() && c.flight == nullptr, "state");
  if (c.state == TcpState::kSynPending) a.require(c.unsent.empty() && c.snd_nxt == c.snd_una, "snd_nxt");
}

// What is in flight is what `sent` holds, and our SYN or FIN.
void check_sending(FrozenReader& a, const TcpConnection& c) {
  const std::uint32_t in_flight = c.snd_nxt - c.snd_una;
  const auto text = static_cast<std::uint32_t>(c.sent.size());
  if (c.reason == CloseReason::kNone && c.state >= TcpState::kEstablished) {
    const bool fin_acked = c.state == TcpState::kFinWait2;
    a.require(!fin_acked || (c.fin_sent && in_flight == 0), "fin_sent");
    a.require(in_flight == text + (c.fin_sent && !fin_acked ? 1 : 0), "snd_nxt");
    const bool known = c.flight != nullptr && c.flight->board.end() == c.snd_nxt;
    a.require(c.flight == nullptr ? in_flight == 0 && !c.in_recovery() : known, "transmissions");
    a.require(in_flight != 0 || c.flight == nullptr || !c.flight->probe_due, "tlp_probe_due");
  } else if (c.reason == CloseReason::kNone) {
    a.require(in_flight <= 1 && !c.in_recovery(), "snd_nxt");
  }
  a.require(c.snd_wnd <= kSequenceSpan && c.max_snd_wnd <= kSequenceSpan, "snd_wnd");
  a.require(c.snd_wscale <= kMaxWindowScale, "snd_wscale");
  a.require(c.rto_ms != 0 && c.rto_ms <= kSequenceSpan, "rto_ms");
  a.require(c.backoff < 32, "backoff");
}

void check_receiving(FrozenReader& a, const TcpConnection& c) {
  a.require(c.receive_window() <= kSequenceSpan, "rcv_adv");
  a.require(c.rcv_nxt - c.last_ack_sent <= kSequenceSpan, "last_ack_sent");
  a.require(c.rcv_buffer <= kSequenceSpan && c.rcv_consumed <= kSequenceSpan, "rcv_buffer");
  a.require(c.rcv_wscale <= kMaxWindowScale, "rcv_wscale");
}

void check_thawed(FrozenReader& a, const TcpCore& core, const TcpConnection& c) {
  check_state(a, c);
  check_sending(a, c);
  check_receiving(a, c);
  if (!a.ok()) return;
  if (core.table.connections.size() > core.options.max_connections) a.fail(ThawProblem::kTooManyConnections, "");
  if (c.reason != CloseReason::kNone) return;
  if (!core.interfaces.contains(c.key.interface)) a.fail(ThawProblem::kUnknownInterface, "interface");
  if (core.table.contains(c.key)) a.fail(ThawProblem::kInUse, "remote");
}

}  // namespace

std::expected<ConnectionId, ThawError> TcpCore::thaw(ByteSpan frozen, BufferPool& payload) {
  FrozenReader in(frozen, payload, headers);
  const FrozenKind kind = read_head(in, now);
  ConnectionId id;
  if (in.ok() && kind == FrozenKind::kTimeWait) {
    thaw_time_wait(in);
  } else if (in.ok() && kind == FrozenKind::kEngine) {
    thaw_secrets(in);
  } else if (in.ok()) {
    const std::uint32_t index = table.connections.create();
    Connection& c = *table.connections.at(index);
    c.index = index;
    if (!thaw_connection(in, c)) {
      discard(c);
    } else if (!c.orphan) {
      id = id_of(c);
    }
  }
  ++(in.ok() ? stats.thawed : stats.thaw_refused);
  if (!in.ok()) return std::unexpected(in.error());
  return id;
}

bool TcpCore::thaw_connection(FrozenReader& in, Connection& c) {
  AccountId account = kNoInterface;
  bool has_settings = false, has_flight = false, has_reassembly = false;
  transfer_key(in, c.key);
  in("pod", c.pod);
  in("account", account);
  transfer_state(in, c);
  in("has_settings", has_settings);
  if (has_settings) transfer_settings(in, *(c.settings = settings_.create()));
  transfer_sending(in, c);
  transfer_receiving(in, c);
  transfer_time(in, c);
  in("has_flight", has_flight);
  if (has_flight) thaw_flight(in, c);
  in("has_reassembly", has_reassembly);
  if (has_reassembly) thaw_reassembly(in, c);
  in.finish();
  if (in.ok()) check_thawed(in, *this, c);
  if (in.ok()) install(c, account);
  return in.ok();
}

void TcpCore::thaw_flight(FrozenReader& in, Connection& c) {
  c.flight = flights_.create();
  *c.flight = TcpFlight(c.snd_una);
  transfer_flight(in, *c.flight);
  bool may_join = false;
  std::uint32_t records = 0;
  in("may_join", may_join);
  in("transmissions", records);
  for (Seq begin = c.snd_una; in.ok() && records > 0; --records) {
    Transmission t;
    t.begin = begin;
    transfer_transmission(in, t);
    in.require(t.end > t.begin && t.end <= c.snd_nxt && !(t.sacked && t.lost), "transmission.end");
    if (!in.ok()) return;
    c.flight->board.restore(t, transmissions_);
    begin = t.end;
  }
  c.flight->board.set_may_join(may_join);
}

void TcpCore::thaw_reassembly(FrozenReader& in, Connection& c) {
  c.reassembly = reassemblies_.create();
  TcpReassembly& r = *c.reassembly;
  bool has_fin = false;
  Seq fin;
  std::uint32_t pieces = 0;
  in("reassembly.has_fin", has_fin);
  in("reassembly.fin", fin);
  in("reassembly.pieces", pieces);
  // What came with a SYN waits without a hole before it.
  const bool opening = c.handshaking() || c.state == TcpState::kSynPending;
  const std::uint32_t window = opening ? c.rcv_buffer : c.receive_window();
  std::uint32_t lowest = opening ? 0 : 1;
  for (; in.ok() && pieces > 0; --pieces) {
    Seq seq;
    ByteChain bytes;
    in("piece.seq", seq);
    in.chain("piece.bytes", bytes);
    const std::uint32_t at = seq - c.rcv_nxt;
    in.require(!bytes.empty() && at >= lowest && at <= window && bytes.size() <= window - at, "piece.seq");
    if (!in.ok()) return;
    lowest = at + static_cast<std::uint32_t>(bytes.size()) + 1;
    in.require(r.insert(seq, std::move(bytes), pieces_, headers, stats), "reassembly.pieces");
  }
  in.require(!has_fin || (fin - c.rcv_nxt >= (lowest <= 1 ? lowest : lowest - 1) && fin - c.rcv_nxt <= window),
             "reassembly.fin");
  if (in.ok() && has_fin) r.insert_fin(fin);
  in.require(!r.empty(), "reassembly.pieces");
  std::uint8_t count = 0;
  std::array<Seq, 4> recent;
  in("reassembly.recent", count);
  in.require(count <= recent.size(), "reassembly.recent");
  for (std::size_t i = 0; in.ok() && i < count; ++i) in("reassembly.recent", recent[i]);
  if (in.ok()) r.set_recent({recent.data(), count});
}

// It takes its places in the engine's tables, queues and wheel.
void TcpCore::install(Connection& c, AccountId account) {
  c.account = accounts.join(account);
  hold_sent(c, HeldQueue::held(c.sent) + HeldQueue::held(c.unsent));
  hold_received(c, HeldQueue::held(c.received) + (c.reassembly != nullptr ? c.reassembly->held() : 0));
  const bool waits_to_receive = c.waits_to_receive, waits_to_send = c.waits_to_send, speaks = c.output_queued;
  c.waits_to_receive = c.waits_to_send = c.output_queued = false;
  if (waits_to_receive) wait_for_account(c, Held::kReceived);
  if (waits_to_send) wait_for_account(c, Held::kSent);
  if (c.events != 0) events_.push(id_of(c));
  if (c.reason != CloseReason::kNone) return;
  table.insert(c);
  if (c.half_open) {
    ++half_open_;
    SynQueue& queue = syn_queues_[c.pod];
    ++queue.size;
    queue.order.push(id_of(c));
  }
  c.path_mtu = static_cast<std::uint16_t>(std::min<std::uint32_t>(c.path_mtu, interfaces[c.key.interface].mtu));
  update_mss(c);
  // Whatever the bytes said: what is in flight has a timer.
  if (!c.everything_acked() && c.retransmit_ms == 0) set_retransmit(c);
  arm(c);
  if (speaks) want_output(c);
}

// Of a connection that was not let in.
void TcpCore::discard(Connection& c) {
  if (c.reassembly != nullptr) {
    c.reassembly->clear(pieces_);
    reassemblies_.destroy(std::exchange(c.reassembly, nullptr));
  }
  drop_flight(c);
  drop_settings(c);
  table.connections.destroy(c.index);
}

void TcpCore::thaw_secrets(FrozenReader& in) {
  TcpSecret::Key numbers{}, cookies{};
  std::uint64_t good_until_ns = 0;
  transfer_secret(in, numbers);
  transfer_secret(in, cookies);
  in("cookies_good_until", good_until_ns);
  const Time latest = now + TcpSynCookies::kStep * 2;
  in.require(good_until_ns <= static_cast<std::uint64_t>(latest.ns()), "cookies_good_until");
  in.finish();
  if (!in.ok()) return;
  isn.secret().set_key(numbers);
  cookies_.secret().set_key(cookies);
  cookies_good_until_ = Time::from_ns(static_cast<std::int64_t>(good_until_ns));
}

void TcpCore::thaw_time_wait(FrozenReader& in) {
  TcpTimeWait values;
  std::uint64_t ends_tick = 0;
  transfer_time_wait(in, values);
  in("ends_tick", ends_tick);
  in.finish();
  if (in.ok() && !interfaces.contains(values.key.interface)) in.fail(ThawProblem::kUnknownInterface, "interface");
  if (in.ok() && table.contains(values.key)) in.fail(ThawProblem::kInUse, "remote");
  if (in.ok() && table.time_waits.size() >= options.max_time_wait) in.fail(ThawProblem::kTooManyConnections, "");
  if (!in.ok()) return;
  const std::uint32_t index = table.time_waits.create();
  TcpTimeWait& t = *table.time_waits.at(index);
  t = values;
  t.index = index;
  table.insert(t);
  // No longer than one that begins now.
  const std::uint64_t last = TimerWheel<TcpTimeWait>::tick_at_or_after(now + options.time_wait);
  time_wait_wheel_.schedule(t, std::min(ends_tick, last));
}

}  // namespace weft::net
