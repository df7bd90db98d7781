#include "controlplane/xds/inbound.h"

#include <envoy/extensions/filters/listener/original_dst/v3/original_dst.pb.h>
#include <envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h>

#include <map>

#include "controlplane/xds/authorization_filters.h"
#include "controlplane/xds/envoy_parts.h"

namespace weft::controlplane {
namespace {

using Filters = std::vector<envoy_listener::Filter>;

// What an Istio client offers: the mark of mutual TLS that ends at the proxy, not at the application.
constexpr const char* kIstioProtocols[] = {"istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1",
                                           "istio-h2"};

std::vector<IpAddress> wildcards(const Proxy& proxy) {
  const IpAddress any4, any6 = *IpAddress::parse("::");
  if (proxy.has_v6() && proxy.has_v4()) return {any4, any6};
  return {proxy.has_v6() ? any6 : any4};
}

// The address from which the application sees what the proxy delivers; the data plane takes it as "deliver to the pod".
void set_pod_bind(const Proxy& proxy, envoy_cluster::Cluster* cluster) {
  auto* bind = cluster->mutable_upstream_bind_config();
  const bool v6_only = proxy.has_v6() && !proxy.has_v4();
  bind->mutable_source_address()->set_address(v6_only ? "::6" : "127.0.0.6");
  bind->mutable_source_address()->set_port_value(0);
  if (!proxy.has_v6() || !proxy.has_v4()) return;
  auto* second = bind->add_extra_source_addresses()->mutable_address();
  second->set_address("::6");
  second->set_port_value(0);
}

envoy_cluster::Cluster original_destination(const MeshConfig& mesh, const std::string& name) {
  envoy_cluster::Cluster cluster;
  cluster.set_name(name);
  cluster.set_alt_stat_name(name + ";");
  cluster.set_type(envoy_cluster::Cluster::ORIGINAL_DST);
  cluster.set_lb_policy(envoy_cluster::Cluster::CLUSTER_PROVIDED);
  set_duration(mesh.connect_timeout, cluster.mutable_connect_timeout());
  set_unlimited(&cluster);
  return cluster;
}

std::string inbound_cluster_name(std::uint16_t port) { return "inbound|" + std::to_string(port) + "||"; }

// By the workload's own port: the Services that name it.
using Targets = std::map<std::uint16_t, std::vector<ServiceName>>;

Targets targets_of(const Index& index, const Workload* workload) {
  Targets out;
  if (!workload) return out;
  for (const ServiceTarget& target : index.targets_of(*workload)) {
    if (!is_tcp_based(target.port.protocol) || target.target_port == 0) continue;
    const Service& service = *target.service;
    auto& services = out[target.target_port];
    const ServiceName name{service.hostname, service.name, service.name_space};
    if (std::find(services.begin(), services.end(), name) == services.end()) services.push_back(name);
  }
  return out;
}

ResourcePtr inbound_cluster(const MeshConfig& mesh, const Proxy& proxy, std::uint16_t port,
                            const std::vector<ServiceName>& services) {
  envoy_cluster::Cluster cluster = original_destination(mesh, inbound_cluster_name(port));
  cluster.mutable_cleanup_interval()->set_seconds(9223372035);  // never
  cluster.mutable_common_lb_config();
  set_pod_bind(proxy, &cluster);
  set_services_metadata(services, cluster.mutable_metadata());
  return make_resource(cluster.name(), cluster);
}

ResourcePtr inbound_passthrough_cluster(const MeshConfig& mesh, const Proxy& proxy) {
  envoy_cluster::Cluster cluster = original_destination(mesh, "InboundPassthroughCluster");
  cluster.set_alt_stat_name("PassthroughCluster;");
  set_pod_bind(proxy, &cluster);
  return make_resource(cluster.name(), cluster);
}

// Makes the chains of virtualInbound, and notes which ports look at the first bytes for TLS.
class InboundListener {
 public:
  InboundListener(const MeshConfig& mesh, const Proxy& proxy, Filters authorization)
      : mesh_(mesh), proxy_(proxy), authorization_(std::move(authorization)) {
    const auto binds = wildcards(proxy);
    wildcard_ = binds.front().to_string();
    listener_.set_name("virtualInbound");
    set_address(binds.front(), mesh.proxy_inbound_listen_port, listener_.mutable_address());
    for (std::size_t i = 1; i < binds.size(); ++i) {
      set_address(binds[i], mesh.proxy_inbound_listen_port,
                  listener_.add_additional_addresses()->mutable_address());
    }
    auto* chain = add_chain("virtualInbound-blackhole", mesh.proxy_inbound_listen_port);
    add_tcp_proxy("BlackHoleCluster", chain);
    needs_tls_[mesh.proxy_inbound_listen_port] = false;
  }

