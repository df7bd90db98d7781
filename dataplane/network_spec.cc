#include "dataplane/network_spec.h"

#include <algorithm>

#include "dataplane/agent/pod_ports.h"

namespace weft::dataplane {

namespace {

net::Service service_of(const mesh::ServicePort& port) {
  const auto protocol = port.protocol == mesh::Protocol::kUdp ? net::L4Protocol::kUdp : net::L4Protocol::kTcp;
  return {port.address, protocol, port.backends};
}

net::Pod pod_of(const mesh::PodSnapshot& pod) {
  return {pod.interface, pod.addresses, pod.in_mesh, pod.excluded_outbound_ports, pod.excluded_inbound_ports, {}};
}

}  // namespace

net::NetworkSpec make_network_spec(const mesh::NodeSnapshot& node, std::vector<net::Interface> interfaces,
                                   bool host_bypasses_mesh) {
  net::NetworkSpec spec;
  spec.interfaces = std::move(interfaces);
  spec.host_bypasses_mesh = host_bypasses_mesh;
  const auto exists = [&](InterfaceId id) {
    return std::any_of(spec.interfaces.begin(), spec.interfaces.end(),
                       [&](const net::Interface& interface) { return interface.id == id; });
  };
  for (const mesh::PodSnapshot& pod : node.pods) {
    if (exists(pod.interface)) spec.pods.push_back(pod_of(pod));
  }
  // A port whose pod was taken out stays an interface until its device is gone, for the resets that go out by it.
  spec.node_addresses = node.node_addresses;
  for (const mesh::Route& route : node.routes) {
    const InterfaceId interface = route.by_host                        ? agent::kHostInterface
                                  : route.interface == kNoInterface ? agent::kUplinkInterface
                                                                    : route.interface;
    if (exists(interface)) spec.routes.push_back({route.prefix, interface, route.gateway});
  }
  for (const mesh::ServicePort& port : node.services) spec.services.push_back(service_of(port));
  return spec;
}

}  // namespace weft::dataplane
