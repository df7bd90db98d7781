// Clusters: where the bytes of a connection go, and how they are dressed on the way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"
#include "mesh/tls_settings.h"

namespace weft::mesh {

enum class ClusterType : std::uint8_t { kStatic, kEds, kOriginalDst, kStrictDns, kLogicalDns };
enum class LoadBalancing : std::uint8_t { kLeastRequest, kRoundRobin, kRandom, kClusterProvided };
enum class Health : std::uint8_t { kHealthy, kDegraded, kUnhealthy };  // kUnhealthy also: draining, timeout

struct RawBuffer {};
struct InternalUpstream {};  // HBONE
using TransportSocket = std::variant<RawBuffer, UpstreamTls, InternalUpstream>;

struct Locality {
  std::string region, zone, sub_zone;
  auto operator<=>(const Locality&) const = default;
};

struct UpstreamHost {
  Endpoint address;                            // meaningless when needs_hbone
  std::vector<Endpoint> additional_addresses;  // dual stack: other addresses of the same host
  std::uint32_t weight = 1;                    // relative to the other hosts of its locality, or of its priority
  Health health = Health::kHealthy;
  std::uint16_t transport_socket = 0;          // index into Cluster::transport_sockets
  std::uint16_t locality = 0;                  // index into Priority::localities
  bool needs_hbone = false;                    // an internal address, or an internal_upstream transport socket
  std::string workload;                        // "name;namespace;canonical name;revision;cluster" or empty

  // The address of `family` (a client that dialled IPv6 gets IPv6), else the first.
  const Endpoint& address_for(bool v6) const;
};

struct LocalityEndpoints {
  Locality locality;
  std::uint32_t weight = 0;  // 0: unassigned; read only with Cluster::locality_weighted
};

// Invariant: priorities of a cluster are 0,1,2,... in the vector's order; load_percent adds up to 100, or to 0 where no
// host of any priority can be used.
struct Priority {
  std::vector<LocalityEndpoints> localities;
  std::vector<UpstreamHost> hosts;
  std::uint32_t load_percent = 0;  // Envoy's priority spill-over by health and overprovisioning
  bool panic = false;              // too few are healthy: health is ignored within this priority
  // Hosts that may be picked now: healthy (else degraded) ones, or all in panic. Indices into `hosts`.
  std::vector<std::uint32_t> eligible;
};

// Envoy's circuit breaker thresholds of the DEFAULT routing priority. Defaults are Envoy's.
struct ConnectionLimits {
  std::uint32_t max_connections = 1024;
  std::uint32_t max_pending = 1024;  // connections being opened
};

struct TcpKeepalive {
  std::uint32_t probes = 9;
  Duration time = Duration::seconds(7200);
  Duration interval = Duration::seconds(75);
};

// One cluster with its endpoints as they stood. Immutable; shared by the pods that were sent the same bytes of both.
struct Cluster {
  std::string name;
  ClusterType type = ClusterType::kStatic;
  LoadBalancing load_balancing = LoadBalancing::kRoundRobin;
  std::uint32_t least_request_choices = 2;
  bool locality_weighted = false;  // pick a locality by weight first
  Duration connect_timeout = Duration::seconds(5);
  ConnectionLimits limits;
  std::optional<TcpKeepalive> keepalive;
  // Host's choice by UpstreamHost::transport_socket; ORIGINAL_DST: `original_dst_socket`.
  std::vector<TransportSocket> transport_sockets;
  std::uint16_t original_dst_socket = 0;
  std::optional<std::uint16_t> original_dst_port;  // upstream_port_override
  bool deliver_to_pod = false;  // upstream_bind_config 127.0.0.6 / ::6: the pod's own application
  bool needs_hbone = false;     // every connection would need it
  bool needs_dns = false;       // names that we do not resolve yet
  std::vector<Priority> priorities;

  // True when no connection can ever be made: a STATIC cluster without hosts, as BlackHoleCluster is.
  bool is_black_hole() const { return type == ClusterType::kStatic && priorities.empty(); }
  bool has_eligible() const;
};

// Fills load_percent, panic and eligible of all priorities. `panic_threshold_percent`: Envoy's default is 50;
// `overprovisioning_percent` 140.
void compute_priority_load(std::vector<Priority>& priorities, double panic_threshold_percent,
                           std::uint32_t overprovisioning_percent);

}  // namespace weft::mesh
