// The port to the node's own kernel, and how that kernel is kept from the uplink.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/nic/tap.h"

namespace weft::nic {

struct HostPortOptions {
  std::string name = "weft0";
  unsigned queues = 1;
  std::uint32_t mtu = 1500;
  std::vector<IpAddress> node_addresses{};  // source of what the node sends to pods; added to the device
  std::vector<IpAddress> gateways{};        // link-local next hop of each family
  std::vector<IpPrefix> routes{};           // what lies behind us: pods' addresses or ranges, Service ranges
};

// A TAP in the caller's namespace with routes through us. Reopened: routes are made equal to the options.
std::expected<std::unique_ptr<Tap>, std::string> open_host_port(const HostPortOptions& options);
// Replaces the routes of an open host port.
std::expected<void, std::string> set_host_routes(Tap& port, const std::vector<IpPrefix>& routes);

// Makes the node's kernel silent and deaf on the interface that a PMD uses (af_packet, AF_XDP): no IPv6, no addresses,
// no ARP, nothing that arrives there is taken by the kernel's IP; checksum and segmentation offloads that an AF_PACKET
// user cannot honour are off; up. In the caller's namespace. The error names the step.
std::expected<void, std::string> quiet_interface(const std::string& name);

}  // namespace weft::nic
