#include "mesh/xds_read_cluster.h"

#include <algorithm>

#include "mesh/xds_read.h"
#include "mesh/xds_read_tls.h"

namespace weft::mesh {

namespace cds = envoy::config::cluster::v3;

namespace {

ClusterType read_type(const cds::Cluster& message) {
  switch (message.type()) {
    case cds::Cluster::STATIC: return ClusterType::kStatic;
    case cds::Cluster::STRICT_DNS: return ClusterType::kStrictDns;
    case cds::Cluster::LOGICAL_DNS: return ClusterType::kLogicalDns;
    case cds::Cluster::EDS: return ClusterType::kEds;
    case cds::Cluster::ORIGINAL_DST: return ClusterType::kOriginalDst;
    default: nack("type", "is not a type we know");
  }
}

// The typed form, with all its fields at their defaults: an empty message has no unknown field.
LoadBalancing read_typed_policy(const cds::LoadBalancingPolicy& message) {
  std::string path = "load_balancing_policy.policies";
  if (message.policies_size() == 0) nack(path, "is empty");
  const auto& any = message.policies(0).typed_extension_config().typed_config();
  path += "[0].typed_extension_config.typed_config";
  std::string_view type = type_in(any, AnyPlace::kLoadBalancingPolicy, path).type;
  if (!any.value().empty()) nack(path, "has fields set, which is not supported");
  if (type.ends_with("LeastRequest")) return LoadBalancing::kLeastRequest;
  return type.ends_with("Random") ? LoadBalancing::kRandom : LoadBalancing::kRoundRobin;
}

LoadBalancing read_load_balancing(const cds::Cluster& message) {
  if (message.has_load_balancing_policy()) return read_typed_policy(message.load_balancing_policy());
  switch (message.lb_policy()) {
    case cds::Cluster::ROUND_ROBIN: return LoadBalancing::kRoundRobin;
    case cds::Cluster::LEAST_REQUEST: return LoadBalancing::kLeastRequest;
    case cds::Cluster::RANDOM: return LoadBalancing::kRandom;
    case cds::Cluster::CLUSTER_PROVIDED: return LoadBalancing::kClusterProvided;
    default: nack("lb_policy", cds::Cluster::LbPolicy_Name(message.lb_policy()) + " is not supported");
  }
}

void check_load_balancing(const Cluster& cluster) {
  bool provided = cluster.load_balancing == LoadBalancing::kClusterProvided;
  if (provided != (cluster.type == ClusterType::kOriginalDst))
    nack("lb_policy", "CLUSTER_PROVIDED goes with type ORIGINAL_DST, and only with it");
}

void read_limits(const cds::CircuitBreakers& message, ConnectionLimits& limits) {
  for (const auto& threshold : message.thresholds()) {
    if (threshold.priority() != envoy::config::core::v3::DEFAULT) continue;  // HIGH is for HTTP routes
    if (threshold.has_max_connections()) limits.max_connections = threshold.max_connections().value();
    if (threshold.has_max_pending_requests()) limits.max_pending = threshold.max_pending_requests().value();
  }
}

void read_keepalive(const envoy::config::core::v3::TcpKeepalive& message, Cluster& cluster) {
  TcpKeepalive keepalive;
  if (message.has_keepalive_probes()) keepalive.probes = message.keepalive_probes().value();
  if (message.has_keepalive_time()) keepalive.time = Duration::seconds(message.keepalive_time().value());
  if (message.has_keepalive_interval()) keepalive.interval = Duration::seconds(message.keepalive_interval().value());
  cluster.keepalive = keepalive;
}

// Istio's mark of an inbound cluster: connections that leave from this address go to the pod itself.
void require_pod_source(const envoy::config::core::v3::SocketAddress& address, std::string_view path) {
  Endpoint source = read_socket_address(address, path);
  bool known = source.address == IpAddress::parse("127.0.0.6") || source.address == IpAddress::parse("::6");
  if (!known || source.port != 0) nack(std::string(path), "is not 127.0.0.6 or ::6");
}

void read_bind(const envoy::config::core::v3::BindConfig& message, Cluster& cluster) {
  if (!message.has_source_address()) nack("upstream_bind_config.source_address", "is missing");
  require_pod_source(message.source_address(), "upstream_bind_config.source_address");
  for (int i = 0; i < message.extra_source_addresses_size(); ++i)
    require_pod_source(message.extra_source_addresses(i).address(),
                       at("upstream_bind_config", "extra_source_addresses", i) + ".address");
  cluster.deliver_to_pod = true;
}

void read_sockets(const cds::Cluster& message, ClusterDefinition& definition) {
  auto& sockets = definition.cluster.transport_sockets;
  sockets.emplace_back();
  if (message.has_transport_socket()) sockets[0] = read_upstream_socket(message.transport_socket(), "transport_socket");
  for (int i = 0; i < message.transport_socket_matches_size(); ++i) {
    const auto& match = message.transport_socket_matches(i);
    ClusterDefinition::SocketMatch made{{}, static_cast<std::uint16_t>(sockets.size())};
    for (const auto& [key, value] : match.match().fields()) made.criteria.emplace_back(key, value_key(value));
    sockets.emplace_back();
    if (match.has_transport_socket())
      sockets.back() = read_upstream_socket(match.transport_socket(),
                                            at("", "transport_socket_matches", i) + ".transport_socket");
    definition.matches.push_back(std::move(made));
  }
}

// An ORIGINAL_DST host has no metadata: only a match without criteria takes it.
void read_original_dst(const cds::Cluster& message, ClusterDefinition& definition) {
  Cluster& cluster = definition.cluster;
  if (cluster.type != ClusterType::kOriginalDst) return;
  const auto& config = message.original_dst_lb_config();
  cluster.needs_hbone = config.has_metadata_key();
  if (config.has_upstream_port_override())
    cluster.original_dst_port = read_port(config.upstream_port_override().value(),
                                          "original_dst_lb_config.upstream_port_override");
  auto any = std::ranges::find_if(definition.matches, [](const auto& match) { return match.criteria.empty(); });
  cluster.original_dst_socket = any == definition.matches.end() ? definition.default_socket : any->socket;
  const TransportSocket& socket = cluster.transport_sockets[cluster.original_dst_socket];
  cluster.needs_hbone |= std::holds_alternative<InternalUpstream>(socket);
}

void read_filters(const cds::Cluster& message) {
  for (int i = 0; i < message.filters_size(); ++i)
    type_in(message.filters(i).typed_config(), AnyPlace::kUpstreamFilter, at("", "filters", i) + ".typed_config");
}

void read_where(const cds::Cluster& message, ClusterDefinition& definition) {
  Cluster& cluster = definition.cluster;
  read_original_dst(message, definition);
  if (cluster.type == ClusterType::kEds) {
    const std::string& service = message.eds_cluster_config().service_name();
    definition.eds_name = service.empty() ? message.name() : service;
    return;
  }
  bool dns = cluster.type == ClusterType::kStrictDns || cluster.type == ClusterType::kLogicalDns;
  definition.own_endpoints = read_endpoints(message.load_assignment(), "load_assignment", dns, &cluster.needs_dns);
}

void read_options(const cds::Cluster& message, ClusterDefinition& definition) {
  Cluster& cluster = definition.cluster;
  if (message.has_connect_timeout())
    cluster.connect_timeout = read_duration(message.connect_timeout(), "connect_timeout");
  if (cluster.connect_timeout <= Duration()) nack("connect_timeout", "is zero");
  read_limits(message.circuit_breakers(), cluster.limits);
  if (message.upstream_connection_options().has_tcp_keepalive())
    read_keepalive(message.upstream_connection_options().tcp_keepalive(), cluster);
  if (message.least_request_lb_config().has_choice_count())
    cluster.least_request_choices = message.least_request_lb_config().choice_count().value();
  const auto& common = message.common_lb_config();
  cluster.locality_weighted = common.has_locality_weighted_lb_config();
  if (common.has_healthy_panic_threshold())
    definition.panic_threshold_percent = common.healthy_panic_threshold().value();
  if (message.has_upstream_bind_config()) read_bind(message.upstream_bind_config(), cluster);
}

}  // namespace

std::shared_ptr<ClusterDefinition> read_cluster(const cds::Cluster& message) {
  require_supported(message, "");
  auto definition = std::make_shared<ClusterDefinition>();
  Cluster& cluster = definition->cluster;
  cluster.name = message.name();
  cluster.type = read_type(message);
  cluster.load_balancing = read_load_balancing(message);
  check_load_balancing(cluster);
  read_options(message, *definition);
  read_sockets(message, *definition);
  read_filters(message);
  read_where(message, *definition);
  return definition;
}

}  // namespace weft::mesh
