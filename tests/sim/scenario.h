// Everything about a run: hosts, links, connections and what changes meanwhile. All of it follows from a seed.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "tests/sim/host.h"

namespace weft::sim {

struct ConnectionPlan {
  int client = 0, server = 1;     // hosts; programs in this order
  Duration begins;                // from the beginning of the run
  bool v6 = false;
  bool simultaneous = false;      // both open
  // The connection before it between the same two ports: this one begins when both programs are gone and the client's
  // engine lets it, with TIME-WAIT at one end, and segments of that one perhaps still on their way. -1: none.
  int after = -1;
  std::array<ProgramOptions, 2> programs;
};

enum class ChangeKind : std::uint8_t {
  kPathMtu,   // of a host's link: `value` from now on
  kBlackHole,  // 1: from now on no router says that a datagram was too big
  kHostMtu,   // of its interface
  kUpDown,    // its link towards the router: 1 goes down, 0 comes back
  kDownDown,  // its link from the router
  kRestart,   // its engine is replaced by a fresh one, and what it knew is gone
};

struct Change {
  Duration at;
  ChangeKind kind = ChangeKind::kPathMtu;
  int host = 0;
  std::uint32_t value = 0;
};

struct Scenario {
  std::vector<HostOptions> hosts;
  std::vector<std::array<LinkOptions, 2>> links;  // of each host, both directions
  std::vector<ConnectionPlan> connections;
  std::vector<Change> changes;  // in order of time
  double hand_over = 0;         // chance that a host hands over to a fresh engine, at each step of the run
  // Connections may fail: a link dies, programs break off, patience is short. Otherwise every byte arrives.
  bool mortal = false;
  // Without progress for so long something is stuck.
  Duration patience = Duration::seconds(300);
};

Scenario scenario_of(std::uint64_t seed);
// A line for each host, connection and change.
std::string describe(const Scenario& scenario);
std::string describe(const Change& change);

}  // namespace weft::sim
