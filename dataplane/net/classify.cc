#include "dataplane/net/classify.h"

#include <algorithm>

#include "dataplane/net/owner.h"

namespace weft::net {

namespace {

bool has(const std::vector<std::uint16_t>& ports, std::uint16_t port) {
  return std::find(ports.begin(), ports.end(), port) != ports.end();
}

bool is_broadcast(const IpAddress& address) {
  return address.is_v4() && load_be32(address.data()) == 0xffffffff;
}

// 0.0.0.0/8 is "this network" (RFC 1122 3.2.1.3), 240/4 is reserved.
bool is_reserved_v4(const IpAddress& address) {
  return address.is_v4() && (address.data()[0] == 0 || address.data()[0] >= 240);
}

// ::/96 and ::ffff:0:0/96: no such address is on a wire (RFC 4291 2.5.5, RFC 4942 2.2).
bool embeds_v4(const IpAddress& address) {
  static constexpr std::uint8_t kZero[10] = {};
  if (address.is_v4() || std::memcmp(address.data(), kZero, 10) != 0) return false;
  const std::uint16_t last = load_be16(address.data() + 10);
  return last == 0xffff || last == 0;
}

Drop check_pod_source(const Network& network, const Interface& ingress, const IpHeader& ip) {
  const Pod* pod = network.pod_on(ingress.id);
  if (pod == nullptr) return Drop::kSpoofedSource;
  if (std::find(pod->addresses.begin(), pod->addresses.end(), ip.source) != pod->addresses.end()) return Drop::kCount;
  // Neighbor Discovery and talk with the gateway only; find_egress() lets neither further.
  const bool on_link = ip.v6 && ip.protocol == kProtocolIcmp6 &&
                       (ip.source.is_link_local() || ip.source.is_unspecified()) &&
                       (ip.destination.is_multicast() || ip.destination.is_link_local());
  return on_link ? Drop::kCount : Drop::kSpoofedSource;
}

// RFC 4291 2.5.6, RFC 3927 2.7: what comes from a link-local address stays on its link.
bool leaves_link(const Network& network, const IpHeader& ip) {
  return ip.source.is_link_local() && !ip.destination.is_link_local() && !ip.destination.is_multicast() &&
         !network.is_own_address(ip.source) && !network.is_own_address(ip.destination);
}

}  // namespace

Drop check_source(const Network& network, const Interface& ingress, const IpHeader& ip) {
  const IpAddress& source = ip.source;
  if (source.is_multicast() || source.is_loopback() || is_reserved_v4(source)) return Drop::kMartianSource;
  if (source.is_unspecified() && !(ip.protocol == kProtocolIcmp6 && ip.destination.is_multicast()))
    return Drop::kMartianSource;
  if (!source.is_unspecified() && embeds_v4(source)) return Drop::kMartianSource;
  if (source == ip.destination) return Drop::kMartianSource;
  switch (ingress.kind) {
    case InterfaceKind::kPod: return check_pod_source(network, ingress, ip);
    case InterfaceKind::kHost:
      if (network.pod_with(source) != nullptr) return Drop::kLocalSourceOnHost;
      return leaves_link(network, ip) ? Drop::kLinkLocal : Drop::kCount;
    case InterfaceKind::kUplink:
      if (network.pod_with(source) != nullptr || network.is_own_address(source)) return Drop::kLocalSourceOnUplink;
      return leaves_link(network, ip) ? Drop::kLinkLocal : Drop::kCount;
  }
  return Drop::kSpoofedSource;
}

Drop check_destination(const Network& network, const IpAddress& destination) {
  if (destination.is_multicast()) return Drop::kMulticast;
  if (destination.is_loopback() || destination.is_unspecified() || is_broadcast(destination) ||
      is_reserved_v4(destination) || embeds_v4(destination))
    return Drop::kMartianDestination;
  if (!destination.is_link_local()) return Drop::kCount;
  const bool ours = destination == gateway_v4() || destination == gateway_v6() || network.is_own_address(destination);
  return ours ? Drop::kCount : Drop::kLinkLocal;
}

unsigned owner_of_packet(const Network& network, const Tuple& tuple, unsigned workers) {
  if (workers == 1 || (tuple.protocol != kProtocolTcp && tuple.protocol != kProtocolUdp)) return kAnyWorker;
  const Endpoint& to = tuple.destination;
  const Pod* receiver = network.pod_with(to.address);
  if (tuple.protocol == kProtocolTcp) {
    const Pod* sender = network.pod_with(tuple.source.address);
    if ((sender != nullptr && sender->in_mesh) || (receiver != nullptr && receiver->in_mesh))
      return owner_of(tuple.source, to, workers);
  }
  if (network.is_service_address(to.address)) return owner_of(tuple.source, {}, workers);
  if (receiver != nullptr || network.is_own_address(to.address)) return owner_of(to, {}, workers);
  // A pod's answer to itself, through the gateway that it sees as its peer.
  if (to.address == gateway_v4() || to.address == gateway_v6())
    return owner_of({tuple.source.address, to.port}, {}, workers);
  return kAnyWorker;
}

TcpPath path_from(const Network& network, const Interface& ingress, const Endpoint& destination) {
  const Pod* pod = ingress.kind == InterfaceKind::kPod ? network.pod_on(ingress.id) : nullptr;
  if (pod == nullptr || !pod->in_mesh) return TcpPath::kForward;
  if (has(pod->excluded_outbound_ports, destination.port)) return TcpPath::kExcluded;
  for (const IpPrefix& prefix : pod->excluded_outbound_prefixes)
    if (prefix.contains(destination.address)) return TcpPath::kExcluded;
  return TcpPath::kOutbound;
}

TcpPath path_to(const Network& network, const Interface& ingress, const Tuple& tuple) {
  const Pod* pod = network.pod_with(tuple.destination.address);
  if (pod == nullptr || !pod->in_mesh) return TcpPath::kForward;
  if (has(pod->excluded_inbound_ports, tuple.destination.port)) return TcpPath::kExcluded;
  const bool host = ingress.kind == InterfaceKind::kHost && network.is_node_address(tuple.source.address);
  return host && network.host_bypasses_mesh() ? TcpPath::kHost : TcpPath::kInbound;
}

std::expected<Egress, Drop> find_egress(const Network& network, const Interface* ingress,
                                        const IpAddress& destination) {
  if (const Pod* pod = network.pod_with(destination)) return Egress{network.interface(pod->interface), destination};
  if (network.is_own_address(destination)) {
    if (network.host() == nullptr || network.host() == ingress) return std::unexpected(Drop::kNoHostPort);
    return Egress{network.host(), destination};
  }
  if (destination == gateway_v4() || destination == gateway_v6()) return std::unexpected(Drop::kGatewayUnserved);
  if (destination.is_link_local()) return std::unexpected(Drop::kLinkLocal);
  if (ingress != nullptr && ingress->kind == InterfaceKind::kUplink) return std::unexpected(Drop::kNotForUs);
  const Route* route = network.route_to(destination);
  if (route == nullptr) return std::unexpected(Drop::kNoRoute);
  const Interface* out = network.interface(route->interface);
  if (out == ingress) return std::unexpected(Drop::kNoRoute);  // back where it came from: a loop
  return Egress{out, route->gateway.value_or(destination)};
}

}  // namespace weft::net
