#include "dataplane/nic/pod_port.h"

#include <unistd.h>

#include <algorithm>

#include "dataplane/nic/netlink.h"
#include "dataplane/nic/network_namespace.h"

namespace weft::nic {

net::MacAddress gateway_mac() { return {{0x02, 0x57, 0x45, 0x46, 0x54, 0x01}}; }

net::MacAddress pod_mac(const IpAddress& address) {
  // FNV-1a over the address: spreads, and needs to be neither secret nor free of collisions, as every pod has a link of
  // its own.
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const std::uint8_t byte : ByteSpan(address.data(), address.size())) hash = (hash ^ byte) * 0x100000001b3u;
  net::MacAddress mac;
  for (std::size_t i = 0; i < mac.bytes.size(); ++i) mac.bytes[i] = static_cast<std::uint8_t>(hash >> (8 * i));
  mac.bytes[0] = 0x0a;  // locally administered, one station; never gateway_mac()
  return mac;
}

namespace {

IpPrefix default_route(bool v6) {
  static constexpr std::uint8_t kAny[16] = {};
  return {v6 ? IpAddress::v6(kAny) : IpAddress::v4(kAny), 0};
}

}  // namespace

std::expected<std::unique_ptr<Tap>, std::string> open_pod_port(const PodPortOptions& options) {
  if (options.addresses.empty()) return std::unexpected("port " + options.name + ": a pod needs an address");
  TapOptions tap;
  tap.network_namespace = options.network_namespace;
  tap.name = options.name;
  tap.queues = options.queues;
  tap.mtu = options.mtu;
  tap.mac = options.mac.is_zero() ? pod_mac(options.addresses.front()) : options.mac;
  tap.gateway_mac = gateway_mac();
  for (const IpAddress& address : options.addresses) tap.addresses.push_back({address, address.bits()});
  for (const IpAddress& gateway : options.gateways) {
    if (std::ranges::find(options.addresses, gateway.is_v6(), &IpAddress::is_v6) == options.addresses.end()) continue;
    tap.gateways.push_back(gateway);
    tap.routes.push_back(default_route(gateway.is_v6()));
  }
  return Tap::open(tap);
}

namespace {

// Removes the device by its name, in its namespace.
Outcome remove_device(const std::string& name) {
  auto netlink = Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  if (!netlink->find_link(name)) return {};
  return netlink->remove_link(name);
}

}  // namespace

Outcome remove_pod_port(const std::string& network_namespace, const std::string& name) {
  if (::access(network_namespace.c_str(), F_OK) != 0) return {};
  return in_network_namespace(network_namespace, [&] { return remove_device(name); });
}

}  // namespace weft::nic
