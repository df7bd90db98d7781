// The immutable meaning of one pod's xDS: its listeners and clusters in one consistent version.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "mesh/cluster.h"
#include "mesh/filter_chain.h"

namespace weft::mesh {

// Made by XdsPodConfigBuilder; read by any thread. Objects are shared between versions and pods: a pointer from here
// lives as long as this PodConfig is held.
class PodConfig {
 public:
  using Listeners = std::vector<std::shared_ptr<const Listener>>;
  using Clusters = absl::flat_hash_map<std::string, std::shared_ptr<const Cluster>>;

  PodConfig(std::uint64_t version, Listeners listeners, Clusters clusters);

  // Grows with each build() of one builder.
  std::uint64_t version() const { return version_; }

  // Envoy's way: the virtual listener of the direction takes the connection; if it has use_original_dst the listener
  // bound to the very ip:port gets it, else the one bound to the family's wildcard with that port, else the virtual
  // listener keeps it. nullptr: there is no virtual listener of that direction (the pod is not ready).
  const Listener* find_listener(Direction direction, const Endpoint& original_destination) const;
  const Cluster* find_cluster(std::string_view name) const;

  const Listeners& listeners() const { return listeners_; }  // sorted by name
  const Clusters& clusters() const { return clusters_; }

 private:
  const Listener* find_bound(const Endpoint& address) const;

  std::uint64_t version_;
  Listeners listeners_;
  Clusters clusters_;
  absl::flat_hash_map<Endpoint, const Listener*> bound_;
  const Listener* virtual_outbound_ = nullptr;
  const Listener* virtual_inbound_ = nullptr;
};

}  // namespace weft::mesh
