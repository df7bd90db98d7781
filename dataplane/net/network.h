// What one node's packet layer must know of the world: interfaces, pods, addresses, routes, Services. Immutable.
//
// The agent's side fills a NetworkSpec, compile() checks it and builds the lookup tables, and every worker gets the
// same shared_ptr<const Network>. A change is a new Network.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/ip_address.h"
#include "base/packet.h"
#include "dataplane/net/link.h"
#include "dataplane/net/mac_address.h"

namespace weft::net {

enum class InterfaceKind : std::uint8_t { kUplink, kHost, kPod };

struct Interface {
  InterfaceId id = kNoInterface;
  InterfaceKind kind = InterfaceKind::kPod;
  std::string name;                  // for people
  MacAddress mac;                    // our end
  MacAddress peer_mac;               // the kernel's end of a pod's or the host's TAP; unused on the uplink
  std::vector<IpAddress> addresses;  // uplink: what we answer ARP, ND and echo for, and the source of our ICMP errors
  LinkCapabilities link;
};

struct Pod {
  InterfaceId interface = kNoInterface;
  std::vector<IpAddress> addresses;  // every address the pod may use as its source
  bool in_mesh = false;              // its TCP ends in our stack
  // TCP that passes as packets although the pod is in the mesh; replies pass too.
  std::vector<std::uint16_t> excluded_outbound_ports;
  std::vector<std::uint16_t> excluded_inbound_ports;
  std::vector<IpPrefix> excluded_outbound_prefixes;
};

// Where packets to a prefix leave. Local pods and node addresses need no route. Longest prefix wins.
struct Route {
  IpPrefix destination;              // 0.0.0.0/0 and ::/0 are the defaults
  InterfaceId interface = kNoInterface;  // the uplink or the host port
  std::optional<IpAddress> gateway;  // uplink: next hop, same family; none: the destination is on the link
};

enum class L4Protocol : std::uint8_t { kTcp = 6, kUdp = 17 };

// For packets that are only routed: a Service's address and who may stand behind it.
struct Service {
  Endpoint address;
  L4Protocol protocol = L4Protocol::kTcp;
  std::vector<Endpoint> backends;  // same family as `address`; none: packets to it are dropped by name
};

struct NetworkSpec {
  std::vector<Interface> interfaces;  // at most one uplink and one host port
  std::vector<Pod> pods;
  std::vector<IpAddress> node_addresses;  // of the node's kernel: delivered to the host port
  std::vector<Route> routes;
  std::vector<Service> services;
  // TCP that enters by the host port from a node address reaches mesh pods as packets ('host').
  bool host_bypasses_mesh = true;
};

// The next hop of every pod, answered by us on every pod port.
IpAddress gateway_v4();  // 169.254.1.1
IpAddress gateway_v6();  // fe80::1

class Network {
 public:
  // Refuses what contradicts itself; the error names the object and says what is wrong with it.
  static std::expected<std::shared_ptr<const Network>, std::string> compile(NetworkSpec spec);

  const NetworkSpec& spec() const { return spec_; }
  // nullptr: none. Pointers live as long as the Network.
  const Interface* interface(InterfaceId id) const;
  const Interface* uplink() const { return uplink_; }
  const Interface* host() const { return host_; }
  const Pod* pod_on(InterfaceId interface) const;
  const Pod* pod_with(const IpAddress& address) const;
  bool is_node_address(const IpAddress& address) const;
  // An address of the uplink or of the node's kernel.
  bool is_own_address(const IpAddress& address) const;
  const Route* route_to(const IpAddress& destination) const;
  const Service* service(const Endpoint& address, L4Protocol protocol) const;
  // True for an address that carries any Service port.
  bool is_service_address(const IpAddress& address) const;
  bool host_bypasses_mesh() const { return spec_.host_bypasses_mesh; }
  // Our address towards an interface (source of ARP, ND, ICMP): the gateway on pod ports. nullopt: none of the family.
  std::optional<IpAddress> address_on(const Interface& interface, bool v6) const;

 private:
  struct ServiceKey {
    Endpoint address;
    L4Protocol protocol;
    bool operator==(const ServiceKey&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const ServiceKey& k) {
      return H::combine(std::move(h), k.address, k.protocol);
    }
  };
  using PrefixTable = absl::flat_hash_map<IpAddress, const Route*>;
  struct PrefixLevel {
    int length;
    PrefixTable routes;
  };
  enum AddressUse : std::uint8_t { kNodeUse = 1, kUplinkUse = 2, kServiceUse = 4 };

  explicit Network(NetworkSpec spec) : spec_(std::move(spec)) {}
  std::string index_interfaces();
  std::string index_pods();
  std::string index_addresses();
  std::string index_routes();
  std::string index_services();
  std::uint8_t use_of(const IpAddress& address) const;

  NetworkSpec spec_;
  const Interface* uplink_ = nullptr;
  const Interface* host_ = nullptr;
  absl::flat_hash_map<InterfaceId, const Interface*> interfaces_;
  absl::flat_hash_map<InterfaceId, const Pod*> pods_by_interface_;
  absl::flat_hash_map<IpAddress, const Pod*> pods_by_address_;
  absl::flat_hash_map<IpAddress, std::uint8_t> address_use_;
  std::vector<PrefixLevel> v4_levels_, v6_levels_;  // longest first
  absl::flat_hash_map<ServiceKey, const Service*> services_;
};

}  // namespace weft::net
