// The least resources that make a pod ready, and some that are refused. For tests only.
#pragma once

#include <string>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/extensions/filters/listener/original_dst/v3/original_dst.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "google/protobuf/struct.pb.h"

namespace weft::agent {

inline envoy::config::cluster::v3::Cluster example_cluster(const std::string& name) {
  envoy::config::cluster::v3::Cluster out;
  out.set_name(name);
  out.set_type(envoy::config::cluster::v3::Cluster::EDS);
  out.mutable_eds_cluster_config()->mutable_eds_config()->mutable_ads();
  out.mutable_eds_cluster_config()->set_service_name(name);
  out.mutable_connect_timeout()->set_seconds(10);
  return out;
}

inline envoy::config::endpoint::v3::ClusterLoadAssignment example_endpoints(const std::string& cluster) {
  envoy::config::endpoint::v3::ClusterLoadAssignment out;
  out.set_cluster_name(cluster);
  auto& address = *out.add_endpoints()->add_lb_endpoints()->mutable_endpoint()->mutable_address();
  address.mutable_socket_address()->set_address("10.244.2.5");
  address.mutable_socket_address()->set_port_value(80);
  return out;
}

// virtualOutbound or virtualInbound, leading to one cluster.
inline envoy::config::listener::v3::Listener example_listener(const std::string& name, const std::string& cluster) {
  envoy::config::listener::v3::Listener out;
  const bool outbound = name == "virtualOutbound";
  out.set_name(name);
  out.mutable_address()->mutable_socket_address()->set_address("0.0.0.0");
  out.mutable_address()->mutable_socket_address()->set_port_value(outbound ? 15001 : 15006);
  out.set_traffic_direction(outbound ? envoy::config::core::v3::OUTBOUND : envoy::config::core::v3::INBOUND);
  if (outbound) {
    out.mutable_use_original_dst()->set_value(true);
  } else {
    auto& original_dst = *out.add_listener_filters();
    original_dst.set_name("envoy.filters.listener.original_dst");
    original_dst.mutable_typed_config()->PackFrom(
        envoy::extensions::filters::listener::original_dst::v3::OriginalDst());
  }
  envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy proxy;
  proxy.set_stat_prefix(cluster);
  proxy.set_cluster(cluster);
  auto& filter = *out.add_filter_chains()->add_filters();
  filter.set_name("envoy.filters.network.tcp_proxy");
  filter.mutable_typed_config()->PackFrom(proxy);
  return out;
}

// A listener with a filter that nobody knows: who gets in would depend on it.
inline envoy::config::listener::v3::Listener bad_listener() {
  auto out = example_listener("virtualInbound", "web");
  out.set_name("10.0.0.1_80");
  out.mutable_address()->mutable_socket_address()->set_address("10.0.0.1");
  out.mutable_address()->mutable_socket_address()->set_port_value(80);
  auto& filter = *out.mutable_filter_chains(0)->mutable_filters(0);
  filter.set_name("example.unknown");
  filter.mutable_typed_config()->PackFrom(google::protobuf::Struct());
  return out;
}

inline constexpr const char* kClusterUrl = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
inline constexpr const char* kEndpointsUrl = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
inline constexpr const char* kListenerUrl = "type.googleapis.com/envoy.config.listener.v3.Listener";

}  // namespace weft::agent
