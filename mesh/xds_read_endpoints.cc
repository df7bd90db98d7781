#include <algorithm>

#include "mesh/xds_read.h"
#include "mesh/xds_read_cluster.h"

namespace weft::mesh {

namespace eds = envoy::config::endpoint::v3;
namespace core = envoy::config::core::v3;

namespace {

constexpr std::uint32_t kMaxPriority = 127;  // Envoy's bound

MatchCriteria read_criteria(const core::Metadata& metadata) {
  MatchCriteria criteria;
  auto found = metadata.filter_metadata().find("envoy.transport_socket_match");
  if (found == metadata.filter_metadata().end()) return criteria;
  for (const auto& [key, value] : found->second.fields()) criteria.emplace_back(key, value_key(value));
  std::ranges::sort(criteria);
  return criteria;
}

std::string read_workload(const core::Metadata& metadata) {
  auto istio = metadata.filter_metadata().find("istio");
  if (istio == metadata.filter_metadata().end()) return {};
  auto workload = istio->second.fields().find("workload");
  return workload == istio->second.fields().end() ? std::string() : workload->second.string_value();
}

Health read_health(core::HealthStatus status) {
  switch (status) {
    case core::UNKNOWN:
    case core::HEALTHY: return Health::kHealthy;
    case core::DEGRADED: return Health::kDegraded;
    default: return Health::kUnhealthy;  // UNHEALTHY, DRAINING, TIMEOUT, and what is newer
  }
}

struct Reader {
  bool names_allowed;
  bool* needs_dns;

  // False: the host has a name, and no address before it is resolved.
  bool read_address(const core::Address& address, UpstreamHost& host, const std::string& path) const {
    if (address.has_envoy_internal_address()) {
      host.needs_hbone = true;
      return true;
    }
    std::string where = join(path, "socket_address");
    if (!address.has_socket_address()) nack(where, "is missing");
    if (names_allowed && !IpAddress::parse(address.socket_address().address())) {
      *needs_dns = true;
      return false;
    }
    host.address = read_socket_address(address.socket_address(), where);
    return true;
  }

  bool read_host(const eds::LbEndpoint& message, EndpointSet::Host& host, const std::string& path) const {
    std::string where = join(path, "endpoint");
    if (!read_address(message.endpoint().address(), host.host, join(where, "address"))) return false;
    for (int i = 0; i < message.endpoint().additional_addresses_size(); ++i) {
      const auto& address = message.endpoint().additional_addresses(i).address();
      host.host.additional_addresses.push_back(
          read_socket_address(address.socket_address(), at(where, "additional_addresses", i)));
    }
    if (message.has_load_balancing_weight()) host.host.weight = message.load_balancing_weight().value();
    if (host.host.weight == 0) nack(join(path, "load_balancing_weight"), "is zero");
    host.host.health = read_health(message.health_status());
    host.host.workload = read_workload(message.metadata());
    host.metadata = read_criteria(message.metadata());
    return true;
  }

  EndpointSet::Group read_group(const eds::LocalityLbEndpoints& message, const std::string& path) const {
    EndpointSet::Group group;
    group.priority = message.priority();
    if (group.priority > kMaxPriority) nack(join(path, "priority"), "is above 127");
    const auto& locality = message.locality();
    group.locality = {{locality.region(), locality.zone(), locality.sub_zone()},
                      message.load_balancing_weight().value()};
    group.metadata = read_criteria(message.metadata());
    for (int i = 0; i < message.lb_endpoints_size(); ++i) {
      EndpointSet::Host host;
      if (read_host(message.lb_endpoints(i), host, at(path, "lb_endpoints", i))) group.hosts.push_back(std::move(host));
    }
    return group;
  }
};

// The first socket match all of whose criteria the metadata have; criteria may be none.
std::optional<std::uint16_t> match_socket(const ClusterDefinition& definition, const MatchCriteria& metadata) {
  for (const auto& match : definition.matches) {
    auto has = [&](const auto& criterion) { return std::ranges::find(metadata, criterion) != metadata.end(); };
    if (std::ranges::all_of(match.criteria, has)) return match.socket;
  }
  return std::nullopt;
}

// Envoy asks the endpoint's metadata first, then the locality's, then takes the cluster's own socket.
std::uint16_t socket_of(const ClusterDefinition& definition, const EndpointSet::Group& group,
                        const EndpointSet::Host& host) {
  if (auto found = match_socket(definition, host.metadata)) return *found;
  if (auto found = match_socket(definition, group.metadata)) return *found;
  return definition.default_socket;
}

void add_group(const ClusterDefinition& definition, const EndpointSet::Group& group, Cluster& cluster) {
  if (cluster.priorities.size() <= group.priority) cluster.priorities.resize(group.priority + 1);
  Priority& priority = cluster.priorities[group.priority];
  auto locality = static_cast<std::uint16_t>(priority.localities.size());
  priority.localities.push_back(group.locality);
  for (const EndpointSet::Host& from : group.hosts) {
    UpstreamHost& host = priority.hosts.emplace_back(from.host);
    host.locality = locality;
    host.transport_socket = socket_of(definition, group, from);
    host.needs_hbone |= std::holds_alternative<InternalUpstream>(cluster.transport_sockets[host.transport_socket]);
  }
}

}  // namespace

EndpointSet read_endpoints(const eds::ClusterLoadAssignment& message, std::string_view path, bool names_allowed,
                           bool* needs_dns) {
  EndpointSet set;
  Reader reader{names_allowed, needs_dns};
  for (int i = 0; i < message.endpoints_size(); ++i)
    set.groups.push_back(reader.read_group(message.endpoints(i), at(path, "endpoints", i)));
  if (message.policy().has_overprovisioning_factor())
    set.overprovisioning_percent = message.policy().overprovisioning_factor().value();
  if (set.overprovisioning_percent == 0) nack(join(path, "policy.overprovisioning_factor"), "is zero");
  return set;
}

std::shared_ptr<const Cluster> make_cluster(const ClusterDefinition& definition, const EndpointSet& endpoints) {
  auto cluster = std::make_shared<Cluster>(definition.cluster);
  for (const EndpointSet::Group& group : endpoints.groups)
    if (!group.hosts.empty()) add_group(definition, group, *cluster);
  compute_priority_load(cluster->priorities, definition.panic_threshold_percent, endpoints.overprovisioning_percent);
  return cluster;
}

}  // namespace weft::mesh
