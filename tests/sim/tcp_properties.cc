// What TcpSimulation demands of every run.
#include <algorithm>

#include "absl/strings/str_format.h"
#include "tests/sim/tcp_simulation.h"

namespace weft::sim {

namespace {

// The program was there to the end, or left when it had got and sent all: nothing went wrong as far as it can see.
bool ended_well(const Program& p) {
  return !p.rude() && (p.told() ? p.reason() == net::CloseReason::kOrderly : p.gone());
}

}  // namespace

// Timers: each call of on_timer() is for something that a datagram, sent or received, has set up (a retransmission that
// leaves, a delayed ACK, a reordering window after an ACK, a keepalive), or for what a connection has once or twice in
// its life (connect timeout, SYN-ACK, TIME-WAIT).
// Datagrams: a segment of text, its ACK and a window update, all sent again a few times on the worst of links; a
// connection's opening and closing, and what it sends as time goes by although nothing moves: probes that back off.
void TcpSimulation::check_storms() {
  const std::size_t connections = scenario_.connections.size();
  std::uint64_t segments = 0;
  for (const auto& h : hosts_) {
    if (h->timer_calls() > h->datagrams() + 8 * connections) fail("timer storm");
    for (const auto& program : h->programs()) segments += program->writes() + program->written() / 500;
  }
  const auto seconds = static_cast<std::uint64_t>((now_ - kBegin).ms() / 1000);
  if (wire_->datagrams() > 20 * segments + (200 + 4 * seconds) * connections) fail("datagram storm");
}

void TcpSimulation::check_end() {
  for (std::size_t i = 0; i < scenario_.connections.size(); ++i) check_pair(i);
  for (const auto& h : hosts_) {
    if (const std::string left = h->left_over(); !left.empty()) fail(left);
  }
}

void TcpSimulation::check_pair(std::size_t connection) {
  ++outcome_.connections;
  int well = 0;
  for (const int side : {0, 1}) {
    const Program* p = program_of(connection, side);
    const Program* q = program_of(connection, 1 - side);
    const std::string who = absl::StrFormat("c%d %s: ", connection, side == 0 ? "client" : "server");
    if (p == nullptr) {
      if (!scenario_.mortal) fail(who + "was never called");
      continue;
    }
    if (!p->gone()) fail(who + "was never told of an end");
    if (p->saw_end() && !p->rude() && (q == nullptr || p->read() != q->written() || !(q->rude() || q->all_written()))) {
      fail(who + absl::StrFormat("saw the end after %u bytes", p->read()));
    }
    if (!ended_well(*p)) {
      if (!scenario_.mortal) fail(who + std::string(to_string(p->reason())));
      continue;
    }
    ++well;
    if (!p->saw_end()) fail(who + "ended in order without the other's end");
    const bool arrived = q != nullptr && (q->rude() || q->read() == p->written());
    if (!p->all_written() || (p->told() && !arrived)) fail(who + "ended in order, and its bytes did not arrive");
    if (!scenario_.mortal && !arrived) fail(who + "its bytes did not arrive");
  }
  if (well == 2) ++outcome_.complete;
}

const Program* TcpSimulation::program_of(std::size_t connection, int side) const {
  const ConnectionPlan& plan = scenario_.connections[connection];
  const auto& host = hosts_[static_cast<std::size_t>(side == 0 ? plan.client : plan.server)];
  const Program* last = nullptr;  // of several, if handshakes failed
  for (const auto& program : host->programs()) {
    if (program->connection() == static_cast<int>(connection)) last = program.get();
  }
  return last;
}

}  // namespace weft::sim
