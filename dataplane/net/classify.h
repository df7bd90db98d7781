// What shall become of a packet: pure functions of the Network, the ingress and the tuple.
#pragma once

#include <cstdint>

#include "dataplane/net/ip.h"
#include "dataplane/net/network.h"

namespace weft::net {

// Whether this source may come in by this interface; kCount: it may. Multicast destinations are judged elsewhere.
Drop check_source(const Network& network, const Interface& ingress, const IpHeader& ip);
// Whether the destination is one that can be routed at all. The pods' gateway is, and a link-local address that the
// node's kernel has made its own (a node-local DNS).
Drop check_destination(const Network& network, const IpAddress& destination);

// The worker that must see a packet, so that every packet of a flow meets the same tables; kAnyWorker: no table
// matters. Both directions of a flow lead to one worker, translated ones too:
//  - TCP of a mesh pod: both ends count, as the TCP engine has it (owner.h);
//  - else only the client's end counts, since it is what the translated and the untranslated packets share: the sender
//    to a Service address, the receiver of everything else that goes to a pod, to the node or to the gateway.
// An ICMP error belongs to the worker of the packet that would travel against the quoted one.
inline constexpr unsigned kAnyWorker = UINT32_MAX;
unsigned owner_of_packet(const Network& network, const Tuple& tuple, unsigned workers);

enum class TcpPath : std::uint8_t {
  kOutbound,  // from a mesh pod: the TCP engine's
  kInbound,   // to a mesh pod: the TCP engine's
  kHost,      // from the node to a mesh pod, beside the mesh
  kExcluded,  // of an excluded port or prefix, beside the mesh
  kForward,   // of no mesh pod
};
// By the sender alone: kOutbound, kExcluded or kForward.
TcpPath path_from(const Network& network, const Interface& ingress, const Endpoint& destination);
// By the receiver alone: kInbound, kHost, kExcluded or kForward.
TcpPath path_to(const Network& network, const Interface& ingress, const Tuple& tuple);

// Where a packet leaves.
struct Egress {
  const Interface* interface = nullptr;
  IpAddress next_hop;  // matters on the uplink
};
std::expected<Egress, Drop> find_egress(const Network& network, const Interface* ingress,
                                        const IpAddress& destination);

}  // namespace weft::net
