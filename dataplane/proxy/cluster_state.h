// What a worker remembers of a pod's clusters between connections, and what all workers count together.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/ip_address.h"
#include "base/packet.h"

namespace weft::proxy {

// Connections of one pod to one cluster over all workers: Envoy's circuit breakers count per proxy, and a pod's proxy
// is all workers together. Touched when a connection opens and closes, never per packet.
struct ClusterCounts {
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::uint32_t> pending{0};
};

// Shared by the workers of a process.
class ClusterRegistry {
 public:
  std::shared_ptr<ClusterCounts> counts(InterfaceId pod, std::string_view cluster);

 private:
  std::mutex mutex_;
  absl::flat_hash_map<std::pair<InterfaceId, std::string>, std::weak_ptr<ClusterCounts>> counts_;
  std::size_t sweep_at_ = 64;  // entries at which those that nobody holds are dropped
};

// One worker's.
struct ClusterState {
  InterfaceId pod = kNoInterface;
  std::string name;
  std::shared_ptr<ClusterCounts> counts;
  std::uint32_t streams = 0;  // of this worker
  // Smooth weighted round robin: each host's standing, for the host list it was made for.
  const void* hosts_of = nullptr;
  std::vector<std::int64_t> standing;
  absl::flat_hash_map<Endpoint, std::uint32_t> active;  // this worker's open connections of each host
};

// A worker's cluster states by a small number that streams keep.
class ClusterStates {
 public:
  explicit ClusterStates(ClusterRegistry& registry) : registry_(registry) {}
  std::uint32_t find_or_add(InterfaceId pod, std::string_view cluster);
  ClusterState& at(std::uint32_t index) { return states_[index]; }
  const ClusterState& at(std::uint32_t index) const { return states_[index]; }
  // States of a pod that is gone and that no stream uses are reused.
  void forget(InterfaceId pod);

 private:
  ClusterRegistry& registry_;
  std::deque<ClusterState> states_;
  std::vector<std::uint32_t> free_;
  absl::flat_hash_map<std::pair<InterfaceId, std::string>, std::uint32_t> index_;
};

}  // namespace weft::proxy
