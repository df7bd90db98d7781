#include "dataplane/agent/node_metadata.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <nlohmann/json.hpp>

#include "envoy/config/core/v3/base.pb.h"

namespace weft::agent {
namespace {

using google::protobuf::Struct;

// The Istio release whose shapes we read; istiod sends older ones to older agents.
constexpr const char* kIstioVersion = "1.32.0";
constexpr const char* kRegion = "topology.kubernetes.io/region";
constexpr const char* kZone = "topology.kubernetes.io/zone";
constexpr const char* kSubzone = "topology.istio.io/subzone";

void set(Struct& out, const std::string& key, const std::string& value) {
  (*out.mutable_fields())[key].set_string_value(value);
}

std::string value_or(const Labels& labels, const std::string& key, std::string fallback) {
  const auto it = labels.find(key);
  return it == labels.end() ? std::move(fallback) : it->second;
}

// The injector sets these two labels on the pods that it changes; ours are not changed.
void add_canonical_names(Struct& labels, const PodObject& pod) {
  const std::string app =
      value_or(pod.labels, "app.kubernetes.io/name", value_or(pod.labels, "app", pod.workload_name));
  const std::string version =
      value_or(pod.labels, "app.kubernetes.io/version", value_or(pod.labels, "version", "latest"));
  const std::string name_key = "service.istio.io/canonical-name", revision_key = "service.istio.io/canonical-revision";
  set(labels, name_key, value_or(pod.labels, name_key, app));
  set(labels, revision_key, value_or(pod.labels, revision_key, version));
}

void add_labels(Struct& metadata, const PodObject& pod, const NodeObject* node) {
  Struct& labels = *(*metadata.mutable_fields())["LABELS"].mutable_struct_value();
  for (const auto& [key, value] : pod.labels) set(labels, key, value);
  add_canonical_names(labels, pod);
  if (node == nullptr) return;
  for (const char* key : {kRegion, kZone, kSubzone}) {
    if (const std::string value = value_or(node->labels, key, ""); !value.empty()) set(labels, key, value);
  }
}

// As the injector writes them; only sidecar.istio.io/* matter to the control plane.
void add_annotations(Struct& metadata, const PodObject& pod) {
  Struct& annotations = *(*metadata.mutable_fields())["ANNOTATIONS"].mutable_struct_value();
  for (const auto& [key, value] : pod.annotations) {
    if (key.starts_with("sidecar.istio.io/") || key.starts_with("proxy.istio.io/")) set(annotations, key, value);
  }
}

std::string pod_ports(const PodObject& pod) {
  nlohmann::json out = nlohmann::json::array();
  for (const ContainerPort& port : pod.ports) {
    out.push_back({{"name", port.name}, {"containerPort", port.port}, {"protocol", port.protocol}});
  }
  return out.dump();
}

std::string joined_addresses(const PodView& view) {
  std::string out;
  for (const IpAddress& address : view.addresses) out += (out.empty() ? "" : ",") + address.to_string();
  return out;
}

std::string joined_containers(const PodObject& pod) {
  std::string out;
  for (const std::string& container : pod.containers) out += (out.empty() ? "" : ",") + container;
  return out;
}

void add_metadata(Struct& metadata, const PodView& view, const Bootstrap& config) {
  const PodObject& pod = *view.object;
  set(metadata, "APP_CONTAINERS", joined_containers(pod));
  set(metadata, "CLUSTER_ID", config.mesh.cluster_id);
  set(metadata, "INSTANCE_IPS", joined_addresses(view));
  set(metadata, "INTERCEPTION_MODE", "REDIRECT");
  set(metadata, "ISTIO_VERSION", kIstioVersion);
  set(metadata, "MESH_ID", config.mesh.mesh_id);
  set(metadata, "NAME", pod.name.second);
  set(metadata, "NAMESPACE", pod.name.first);
  set(metadata, "NODE_NAME", config.node.name);
  set(metadata, "OWNER", pod.owner);
  set(metadata, "POD_PORTS", pod_ports(pod));
  set(metadata, "SERVICE_ACCOUNT", pod.service_account);
  set(metadata, "WORKLOAD_NAME", pod.workload_name);
  if (!config.mesh.network.empty()) set(metadata, "NETWORK", config.mesh.network);
  Struct& proxy = *(*metadata.mutable_fields())["PROXY_CONFIG"].mutable_struct_value();
  set(proxy, "discoveryAddress", config.xds.address);
  set(proxy, "controlPlaneAuthPolicy", "MUTUAL_TLS");
}

// Struct's map has no order of its own: without this, equal nodes would serialize differently.
std::string serialize(const google::protobuf::Message& message) {
  std::string out;
  google::protobuf::io::StringOutputStream stream(&out);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return out;
}

}  // namespace

std::string xds_node_id(const PodView& view, const MeshOptions& mesh) {
  const auto& [name_space, name] = view.attached.name;
  return "sidecar~" + view.addresses.front().to_string() + "~" + name + "." + name_space + "~" + name_space + ".svc." +
         mesh.dns_domain;
}

std::string xds_node(const PodView& view, const Bootstrap& config, const NodeObject* node) {
  const PodObject& pod = *view.object;
  envoy::config::core::v3::Node out;
  out.set_id(xds_node_id(view, config.mesh));
  out.set_cluster(value_or(pod.labels, "app", pod.workload_name) + "." + pod.name.first);
  add_metadata(*out.mutable_metadata(), view, config);
  add_labels(*out.mutable_metadata(), pod, node);
  add_annotations(*out.mutable_metadata(), pod);
  if (node != nullptr) {
    out.mutable_locality()->set_region(value_or(node->labels, kRegion, ""));
    out.mutable_locality()->set_zone(value_or(node->labels, kZone, ""));
    out.mutable_locality()->set_sub_zone(value_or(node->labels, kSubzone, ""));
  }
  out.set_user_agent_name("weft");
  out.set_user_agent_version("0.1.0");
  out.add_client_features("envoy.lb.does_not_support_overprovisioning");
  return serialize(out);
}

}  // namespace weft::agent
