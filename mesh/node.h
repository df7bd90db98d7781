// What a node serves, in one immutable snapshot: its pods and what packets need that are only routed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/packet.h"
#include "mesh/identity.h"
#include "mesh/pod_config.h"

namespace weft::mesh {

struct PodSnapshot {
  InterfaceId interface = kNoInterface;
  std::string name, name_space, uid, service_account;
  Identity identity;                            // nobody when not in the mesh
  std::vector<IpAddress> addresses;             // may be empty until known
  bool in_mesh = false;
  // Ports that are forwarded as packets though the pod is in the mesh (excludeInboundPorts, ...OutboundPorts).
  std::vector<std::uint16_t> excluded_inbound_ports, excluded_outbound_ports;
  bool ready = false;                           // has certificate, clusters, endpoints and listeners
  std::vector<std::string> lacks;               // what it waits for, in an operator's words
  std::shared_ptr<const PodConfig> config;      // the last consistent version; null: never ready
};

// To `prefix` by way of `gateway` on `interface`; no gateway: on link. kNoInterface: the uplink.
struct Route {
  IpPrefix prefix;
  std::optional<IpAddress> gateway;
  InterfaceId interface = kNoInterface;
  bool by_host = false;  // to the node's own kernel
};

enum class Protocol : std::uint8_t { kTcp, kUdp };

// One port of one Service address, for packets that are not intercepted.
struct ServicePort {
  Endpoint address;
  Protocol protocol = Protocol::kTcp;
  std::vector<Endpoint> backends;  // of the address's family, ready ones; empty: refused
  std::string name;                // "kube-system/kube-dns:dns", for explanations
  bool client_affinity = false;    // sessionAffinity: ClientIP
};

struct NodeSnapshot {
  std::uint64_t version = 0;  // grows
  std::string node_name;
  std::vector<IpAddress> node_addresses;
  std::vector<PodSnapshot> pods;
  std::vector<Route> routes;
  std::vector<ServicePort> services;
};

}  // namespace weft::mesh
