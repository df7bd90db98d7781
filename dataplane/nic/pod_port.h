// The port of a pod: a TAP in its network namespace, and what its kernel must know to send us everything.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/nic/tap.h"

namespace weft::nic {

struct PodPortOptions {
  std::string network_namespace{};     // path
  std::string name = "eth0";
  unsigned queues = 1;
  std::uint32_t mtu = 1500;
  net::MacAddress mac{};               // zero: derived from the first address (pod_mac)
  std::vector<IpAddress> addresses{};  // the pod's own
  std::vector<IpAddress> gateways{};   // link-local next hop of each family (net::gateway_v4(), net::gateway_v6())
};

// The MAC of our end of every pod port and of the host port. Locally administered; each TAP is a link of its own.
net::MacAddress gateway_mac();
// A MAC that depends only on the address, so that a recreated device keeps it.
net::MacAddress pod_mac(const IpAddress& address);

// Creates or reopens the port: the pod's addresses as /32 and /128 without duplicate address detection, default routes
// of both families through the link-local gateway, whose MAC is a permanent neighbour entry, link up.
std::expected<std::unique_ptr<Tap>, std::string> open_pod_port(const PodPortOptions& options);

// For CNI DEL when no process holds the port: removes the device if it is there. A namespace or device that is absent
// is fine.
std::expected<void, std::string> remove_pod_port(const std::string& network_namespace, const std::string& name);

}  // namespace weft::nic
