#include "tests/sim/tcp_simulation.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "dataplane/net/tcp_segment.h"

namespace weft::sim {

TcpSimulation::TcpSimulation(std::uint64_t seed, const Scenario& scenario, Recorder* recorder)
    : scenario_(scenario), random_(seed), hand_overs_(~seed), recorder_(recorder), begun_(scenario.connections.size()),
      latest_(scenario.connections.size(), -1) {
  wire_ = std::make_unique<SimulatedWire>(scenario.links, Random(random_.next()), recorder);
  for (std::size_t i = 0; i < scenario.hosts.size(); ++i) {
    const int number = static_cast<int>(i);
    hosts_.push_back(std::make_unique<Host>(number, scenario.hosts[i], Random(random_.next()), recorder));
    hosts_.back()->listen([this, number](int service) { return listen(number, service); });
  }
}

// A service serves the connection that began last, once; again if the handshake failed, as that of an old SYN does.
std::unique_ptr<Program> TcpSimulation::listen(int number, int service) {
  const auto index = static_cast<std::size_t>(service);
  const int connection = index < latest_.size() ? latest_[index] : -1;
  if (connection < 0) return nullptr;
  const ConnectionPlan& plan = scenario_.connections[static_cast<std::size_t>(connection)];
  if (plan.server != number || plan.simultaneous) return nullptr;
  const Program* before = program_of(static_cast<std::size_t>(connection), 1);
  if (before != nullptr && (before->established() || !before->gone() || before->rude())) return nullptr;
  return make_program(connection, 1);
}

std::unique_ptr<Program> TcpSimulation::make_program(int connection, int side) {
  const auto& plan = scenario_.connections[static_cast<std::size_t>(connection)];
  return std::make_unique<Program>(connection, side, plan.programs[static_cast<std::size_t>(side)],
                                   Random(random_.next()));
}

Outcome TcpSimulation::run() {
  while (outcome_.failure.empty() && !over()) step();
  if (outcome_.failure.empty()) check_end();
  outcome_.lasted = now_ - kBegin;
  outcome_.datagrams = wire_->datagrams();
  for (const auto& h : hosts_) {
    outcome_.timer_calls += h->timer_calls();
    outcome_.merged += h->merged();
    outcome_.dropped += h->dropped();
    for (const auto& program : h->programs()) outcome_.bytes += program->read();
  }
  if (recorder_ != nullptr && !outcome_.failure.empty()) recorder_->note(now_, "FAILED: " + outcome_.failure);
  return outcome_;
}

// Everything that has its time now; what that caused leaves before time moves.
void TcpSimulation::step() {
  apply_changes();
  hand_over();
  begin_connections();
  deliver();
  if (turn()) progress_ = now_;
  for (int number = 0; number < static_cast<int>(hosts_.size()); ++number) transmit(number);
  const Time until = next();
  if (over()) return;
  if (until.is_never()) return fail("nothing will ever happen again");
  standing_ = until > now_ ? 0 : standing_ + 1;
  if (standing_ > 10'000) return fail("time stands still");
  now_ = std::max(now_, until);
  if (now_ - progress_ > scenario_.patience) return fail("no progress");
  check_storms();
}

void TcpSimulation::apply_changes() {
  for (; changed_ < scenario_.changes.size(); ++changed_) {
    const Change& change = scenario_.changes[changed_];
    if (kBegin + change.at > now_) return;
    apply(change);
    progress_ = now_;
  }
}

// What happens to links and hosts in the middle of a run.
void TcpSimulation::apply(const Change& change) {
  if (recorder_ != nullptr) recorder_->note(now_, describe(change));
  switch (change.kind) {
    case ChangeKind::kPathMtu: return wire_->set_mtu(change.host, change.value);
    case ChangeKind::kBlackHole: return wire_->set_black_hole(change.value != 0);
    case ChangeKind::kHostMtu: return host(change.host).set_mtu(change.value);
    case ChangeKind::kUpDown: return wire_->set_down(change.host, kUp, change.value != 0);
    case ChangeKind::kDownDown: return wire_->set_down(change.host, kDown, change.value != 0);
    case ChangeKind::kRestart: return host(change.host).restart(now_);
  }
}

void TcpSimulation::hand_over() {
  for (auto& h : hosts_) {
    if (!hand_overs_.chance(scenario_.hand_over)) continue;
    h->hand_over(now_);
    ++outcome_.hand_overs;
  }
}

void TcpSimulation::begin_connections() {
  retry_at_ = Time::never();
  for (std::size_t i = 0; i < begun_.size(); ++i) {
    if (begun_[i] || !may_begin(scenario_.connections[i])) continue;
    begun_[i] = begin(static_cast<int>(i));
    if (begun_[i]) progress_ = now_;
    if (!begun_[i] && scenario_.connections[i].after < 0) fail("connect() refuses");
    if (!begun_[i]) retry_at_ = now_ + Duration::milliseconds(50);
  }
}

// After both ends of the one before: a SYN that meets LAST-ACK, its last ACK being lost, ends in a reset of that.
bool TcpSimulation::may_begin(const ConnectionPlan& plan) const {
  if (kBegin + plan.begins > now_) return false;
  if (plan.after < 0) return true;
  const auto after = static_cast<std::size_t>(plan.after);
  const Program *client = program_of(after, 0), *server = program_of(after, 1);
  return client != nullptr && client->gone() && (server == nullptr || server->gone());
}

// Those that follow each other between two ports are one service's.
int TcpSimulation::service_of(int connection) const {
  const int after = scenario_.connections[static_cast<std::size_t>(connection)].after;
  return after < 0 ? connection : service_of(after);
}

// False: the tuple is still in use.
bool TcpSimulation::begin(int connection) {
  const ConnectionPlan& plan = scenario_.connections[static_cast<std::size_t>(connection)];
  const int service = service_of(connection);
  const std::uint16_t port = service_port(service);
  const std::uint16_t from = plan.simultaneous ? port : static_cast<std::uint16_t>(5000 + service);
  const Endpoint to{address_of(plan.server, plan.v6), port};
  if (!host(plan.client).connect(now_, to, from, make_program(connection, 0))) return false;
  latest_[static_cast<std::size_t>(service)] = connection;
  if (!plan.simultaneous) return true;
  return host(plan.server).connect(now_, {address_of(plan.client, plan.v6), port}, from, make_program(connection, 1));
}

void TcpSimulation::deliver() {
  SimulatedWire::Arrival arrival;
  while (wire_->poll(now_, &arrival)) host(arrival.host).receive(now_, arrival.datagram);
}

// True: something moved, or was given back.
bool TcpSimulation::turn() {
  bool moved = false;
  for (auto& h : hosts_) {
    const std::size_t before = h->engine().connections() + h->engine().time_wait_entries();
    moved = h->turn(now_) || moved;
    moved = moved || h->engine().connections() + h->engine().time_wait_entries() < before;
    if (!h->failure().empty()) fail(h->failure());
  }
  return moved;
}

// PSH and the checksum aside: whether two small writes share a buffer, and so a PSH, is nobody's business.
void TcpSimulation::digest(int number, const Datagram& datagram) {
  const std::size_t tcp = datagram.bytes[0] >> 4 == 6 ? 40 : 20;
  const auto take = [this](std::uint64_t value) { outcome_.digest = (outcome_.digest ^ value) * 0x100000001b3u; };
  for (std::size_t i = 0; i < std::min<std::size_t>(datagram.bytes.size(), 60); ++i) {
    const bool checksum = i == tcp + 16 || i == tcp + 17;
    if (!checksum) take(i == tcp + 13 ? datagram.bytes[i] & ~net::kPsh : datagram.bytes[i]);
  }
  take(static_cast<std::uint64_t>(now_.ns() + number));
}

void TcpSimulation::transmit(int number) {
  Datagram datagram;
  while (host(number).poll_output(now_, &datagram)) {
    digest(number, datagram);
    wire_->send(now_, number, std::move(datagram));
  }
  if (!host(number).failure().empty()) fail(host(number).failure());
}

Time TcpSimulation::next() const {
  Time next = wire_->next();
  for (const auto& h : hosts_) next = std::min(next, h->next());
  for (std::size_t i = 0; i < begun_.size(); ++i) {
    const Time begins = kBegin + scenario_.connections[i].begins;
    if (begun_[i] || (!may_begin(scenario_.connections[i]) && begins <= now_)) continue;
    next = std::min(next, begins <= now_ && !retry_at_.is_never() ? retry_at_ : begins);
  }
  if (changed_ < scenario_.changes.size()) next = std::min(next, kBegin + scenario_.changes[changed_].at);
  return next;
}

bool TcpSimulation::over() const {
  const bool all_begun = std::all_of(begun_.begin(), begun_.end(), [](bool begun) { return begun; });
  return all_begun && wire_->next().is_never() &&
         std::all_of(hosts_.begin(), hosts_.end(), [](const auto& h) { return h->quiet(); });
}

}  // namespace weft::sim
