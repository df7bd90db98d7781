#include "tests/sim/tcp_simulation.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace weft::sim {

TcpSimulation::TcpSimulation(std::uint64_t seed, const Scenario& scenario, Recorder* recorder)
    : scenario_(scenario), random_(seed), recorder_(recorder), listened_(scenario.connections.size()) {
  wire_ = std::make_unique<SimulatedWire>(scenario.links, Random(random_.next()), recorder);
  for (std::size_t i = 0; i < scenario.hosts.size(); ++i) {
    const int number = static_cast<int>(i);
    hosts_.push_back(std::make_unique<Host>(number, scenario.hosts[i], Random(random_.next()), recorder));
    hosts_.back()->listen([this, number](int connection) -> std::unique_ptr<Program> {
      const auto index = static_cast<std::size_t>(connection);
      if (index >= listened_.size() || scenario_.connections[index].server != number) return nullptr;
      if (scenario_.connections[index].simultaneous || listened_[index]) return nullptr;
      listened_[index] = true;
      return make_program(connection, 1);
    });
  }
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

// What happens to the surroundings in the middle of a run. A host that restarts would change here, too: its engine is
// replaced by a fresh one, and each connection carried over.
void TcpSimulation::apply(const Change& change) {
  if (recorder_ != nullptr) recorder_->note(now_, describe(change));
  switch (change.kind) {
    case ChangeKind::kPathMtu: return wire_->set_mtu(change.host, change.value);
    case ChangeKind::kHostMtu: return host(change.host).set_mtu(change.value);
    case ChangeKind::kUpDown: return wire_->set_down(change.host, kUp, change.value != 0);
    case ChangeKind::kDownDown: return wire_->set_down(change.host, kDown, change.value != 0);
  }
}

void TcpSimulation::begin_connections() {
  for (; begun_ < scenario_.connections.size(); ++begun_) {
    const ConnectionPlan& plan = scenario_.connections[begun_];
    if (kBegin + plan.begins > now_) return;
    const int connection = static_cast<int>(begun_);
    const std::uint16_t port = service_port(connection);
    const std::uint16_t from = plan.simultaneous ? port : 0;
    bool begun = host(plan.client).connect(now_, {address_of(plan.server, plan.v6), port}, from,
                                           make_program(connection, 0));
    if (plan.simultaneous) {
      begun = begun && host(plan.server).connect(now_, {address_of(plan.client, plan.v6), port}, from,
                                                 make_program(connection, 1));
    }
    if (!begun) fail("connect() refuses");
    progress_ = now_;
  }
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

void TcpSimulation::transmit(int number) {
  Datagram datagram;
  while (host(number).poll_output(now_, &datagram)) {
    const ByteSpan head(datagram.bytes.data(), std::min<std::size_t>(datagram.bytes.size(), 60));
    for (const std::uint8_t byte : head) outcome_.digest = (outcome_.digest ^ byte) * 0x100000001b3u;
    outcome_.digest = (outcome_.digest ^ static_cast<std::uint64_t>(now_.ns() + number)) * 0x100000001b3u;
    wire_->send(now_, number, std::move(datagram));
  }
  if (!host(number).failure().empty()) fail(host(number).failure());
}

Time TcpSimulation::next() const {
  Time next = wire_->next();
  for (const auto& h : hosts_) next = std::min(next, h->next());
  if (begun_ < scenario_.connections.size()) next = std::min(next, kBegin + scenario_.connections[begun_].begins);
  if (changed_ < scenario_.changes.size()) next = std::min(next, kBegin + scenario_.changes[changed_].at);
  return next;
}

bool TcpSimulation::over() const {
  return begun_ == scenario_.connections.size() && wire_->next().is_never() &&
         std::all_of(hosts_.begin(), hosts_.end(), [](const auto& h) { return h->quiet(); });
}

}  // namespace weft::sim
