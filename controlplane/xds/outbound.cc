#include "controlplane/xds/outbound.h"

#include <envoy/config/endpoint/v3/endpoint.pb.h>

#include <algorithm>
#include <map>

#include "controlplane/xds/envoy_parts.h"

namespace weft::controlplane {
namespace {

// A client waits this long for a TLS handshake; istiod's figure.
constexpr Duration kTransportSocketConnectTimeout = Duration::seconds(15);

bool served(const ServicePort& port) { return is_tcp_based(port.protocol); }

// The SPIFFE IDs that a server behind this Service may have: its endpoints' accounts, in every
// trust domain of the mesh.
std::set<std::string> server_identities(const Index& index, const Service& service) {
  std::set<std::string> out;
  for (const ServiceEndpoint& endpoint : index.endpoints(service.hostname)) {
    if (!endpoint.workload) continue;
    out.insert(endpoint.workload->identity(index.mesh().trust_domain));
    for (const std::string& alias : index.mesh().trust_domain_aliases) {
      out.insert(endpoint.workload->identity(alias));
    }
  }
  return out;
}

void set_transport_sockets(const Index& index, const Service& service, const ServicePort& port,
                           envoy_cluster::Cluster* out) {
  if (!index.mesh().enable_auto_mtls || index.service_mtls(service, port) == MtlsMode::kDisable) return;
  envoy_core::TransportSocket mtls;
  const std::string sni = "outbound_." + std::to_string(port.port) + "_._." + service.hostname;
  set_upstream_mtls(sni, server_identities(index, service), &mtls);
  if (service.headless) {  // no endpoint's metadata to match: one socket for all
    *out->mutable_transport_socket() = std::move(mtls);
    return;
  }
  auto* with_mtls = out->add_transport_socket_matches();
  with_mtls->set_name("tlsMode-istio");
  (*with_mtls->mutable_match()->mutable_fields())["tlsMode"].set_string_value("istio");
  *with_mtls->mutable_transport_socket() = std::move(mtls);
  auto* plaintext = out->add_transport_socket_matches();
  plaintext->set_name("tlsMode-disabled");
  plaintext->mutable_match();
  set_raw_buffer(plaintext->mutable_transport_socket());
}

ResourcePtr service_cluster(const Index& index, const Service& service, const ServicePort& port) {
  envoy_cluster::Cluster cluster;
  const std::string name = outbound_cluster_name(service, port.port);
  cluster.set_name(name);
  cluster.set_alt_stat_name(name + ";");
  set_duration(index.mesh().connect_timeout, cluster.mutable_connect_timeout());
  if (service.headless) {
    cluster.set_type(envoy_cluster::Cluster::ORIGINAL_DST);
    cluster.set_lb_policy(envoy_cluster::Cluster::CLUSTER_PROVIDED);
  } else {
    cluster.set_type(envoy_cluster::Cluster::EDS);
    cluster.set_lb_policy(envoy_cluster::Cluster::LEAST_REQUEST);
    auto* config = cluster.mutable_eds_cluster_config();
    config->set_service_name(name);
    config->mutable_eds_config()->mutable_ads();
    config->mutable_eds_config()->mutable_initial_fetch_timeout();  // zero: no limit
    config->mutable_eds_config()->set_resource_api_version(envoy_core::V3);
  }
  set_unlimited(&cluster);
  cluster.mutable_common_lb_config()->mutable_healthy_panic_threshold();  // zero: never panic
  set_transport_sockets(index, service, port, &cluster);
  set_services_metadata({{service.hostname, service.name, service.name_space}}, cluster.mutable_metadata());
  return make_resource(name, cluster);
}

std::string label(const Labels& labels, const std::string& key) {
  const auto it = labels.find(key);
  return it == labels.end() ? "" : it->second;
}

// The workload behind a pod: its controller's name, which for generated names is the pod's without its random tail.
std::string workload_name(const Workload& workload) {
  const std::string hash = label(workload.labels, "pod-template-hash");
  const std::size_t at = hash.empty() ? std::string::npos : workload.name.rfind("-" + hash);
  return at == std::string::npos || at == 0 ? workload.name : workload.name.substr(0, at);
}

std::string canonical_name(const Workload& workload) {
  for (const char* key : {"service.istio.io/canonical-name", "app.kubernetes.io/name", "app"}) {
    if (const std::string name = label(workload.labels, key); !name.empty()) return name;
  }
  return workload_name(workload);
}

// Empty where nobody has named one: Istio's webhook writes "latest" then.
std::string canonical_revision(const Workload& workload) {
  for (const char* key : {"service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"}) {
    const std::string revision = label(workload.labels, key);
    if (!revision.empty()) return revision == "latest" ? "" : revision;
  }
  return "";
}

void set_endpoint_metadata(const Index& index, const ServiceEndpoint& endpoint, std::uint16_t port,
                           envoy_core::Metadata* out) {
  auto& metadata = *out->mutable_filter_metadata();
  if (index.endpoint_takes_mtls(endpoint, port)) {
    (*metadata["envoy.transport_socket_match"].mutable_fields())["tlsMode"].set_string_value("istio");
  }
  if (!endpoint.workload) return;
  const Workload& workload = *endpoint.workload;
  (*metadata["istio"].mutable_fields())["workload"].set_string_value(
      workload_name(workload) + ";" + workload.name_space + ";" + canonical_name(workload) + ";" +
      canonical_revision(workload) + ";" + index.options().cluster_id);
}

// The addresses of one pod behind one port: the first is the endpoint's, the others its additional ones.
struct PortEndpoint {
  const ServiceEndpoint* endpoint;
  std::uint16_t port;
  std::vector<IpAddress> addresses;
};

std::vector<PortEndpoint> port_endpoints(const Index& index, const Service& service, const ServicePort& port,
                                         const std::string* node) {
  std::vector<PortEndpoint> out;
  std::map<const Workload*, std::size_t> by_workload;
  for (const ServiceEndpoint& endpoint : index.endpoints(service.hostname)) {
    const auto target = endpoint.ports.find(port.name);
    if (target == endpoint.ports.end() || !endpoint.usable(service)) continue;
    if (node && endpoint.node != *node) continue;
    const auto known = by_workload.find(endpoint.workload.get());
    if (endpoint.workload && known != by_workload.end() && out[known->second].port == target->second) {
      out[known->second].addresses.push_back(endpoint.address);
      continue;
    }
    if (endpoint.workload) by_workload[endpoint.workload.get()] = out.size();
    out.push_back({&endpoint, target->second, {endpoint.address}});
  }
  for (PortEndpoint& each : out) {  // the pod's primary family first
    if (!each.endpoint->workload || each.endpoint->workload->addresses.empty()) continue;
    const IpAddress primary = each.endpoint->workload->addresses.front();
    std::stable_partition(each.addresses.begin(), each.addresses.end(),
                          [&](const IpAddress& address) { return address == primary; });
  }
  return out;
}

ResourcePtr load_assignment(const Index& index, const Service& service, const ServicePort& port,
                            const std::string* node) {
  using Assignment = envoy::config::endpoint::v3::ClusterLoadAssignment;
  Assignment out;
  out.set_cluster_name(outbound_cluster_name(service, port.port));
  std::map<std::string, envoy::config::endpoint::v3::LocalityLbEndpoints> by_locality;
  for (const PortEndpoint& each : port_endpoints(index, service, port, node)) {
    const Locality& locality = each.endpoint->locality;
    auto& group = by_locality[locality.to_string()];
    group.mutable_locality()->set_region(locality.region);
    group.mutable_locality()->set_zone(locality.zone);
    group.mutable_locality()->set_sub_zone(locality.sub_zone);
    auto* endpoint = group.add_lb_endpoints();
    set_address(each.addresses.front(), each.port, endpoint->mutable_endpoint()->mutable_address());
    for (std::size_t i = 1; i < each.addresses.size(); ++i) {
      auto* additional = endpoint->mutable_endpoint()->add_additional_addresses();
      set_address(each.addresses[i], each.port, additional->mutable_address());
    }
    endpoint->set_health_status(envoy_core::HEALTHY);
    set_endpoint_metadata(index, *each.endpoint, each.port, endpoint->mutable_metadata());
    endpoint->mutable_load_balancing_weight()->set_value(1);
  }
  for (auto& [name, group] : by_locality) {
    group.mutable_load_balancing_weight()->set_value(static_cast<std::uint32_t>(group.lb_endpoints_size()));
    *out.add_endpoints() = std::move(group);
  }
  return make_resource(out.cluster_name(), out);
}

OutboundListener tcp_listener(const MeshConfig& mesh, const std::vector<IpAddress>& binds,
                              const Service& service, std::uint16_t port) {
  envoy_listener::Listener listener;
  const std::string name = binds.front().to_string() + "_" + std::to_string(port);
  listener.set_name(name);
  set_address(binds.front(), port, listener.mutable_address());
  for (std::size_t i = 1; i < binds.size(); ++i) {
    set_address(binds[i], port, listener.add_additional_addresses()->mutable_address());
  }
  auto* chain = listener.add_filter_chains();
  add_tcp_proxy(outbound_cluster_name(service, port), chain);
  set_duration(kTransportSocketConnectTimeout, chain->mutable_transport_socket_connect_timeout());
  set_duration(mesh.protocol_detection_timeout, listener.mutable_listener_filters_timeout());
  listener.set_continue_on_listener_filters_timeout(true);
  listener.set_traffic_direction(envoy_core::OUTBOUND);
  listener.mutable_bind_to_port()->set_value(false);
  return {make_resource(name, listener), binds.front(), service.headless};
}

}  // namespace

std::string outbound_cluster_name(const Service& service, std::uint16_t port) {
  return "outbound|" + std::to_string(port) + "||" + service.hostname;
}

std::vector<ResourcePtr> service_clusters(const Index& index, const Service& service) {
  std::vector<ResourcePtr> out;
  for (const ServicePort& port : service.ports) {
    if (served(port)) out.push_back(service_cluster(index, service, port));
  }
  return out;
}

std::vector<ResourcePtr> service_endpoints(const Index& index, const Service& service, const std::string* node) {
  std::vector<ResourcePtr> out;
  if (service.headless) return out;
  for (const ServicePort& port : service.ports) {
    if (served(port)) out.push_back(load_assignment(index, service, port, node));
  }
  return out;
}

std::vector<OutboundListener> service_listeners(const Index& index, const Service& service) {
  std::vector<OutboundListener> out;
  for (const ServicePort& port : service.ports) {
    if (!served(port)) continue;
    if (!service.headless) {
      if (!service.addresses.empty()) {
        out.push_back(tcp_listener(index.mesh(), service.addresses, service, port.port));
      }
      continue;
    }
    for (const PortEndpoint& each : port_endpoints(index, service, port, nullptr)) {
      out.push_back(tcp_listener(index.mesh(), each.addresses, service, port.port));
    }
  }
  return out;
}

ResourcePtr passthrough_cluster(const MeshConfig& mesh) {
  envoy_cluster::Cluster cluster;
  cluster.set_name("PassthroughCluster");
  cluster.set_alt_stat_name("PassthroughCluster;");
  cluster.set_type(envoy_cluster::Cluster::ORIGINAL_DST);
  cluster.set_lb_policy(envoy_cluster::Cluster::CLUSTER_PROVIDED);
  set_duration(mesh.connect_timeout, cluster.mutable_connect_timeout());
  set_unlimited(&cluster);
  return make_resource(cluster.name(), cluster);
}

ResourcePtr black_hole_cluster(const MeshConfig& mesh) {
  envoy_cluster::Cluster cluster;
  cluster.set_name("BlackHoleCluster");
  cluster.set_alt_stat_name("BlackHoleCluster;");
  cluster.set_type(envoy_cluster::Cluster::STATIC);
  set_duration(mesh.connect_timeout, cluster.mutable_connect_timeout());
  return make_resource(cluster.name(), cluster);
}

}  // namespace weft::controlplane
