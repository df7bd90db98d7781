// Pieces of Envoy's configuration in the shape that istiod gives them. Only this room's .cc files include this.
#pragma once

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "controlplane/config/policy.h"

namespace weft::controlplane {

namespace envoy_core = envoy::config::core::v3;
namespace envoy_cluster = envoy::config::cluster::v3;
namespace envoy_listener = envoy::config::listener::v3;

void set_duration(Duration duration, google::protobuf::Duration* out);
void set_address(const IpAddress& address, std::uint32_t port, envoy_core::Address* out);

// filter_metadata.istio.services: the Service behind a cluster.
struct ServiceName {
  std::string host, name, name_space;
  auto operator<=>(const ServiceName&) const = default;
};
void set_services_metadata(const std::vector<ServiceName>& services, envoy_core::Metadata* out);

// All maxima at 2^32-1: no limit unless a DestinationRule sets one.
void set_unlimited(envoy_cluster::Cluster* cluster);

// Terminates mutual TLS with the workload's own certificate and accepts peers of these trust domains.
void set_downstream_mtls(const MeshConfig& mesh, envoy_core::TransportSocket* out);
// Speaks mutual TLS to servers with one of these identities.
void set_upstream_mtls(std::string_view sni, const std::set<std::string>& identities,
                       envoy_core::TransportSocket* out);
void set_raw_buffer(envoy_core::TransportSocket* out);

void add_tcp_proxy(std::string_view cluster, envoy_listener::FilterChain* chain);

}  // namespace weft::controlplane