  // Ports that no Service names; 0: all that have no chain of their own.
  void add_passthrough(std::uint16_t port, MtlsMode mode) {
    add_port("virtualInbound", port, mode, "InboundPassthroughCluster");
  }
  void add_service_port(std::uint16_t port, MtlsMode mode) {
    add_port(wildcard_ + "_" + std::to_string(port), port, mode, inbound_cluster_name(port));
  }

  ResourcePtr finish() {
    add_listener_filters();
    set_duration(mesh_.protocol_detection_timeout, listener_.mutable_listener_filters_timeout());
    listener_.set_continue_on_listener_filters_timeout(true);
    listener_.set_traffic_direction(envoy_core::INBOUND);
    listener_.mutable_max_connections_to_accept_per_socket_event()->set_value(1);
    return make_resource(listener_.name(), listener_);
  }

 private:
  envoy_listener::FilterChain* add_chain(const std::string& name, std::uint16_t port) {
    auto* chain = listener_.add_filter_chains();
    chain->set_name(name);
    if (port) chain->mutable_filter_chain_match()->mutable_destination_port()->set_value(port);
    return chain;
  }

  // A connection that finds no chain is closed: this is how STRICT refuses plaintext.
  void add_port(const std::string& name, std::uint16_t port, MtlsMode mode, const std::string& cluster) {
    needs_tls_[port] = mode != MtlsMode::kDisable;
    if (mode == MtlsMode::kPermissive || mode == MtlsMode::kStrict) {
      auto* chain = add_transport(name, port, "tls", cluster);
      set_downstream_mtls(mesh_, chain->mutable_transport_socket());
      if (mode == MtlsMode::kStrict) return;
      for (const char* protocol : kIstioProtocols) {
        chain->mutable_filter_chain_match()->add_application_protocols(protocol);
      }
      add_transport(name, port, "tls", cluster);  // the application's own TLS
    }
    add_transport(name, port, "raw_buffer", cluster);
  }

  envoy_listener::FilterChain* add_transport(const std::string& name, std::uint16_t port, const char* transport,
                                             const std::string& cluster) {
    auto* chain = add_chain(name, port);
    chain->mutable_filter_chain_match()->set_transport_protocol(transport);
    for (const envoy_listener::Filter& filter : authorization_) *chain->add_filters() = filter;
    add_tcp_proxy(cluster, chain);
    return chain;
  }

  void add_listener_filters() {
    auto* original = listener_.add_listener_filters();
    original->set_name("envoy.filters.listener.original_dst");
    pack_deterministic(envoy::extensions::filters::listener::original_dst::v3::OriginalDst(),
                       original->mutable_typed_config());
    const bool any_tls = std::any_of(needs_tls_.begin(), needs_tls_.end(), [](auto& p) { return p.second; });
    if (!any_tls) return;
    envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector config;
    config.mutable_initial_read_buffer_size()->set_value(512);
    auto* inspector = listener_.add_listener_filters();
    inspector->set_name("envoy.filters.listener.tls_inspector");
    pack_deterministic(config, inspector->mutable_typed_config());
    set_exceptions(inspector->mutable_filter_disabled());
  }

  // Ports whose chains do not ask for TLS must not wait for the client's first bytes: a server may speak first there.
  void set_exceptions(envoy_listener::ListenerFilterChainMatchPredicate* out) {
    const bool by_default = needs_tls_[0];
    std::vector<std::uint32_t> exceptions;
    for (const auto& [port, needs] : needs_tls_) {
      if (port && needs != by_default) exceptions.push_back(port);
    }
    auto* predicate = by_default ? out : out->mutable_not_match();
    for (const std::uint32_t port : exceptions) {
      auto* range = (exceptions.size() == 1 ? predicate : predicate->mutable_or_match()->add_rules())
                        ->mutable_destination_port_range();
      range->set_start(static_cast<std::int32_t>(port));
      range->set_end(static_cast<std::int32_t>(port) + 1);
    }
  }

