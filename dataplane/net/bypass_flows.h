// TCP flows of mesh pods that pass as packets beside the mesh: 'host' connections and excluded ports. An entry is made
// by the packet whose right to pass stands in the Network; the answers find it before anything is intercepted.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <vector>

#include "dataplane/net/flow_slab.h"
#include "dataplane/net/network.h"

namespace weft::net {

// The beginning of such a flow, for who asks what let it pass.
struct BypassRecord {
  Time time;
  Tuple tuple;
  InterfaceId interface = kNoInterface;  // where it came from; the pod itself: it called an excluded port
  InterfaceId pod = kNoInterface;
  bool host = false;                     // by the host port's right, not by an exclusion
};

class BypassFlows {
 public:
  static constexpr std::size_t kKept = 128;

  explicit BypassFlows(std::uint32_t flows_max) : flows_(flows_max), flows_max_(flows_max) {}

  // The packet's flow, either direction, is known; it lives on.
  bool pass(Time now, const Tuple& tuple, std::uint8_t tcp_flags);
  bool contains(const Tuple& tuple) const { return index_.contains(tuple) || index_.contains(tuple.reversed()); }
  // Begins or renews the flow of this packet, between `interface` and `pod`. False: the table is full, or one pod's
  // half of it.
  bool begin(Time now, const Tuple& tuple, std::uint8_t tcp_flags, InterfaceId interface, InterfaceId pod,
             bool host);
  void sweep(Time now);
  // Forgets what belongs to interfaces that are gone, and everything about pods that may no longer bypass.
  void set_network(const Network& network);
  std::uint32_t size() const { return flows_.size(); }
  // The last kKept beginnings, oldest first. Allocates: for operators only.
  std::vector<BypassRecord> recent() const;

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
  std::array<BypassRecord, kKept> ring_{};
  std::uint64_t begun_ = 0;
};

}  // namespace weft::net
