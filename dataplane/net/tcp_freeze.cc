// A connection to bytes. It leaves without a word to its peer: another engine goes on with it.
#include "dataplane/net/tcp_core.h"
#include "dataplane/net/tcp_frozen_fields.h"

namespace weft::net {

namespace {

void write_head(FrozenWriter& a, FrozenKind kind, Time now) {
  a("magic", kFrozenMagic);
  a("version", kFrozenVersion);
  a("kind", static_cast<std::uint8_t>(kind));
  a("frozen_ns", static_cast<std::uint64_t>(now.ns()));
}

void write_flight(FrozenWriter& a, const TcpFlight& f) {
  transfer_flight(a, f);
  a("may_join", f.board.may_join());
  a("transmissions", f.board.records());
  for (const Transmission* t = f.board.first(); t != nullptr; t = t->next) transfer_transmission(a, *t);
}

void write_reassembly(FrozenWriter& a, const TcpReassembly& r) {
  a("reassembly.has_fin", r.has_fin());
  a("reassembly.fin", r.has_fin() ? r.fin() : Seq());
  a("reassembly.pieces", r.pieces());
  for (const TcpReassembly::Piece* piece = r.first(); piece != nullptr; piece = piece->next) {
    a("piece.seq", piece->seq);
    a.chain("piece.bytes", piece->bytes);
  }
  a("reassembly.recent", static_cast<std::uint8_t>(r.recent().size()));
  for (Seq seq : r.recent()) a("reassembly.recent", seq);
}

FrozenConnection freeze_time_wait(const TcpTimeWait& t, Time now) {
  FrozenConnection bytes;
  FrozenWriter a(bytes);
  write_head(a, FrozenKind::kTimeWait, now);
  transfer_time_wait(a, t);
  a("ends_tick", t.tick_);
  return bytes;
}

}  // namespace

FrozenConnection TcpCore::freeze(Connection& c) {
  FrozenConnection bytes;
  FrozenWriter a(bytes);
  write_head(a, FrozenKind::kConnection, now);
  transfer_key(a, c.key);
  a("pod", c.pod);
  a("account", accounts.id_of(c.account));
  const Connection& values = c;
  transfer_state(a, values);
  a("has_settings", c.settings != nullptr);
  if (c.settings != nullptr) transfer_settings(a, std::as_const(*c.settings));
  transfer_sending(a, values);
  transfer_receiving(a, values);
  transfer_time(a, values);
  a("has_flight", c.flight != nullptr);
  if (c.flight != nullptr) write_flight(a, *c.flight);
  a("has_reassembly", c.reassembly != nullptr);
  if (c.reassembly != nullptr) write_reassembly(a, *c.reassembly);
  ++stats.frozen;
  leave(c);
  return bytes;
}

void TcpCore::leave(Connection& c) {
  forget_half_open(c);
  if (c.reason == CloseReason::kNone) table.erase(c);
  wheel_.cancel(c);
  drop_send_queue(c);
  drop_reassembly(c);
  drop_flight(c);
  c.received.clear();
  release_received(c, c.receive_memory);
  destroy(c);
}

FrozenConnection TcpCore::freeze_secrets() {
  FrozenConnection bytes;
  FrozenWriter a(bytes);
  write_head(a, FrozenKind::kEngine, now);
  transfer_secret(a, isn.secret().key());
  transfer_secret(a, cookies_.secret().key());
  a("cookies_good_until", static_cast<std::uint64_t>(cookies_good_until_.ns()));
  return bytes;
}

void TcpCore::freeze_rest(const std::function<void(FrozenConnection&&)>& take) {
  take(freeze_secrets());
  for (std::uint32_t i = 0; i < table.connections.slots(); ++i) {
    if (table.connections.lives(i) && table.connections.at(i)->orphan) take(freeze(*table.connections.at(i)));
  }
  for (std::uint32_t i = 0; i < table.time_waits.slots(); ++i) {
    if (!table.time_waits.lives(i)) continue;
    TcpTimeWait& t = *table.time_waits.at(i);
    FrozenConnection bytes = freeze_time_wait(t, now);
    ++stats.frozen;
    forget(t);
    take(std::move(bytes));
  }
}

}  // namespace weft::net
