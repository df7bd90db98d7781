// Translation of Kubernetes Service addresses for packets that are only routed, both ways, one entry a flow.
//
//   client -> service            becomes   seen -> backend
//   backend -> seen              becomes   service -> client
//
// `seen` is the client as the backend sees it: the client itself, unless that cannot be told apart from another flow,
// would lead the answer to another worker (then another port), or is the backend's own address (then the gateway's:
// a pod's kernel drops packets from its own address).
#pragma once

#include <expected>

#include <absl/container/flat_hash_map.h>

#include "base/random.h"
#include "dataplane/net/flow_slab.h"
#include "dataplane/net/network.h"

namespace weft::net {

struct NatFlow {
  std::uint8_t protocol = 0;
  Endpoint client, service, backend, seen;
  InterfaceId interface = kNoInterface;  // the client's
  bool intercepted = false;              // the backend side is the TCP engine's: packets do not travel it
  FlowAge age;
};

class ServiceNat {
 public:
  ServiceNat(std::uint32_t flows_max, unsigned worker, unsigned workers, Random random)
      : flows_(flows_max), flows_max_(flows_max), worker_(worker), workers_(workers), random_(random) {}

  // The flow of a packet to a Service address, begun if need be. Pointers live until the next call.
  // `*created` says whether this packet began it.
  std::expected<NatFlow*, Drop> forward(Time now, const Network& network, const Tuple& tuple, std::uint8_t tcp_flags,
                                        InterfaceId interface, bool* created);
  // The flow that a packet answers; nullptr: none. A packet that came in by a port (`from_engine` false) never answers
  // an intercepted flow, and the TCP engine's never another one.
  NatFlow* reverse(Time now, const Tuple& tuple, std::uint8_t tcp_flags, bool from_engine);
  // As they are, without renewing them: for ICMP errors.
  NatFlow* find_forward(const Tuple& tuple);
  NatFlow* find_reverse(const Tuple& tuple);

  // Returns how many were forgotten.
  std::uint32_t sweep(Time now);
  void set_network(const Network& network);
  std::uint32_t size() const { return flows_.size(); }

 private:
  std::expected<NatFlow*, Drop> begin(const Network& network, const Tuple& tuple, InterfaceId interface);
  bool choose_seen(const Network& network, const Tuple& tuple, const Endpoint& backend, Endpoint* seen);
  void remove(std::uint32_t index);

  FlowSlab<NatFlow> flows_;
  std::uint32_t flows_max_;
  unsigned worker_, workers_;
  Random random_;
  absl::flat_hash_map<Tuple, std::uint32_t> by_client_;   // client -> service
  absl::flat_hash_map<Tuple, std::uint32_t> by_backend_;  // backend -> seen
  absl::flat_hash_map<InterfaceId, std::uint32_t> per_interface_;
};

}  // namespace weft::net
