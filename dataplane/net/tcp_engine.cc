#include "dataplane/net/tcp_engine.h"

#include "dataplane/net/tcp_core.h"

namespace weft::net {

TcpEngine::TcpEngine(const TcpOptions& options, BufferPool& headers, Random random)
    : core_(std::make_unique<TcpCore>(options, headers, random)) {}
TcpEngine::~TcpEngine() = default;

void TcpEngine::input(Time now, Packet&& datagram, const TcpArrival& arrival) {
  core_->begin(now);
  core_->input(std::move(datagram), arrival);
  core_->bury();
}

bool TcpEngine::poll_output(Time now, Packet* datagram) {
  core_->begin(now);
  const bool any = core_->poll_output(datagram);
  core_->bury();
  return any;
}

bool TcpEngine::poll_event(TcpEvent* event) { return core_->poll_event(event); }
Time TcpEngine::deadline() const { return core_->deadline(); }

void TcpEngine::on_timer(Time now) {
  core_->begin(now);
  core_->on_timer();
  core_->bury();
}

void TcpEngine::on_icmp_error(Time now, const FlowKey& key, const IcmpError& error) {
  core_->begin(now);
  core_->on_icmp_error(key, error);
  core_->bury();
}

std::expected<ConnectionId, ConnectError> TcpEngine::connect(Time now, const ConnectRequest& request) {
  core_->begin(now);
  return core_->connect(request);
}

void TcpEngine::accept_syn(Time now, ConnectionId id, AccountId account) {
  core_->begin(now);
  if (auto* c = core_->find(id)) core_->accept_syn(*c, account);
}

void TcpEngine::refuse_syn(Time now, ConnectionId id) {
  core_->begin(now);
  if (auto* c = core_->find(id)) core_->refuse_syn(*c);
  core_->bury();
}

void TcpEngine::drop_syn(ConnectionId id) {
  if (auto* c = core_->find(id)) {
    core_->end(*c, CloseReason::kRefused);
    core_->orphan(*c);
  }
  core_->bury();
}

std::size_t TcpEngine::readable(ConnectionId id) const {
  const auto* c = core_->find(id);
  return c != nullptr ? c->received.size() : 0;
}

ByteChain TcpEngine::receive(Time now, ConnectionId id, std::size_t max) {
  core_->begin(now);
  auto* c = core_->find(id);
  return c != nullptr ? core_->receive(*c, max) : ByteChain();
}

void TcpEngine::peek(ConnectionId id, MutableByteSpan to) const {
  if (const auto* c = core_->find(id)) c->received.copy_to(0, to);
}

std::size_t TcpEngine::send_space(ConnectionId id) {
  auto* c = core_->find(id);
  return c != nullptr ? core_->send_space(*c) : 0;
}

void TcpEngine::send(Time now, ConnectionId id, ByteChain&& bytes) {
  core_->begin(now);
  ByteChain taken = std::move(bytes);
  if (auto* c = core_->find(id)) core_->send(*c, std::move(taken));
}

void TcpEngine::shutdown_send(Time now, ConnectionId id) {
  core_->begin(now);
  if (auto* c = core_->find(id)) core_->shutdown_send(*c);
}

void TcpEngine::abort(Time now, ConnectionId id) {
  core_->begin(now);
  if (auto* c = core_->find(id)) core_->abort(*c);
  core_->bury();
}

void TcpEngine::close(Time now, ConnectionId id) {
  core_->begin(now);
  if (auto* c = core_->find(id)) core_->close(*c);
  core_->bury();
}

bool TcpEngine::exists(ConnectionId id) const { return core_->find(id) != nullptr; }
const FlowKey& TcpEngine::key(ConnectionId id) const { return core_->find(id)->key; }
InterfaceId TcpEngine::pod(ConnectionId id) const { return core_->find(id)->pod; }
Interception TcpEngine::interception(ConnectionId id) const { return core_->find(id)->interception; }

TcpInfo TcpEngine::info(ConnectionId id) const {
  const auto* c = core_->find(id);
  return c != nullptr ? core_->info(*c) : TcpInfo();
}

TcpSettings TcpEngine::settings(ConnectionId id) const {
  const auto* c = core_->find(id);
  return c != nullptr ? core_->settings_of(*c) : core_->defaults;
}

void TcpEngine::set_settings(Time now, ConnectionId id, const TcpSettings& settings) {
  core_->begin(now);
  if (auto* c = core_->find(id)) core_->set_settings(*c, settings);
  core_->bury();
}

void TcpEngine::for_each(const std::function<void(ConnectionId)>& visit) const {
  const auto& slab = core_->table.connections;
  for (std::uint32_t i = 0; i < slab.slots(); ++i) {
    if (slab.lives(i) && !slab.at(i)->orphan) visit({i, slab.generation(i)});
  }
}

FrozenConnection TcpEngine::freeze(Time now, ConnectionId id) {
  core_->begin(now);
  auto* c = core_->find(id);
  return c != nullptr ? core_->freeze(*c) : FrozenConnection();
}

void TcpEngine::freeze_rest(Time now, const std::function<void(FrozenConnection&&)>& take) {
  core_->begin(now);
  core_->freeze_rest(take);
}

std::expected<ConnectionId, ThawError> TcpEngine::thaw(Time now, ByteSpan frozen, BufferPool& payload) {
  core_->begin(now);
  return core_->thaw(frozen, payload);
}

TcpSettings TcpEngine::default_settings() const { return core_->defaults; }
const TcpOptions& TcpEngine::options() const { return core_->options; }
void TcpEngine::set_options(const TcpOptions& options) { core_->set_options(options); }
void TcpEngine::set_interface(InterfaceId id, const Interface& interface) { core_->set_interface(id, interface); }
void TcpEngine::set_account_limit(AccountId id, std::uint64_t bytes) { core_->accounts.set_limit(id, bytes); }
std::uint64_t TcpEngine::account_memory(AccountId id) const { return core_->accounts.used(id); }

void TcpEngine::abort_all_of(Time now, InterfaceId pod) {
  core_->begin(now);
  core_->abort_all_of(pod);
  core_->bury();
}

const TcpStats& TcpEngine::stats() const { return core_->stats; }
std::size_t TcpEngine::connections() const { return core_->table.connections.size(); }
std::size_t TcpEngine::time_wait_entries() const { return core_->table.time_waits.size(); }
std::size_t TcpEngine::memory() const { return core_->table.memory() + core_->accounts.memory(); }

}  // namespace weft::net