  const MeshConfig& mesh_;
  const Proxy& proxy_;
  Filters authorization_;
  std::string wildcard_;
  envoy_listener::Listener listener_;
  std::map<std::uint16_t, bool> needs_tls_;
};

ResourcePtr virtual_inbound(const Index& index, const Proxy& proxy, const Labels& labels, const Targets& targets) {
  const EffectiveMtls mtls = index.peer_authentication(proxy.name_space, labels);
  const auto policies = index.authorization(proxy.name_space, labels);
  InboundListener listener(index.mesh(), proxy, authorization_filters(index.mesh(), policies));
  listener.add_passthrough(0, mtls.mode);
  for (const auto& [port, mode] : mtls.ports) {
    if (!targets.contains(port)) listener.add_passthrough(port, mode);
  }
  for (const auto& [port, services] : targets) listener.add_service_port(port, mtls.at(port));
  return listener.finish();
}

ResourcePtr virtual_outbound(const MeshConfig& mesh, const Proxy& proxy) {
  envoy_listener::Listener listener;
  listener.set_name("virtualOutbound");
  const auto binds = wildcards(proxy);
  set_address(binds.front(), mesh.proxy_listen_port, listener.mutable_address());
  for (std::size_t i = 1; i < binds.size(); ++i) {
    set_address(binds[i], mesh.proxy_listen_port, listener.add_additional_addresses()->mutable_address());
  }
  auto* loop = listener.add_filter_chains();
  loop->set_name("virtualOutbound-blackhole");
  loop->mutable_filter_chain_match()->mutable_destination_port()->set_value(mesh.proxy_listen_port);
  add_tcp_proxy("BlackHoleCluster", loop);
  auto* rest = listener.add_filter_chains();
  rest->set_name("virtualOutbound-catchall-tcp");
  const bool any = mesh.outbound == MeshConfig::Outbound::kAllowAny;
  add_tcp_proxy(any ? "PassthroughCluster" : "BlackHoleCluster", rest);
  listener.mutable_use_original_dst()->set_value(true);
  listener.set_traffic_direction(envoy_core::OUTBOUND);
  listener.mutable_max_connections_to_accept_per_socket_event()->set_value(1);
  return make_resource(listener.name(), listener);
}

}  // namespace

OwnResources own_resources(const Index& index, const Proxy& proxy) {
  const MeshConfig& mesh = index.mesh();
  const auto workload = index.find_workload(proxy.name_space, proxy.name);
  // The node's metadata is the caller's word; the pod object is the cluster's.
  const Labels& labels = workload ? workload->labels : proxy.labels;
  const Targets targets = targets_of(index, workload.get());
  OwnResources out;
  out.clusters.push_back(inbound_passthrough_cluster(mesh, proxy));
  for (const auto& [port, services] : targets) {
    out.clusters.push_back(inbound_cluster(mesh, proxy, port, services));
  }
  out.listeners.push_back(virtual_inbound(index, proxy, labels, targets));
  out.listeners.push_back(virtual_outbound(mesh, proxy));
  return out;
}

bool own_resources_depend_on(const IndexDelta& delta, const Index& index, const Proxy& proxy) {
  if (delta.mesh_config || delta.workloads.contains({proxy.name_space, proxy.name})) return true;
  for (const auto* policies : {&delta.peer_authentication, &delta.authorization}) {
    if (policies->contains(index.mesh().root_namespace) || policies->contains(proxy.name_space)) return true;
  }
  // A Service selects pods of its own namespace only.
  const std::string in_namespace = "." + proxy.name_space + ".svc.";
  for (const auto* hosts : {&delta.services, &delta.endpoints}) {
    for (const std::string& host : *hosts) {
      if (host.find(in_namespace) != std::string::npos) return true;
    }
  }
  return false;
}

}  // namespace weft::controlplane
