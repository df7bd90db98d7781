// TCP flows of mesh pods that pass as packets beside the mesh: 'host' connections and excluded ports. An entry is made
// by the packet whose right to pass stands in the Network; the answers find it before anything is intercepted.
#pragma once

#include <absl/container/flat_hash_map.h>

#include "dataplane/net/flow_slab.h"
#include "dataplane/net/network.h"

namespace weft::net {

class BypassFlows {
 public:
  explicit BypassFlows(std::uint32_t flows_max) : flows_(flows_max), flows_max_(flows_max) {}

  // The packet's flow, either direction, is known; it lives on.
  bool pass(Time now, const Tuple& tuple, std::uint8_t tcp_flags);
  bool contains(const Tuple& tuple) const { return index_.contains(tuple) || index_.contains(tuple.reversed()); }
  // Begins or renews the flow of this packet, between `interface` and `pod`. False: the table is full, or one pod's
  // half of it.
  bool begin(Time now, const Tuple& tuple, std::uint8_t tcp_flags, InterfaceId interface, InterfaceId pod);
  void sweep(Time now);
  // Forgets what belongs to interfaces that are gone, and everything about pods that may no longer bypass.
  void set_network(const Network& network);
  std::uint32_t size() const { return flows_.size(); }

 private:
  struct Flow {
    Tuple tuple;
    InterfaceId interface, pod;
    FlowAge age;
  };
  void remove(std::uint32_t index);

  FlowSlab<Flow> flows_;
  std::uint32_t flows_max_;
  absl::flat_hash_map<InterfaceId, std::uint32_t> per_pod_;
  absl::flat_hash_map<Tuple, std::uint32_t> index_;
};

}  // namespace weft::net
