#include "dataplane/net/network.h"

#include <algorithm>

namespace weft::net {

namespace {

IpAddress masked(const IpAddress& address, int length) {
  std::uint8_t bytes[16] = {};
  const int whole = length / 8;
  std::memcpy(bytes, address.data(), static_cast<std::size_t>(whole));
  if (length % 8 != 0) bytes[whole] = static_cast<std::uint8_t>(address.data()[whole] & 0xff << (8 - length % 8));
  return address.is_v6() ? IpAddress::v6(bytes) : IpAddress::v4(bytes);
}

bool unusable_as_own(const IpAddress& address) {
  return address.is_unspecified() || address.is_multicast() || address.is_loopback();
}

}  // namespace

IpAddress gateway_v4() { return IpAddress::v4(169, 254, 1, 1); }
IpAddress gateway_v6() {
  static constexpr std::uint8_t kBytes[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return IpAddress::v6(kBytes);
}

std::expected<std::shared_ptr<const Network>, std::string> Network::compile(NetworkSpec spec) {
  std::shared_ptr<Network> network(new Network(std::move(spec)));
  for (auto index : {&Network::index_interfaces, &Network::index_pods, &Network::index_addresses,
                     &Network::index_routes, &Network::index_services}) {
    if (std::string error = (network.get()->*index)(); !error.empty()) return std::unexpected(std::move(error));
  }
  return network;
}

std::string Network::index_interfaces() {
  for (const Interface& interface : spec_.interfaces) {
    const std::string who = "interface " + std::to_string(interface.id) + " (" + interface.name + ")";
    if (interface.id == kNoInterface) return who + ": id 0 is reserved";
    if (interface.link.mtu < 576) return who + ": MTU below 576";
    if (interface.mac.is_zero() || interface.mac.is_group()) return who + ": no usable MAC";
    if (interface.kind != InterfaceKind::kUplink && (interface.peer_mac.is_zero() || interface.peer_mac.is_group()))
      return who + ": no usable peer MAC";
    if (!interfaces_.emplace(interface.id, &interface).second) return who + ": the id is taken";
    const Interface** single = interface.kind == InterfaceKind::kUplink ? &uplink_
                               : interface.kind == InterfaceKind::kHost ? &host_
                                                                        : nullptr;
    if (single == nullptr) continue;
    if (*single != nullptr) return who + ": a second uplink or host port";
    *single = &interface;
  }
  return {};
}

std::string Network::index_pods() {
  for (const Pod& pod : spec_.pods) {
    const std::string who = "pod on interface " + std::to_string(pod.interface);
    const Interface* port = interface(pod.interface);
    if (port == nullptr || port->kind != InterfaceKind::kPod) return who + ": no such pod port";
    if (!pods_by_interface_.emplace(pod.interface, &pod).second) return who + ": two pods on one port";
    for (const IpAddress& address : pod.addresses) {
      if (unusable_as_own(address) || address.is_link_local()) return who + ": unusable address " + address.to_string();
      if (!pods_by_address_.emplace(address, &pod).second)
        return who + ": " + address.to_string() + " is another pod's address too";
    }
  }
  return {};
}

std::string Network::index_addresses() {
  auto mark = [this](const IpAddress& address, AddressUse use) -> std::string {
    if (unusable_as_own(address)) return "node: unusable address " + address.to_string();
    if (pods_by_address_.contains(address)) return "node: " + address.to_string() + " is a pod's address";
    address_use_[address] |= use;
    return {};
  };
  for (const IpAddress& address : spec_.node_addresses)
    if (std::string error = mark(address, kNodeUse); !error.empty()) return error;
  if (uplink_ == nullptr) return {};
  for (const IpAddress& address : uplink_->addresses)
    if (std::string error = mark(address, kUplinkUse); !error.empty()) return error;
  return {};
}

std::string Network::index_routes() {
  for (const Route& route : spec_.routes) {
    const std::string who = "route " + route.destination.to_string();
    const Interface* out = interface(route.interface);
    const bool v6 = route.destination.address.is_v6();
    if (out == nullptr || out->kind == InterfaceKind::kPod) return who + ": leaves by neither uplink nor host port";
    if (route.gateway && route.gateway->is_v6() != v6) return who + ": gateway of another family";
    if (route.destination.length < 0 || route.destination.length > route.destination.address.bits())
      return who + ": impossible prefix length";
    std::vector<PrefixLevel>& levels = v6 ? v6_levels_ : v4_levels_;
    const int length = route.destination.length;
    auto level = std::find_if(levels.begin(), levels.end(), [&](const PrefixLevel& l) { return l.length <= length; });
    if (level == levels.end() || level->length != length) level = levels.insert(level, {length, {}});
    if (!level->routes.emplace(masked(route.destination.address, length), &route).second)
      return who + ": the prefix has another route already";
  }
  return {};
}

std::string Network::index_services() {
  for (const Service& service : spec_.services) {
    const std::string who = "service " + service.address.to_string();
    if (pods_by_address_.contains(service.address.address)) return who + ": a pod's address";
    for (const Endpoint& backend : service.backends)
      if (backend.address.is_v6() != service.address.address.is_v6())
        return who + ": backend " + backend.to_string() + " of another family";
    if (!services_.emplace(ServiceKey{service.address, service.protocol}, &service).second)
      return who + ": stands twice";
    address_use_[service.address.address] |= kServiceUse;
  }
  return {};
}

const Interface* Network::interface(InterfaceId id) const {
  auto found = interfaces_.find(id);
  return found == interfaces_.end() ? nullptr : found->second;
}

const Pod* Network::pod_on(InterfaceId id) const {
  auto found = pods_by_interface_.find(id);
  return found == pods_by_interface_.end() ? nullptr : found->second;
}

const Pod* Network::pod_with(const IpAddress& address) const {
  auto found = pods_by_address_.find(address);
  return found == pods_by_address_.end() ? nullptr : found->second;
}

std::uint8_t Network::use_of(const IpAddress& address) const {
  auto found = address_use_.find(address);
  return found == address_use_.end() ? 0 : found->second;
}

bool Network::is_node_address(const IpAddress& address) const { return (use_of(address) & kNodeUse) != 0; }
bool Network::is_own_address(const IpAddress& address) const {
  return (use_of(address) & (kNodeUse | kUplinkUse)) != 0;
}
bool Network::is_service_address(const IpAddress& address) const { return (use_of(address) & kServiceUse) != 0; }

const Route* Network::route_to(const IpAddress& destination) const {
  for (const PrefixLevel& level : destination.is_v6() ? v6_levels_ : v4_levels_) {
    auto found = level.routes.find(masked(destination, level.length));
    if (found != level.routes.end()) return found->second;
  }
  return nullptr;
}

const Service* Network::service(const Endpoint& address, L4Protocol protocol) const {
  auto found = services_.find(ServiceKey{address, protocol});
  return found == services_.end() ? nullptr : found->second;
}

std::optional<IpAddress> Network::address_on(const Interface& interface, bool v6) const {
  if (interface.kind == InterfaceKind::kPod) return v6 ? gateway_v6() : gateway_v4();
  for (const IpAddress& address : interface.addresses)
    if (address.is_v6() == v6) return address;
  if (interface.kind == InterfaceKind::kHost) return v6 ? gateway_v6() : gateway_v4();
  return std::nullopt;
}

}  // namespace weft::net
