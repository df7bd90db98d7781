#include "dataplane/agent/node_snapshot.h"

#include <algorithm>
#include <set>

namespace weft::agent {
namespace {

mesh::PodSnapshot make_pod(const ServedPod& pod) {
  const PodView& view = pod.view;
  mesh::PodSnapshot out;
  out.interface = view.attached.interface;
  out.name = view.attached.name.second;
  out.name_space = view.attached.name.first;
  out.uid = view.object && !view.object->uid.empty() ? view.object->uid : view.attached.uid;
  if (view.object) out.service_account = view.object->service_account;
  if (!view.identity.empty()) out.identity = mesh::Identity::intern(view.identity);
  out.addresses = view.addresses;
  out.in_mesh = view.in_mesh;
  out.excluded_inbound_ports = view.excluded_inbound_ports;
  out.excluded_outbound_ports = view.excluded_outbound_ports;
  out.lacks = pod.lacks;
  out.ready = pod.lacks.empty();
  out.config = pod.config;
  return out;
}

IpPrefix host_prefix(const IpAddress& address) { return {address, address.bits()}; }

IpPrefix without_host_bits(const IpPrefix& prefix) {
  std::uint8_t bytes[16];
  std::copy_n(prefix.address.data(), prefix.address.size(), bytes);
  for (int bit = prefix.length; bit < prefix.address.bits(); ++bit) {
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & ~(0x80 >> bit % 8));
  }
  return {prefix.address.is_v6() ? IpAddress::v6(bytes) : IpAddress::v4(bytes), prefix.length};
}

// Collects routes; of several for one prefix the first counts.
class RouteTable {
 public:
  void add(const IpPrefix& prefix, std::optional<IpAddress> gateway, bool by_host = false) {
    if (!seen_.insert(prefix).second) return;
    routes_.push_back({prefix, gateway, kNoInterface, by_host});
  }
  std::vector<mesh::Route> take() { return std::move(routes_); }

 private:
  std::set<IpPrefix> seen_;
  std::vector<mesh::Route> routes_;
};

// Whether the address is a neighbour on the wire. Without addresses of our own every node is taken for one.
bool on_link(const UplinkOptions& uplink, const IpAddress& address) {
  const auto same_family = [&](const IpPrefix& own) { return own.address.is_v6() == address.is_v6(); };
  if (std::none_of(uplink.addresses.begin(), uplink.addresses.end(), same_family)) return true;
  return std::any_of(uplink.addresses.begin(), uplink.addresses.end(),
                     [&](const IpPrefix& own) { return own.contains(address); });
}

void add_peer_node(RouteTable& routes, const UplinkOptions& uplink, const NodeObject& node) {
  for (const IpAddress& address : node.internal_ips) {
    if (!on_link(uplink, address)) continue;  // behind a gateway, whose routes know the pods
    routes.add(host_prefix(address), std::nullopt);
    for (const IpPrefix& cidr : node.pod_cidrs) {
      if (cidr.address.is_v6() == address.is_v6()) routes.add(cidr, address);
    }
  }
}

std::vector<mesh::Route> make_routes(const Bootstrap& config, const Cluster& cluster) {
  RouteTable routes;
  for (const RouteOptions& route : config.routes) {
    routes.add(route.destination, route.to_host ? std::nullopt : std::optional(route.via), route.to_host);
  }
  for (const IpPrefix& own : config.uplink.addresses) routes.add(without_host_bits(own), std::nullopt);
  for (const auto& [name, node] : cluster.nodes) {
    if (name != config.node.name) add_peer_node(routes, config.uplink, node);
  }
  for (const IpAddress& gateway : config.uplink.gateways) {
    routes.add({gateway.is_v6() ? *IpAddress::parse("::") : IpAddress(), 0}, gateway);
  }
  // What nothing else covers is the node kernel's business.
  routes.add({IpAddress(), 0}, std::nullopt, true);
  routes.add({*IpAddress::parse("::"), 0}, std::nullopt, true);
  return routes.take();
}

std::vector<IpAddress> own_addresses(const Bootstrap& config, const Cluster& cluster) {
  std::vector<IpAddress> out;
  const auto add = [&](const IpAddress& address) {
    if (std::find(out.begin(), out.end(), address) == out.end()) out.push_back(address);
  };
  if (const auto own = cluster.nodes.find(config.node.name); own != cluster.nodes.end()) {
    for (const IpAddress& address : own->second.internal_ips) add(address);
  }
  for (const IpAddress& address : config.host.addresses) add(address);
  return out;
}

}  // namespace

mesh::NodeSnapshot make_node_snapshot(std::uint64_t version, const Bootstrap& config, const Cluster& cluster,
                                      const std::vector<ServedPod>& pods) {
  mesh::NodeSnapshot out;
  out.version = version;
  out.node_name = config.node.name;
  out.node_addresses = own_addresses(config, cluster);
  for (const ServedPod& pod : pods) out.pods.push_back(make_pod(pod));
  out.routes = make_routes(config, cluster);
  out.services = cluster.services;
  return out;
}

}  // namespace weft::agent
