// The Kubernetes kinds. kubectl prints every field, so unknown ones are passed over; wrong types and values are errors.
#include <absl/strings/escaping.h>

#include "controlplane/config/decode_kinds.h"

namespace weft::controlplane {
namespace {

std::string address_text(const IpAddress& address) { return address.to_string(); }

void append_address(Fields& fields, std::string_view key, std::vector<IpAddress>& out) {
  const std::string text = fields.text(key);
  if (text.empty()) return;
  if (auto address = IpAddress::parse(text)) {
    out.push_back(*address);
  } else {
    fields.report(ProblemCode::kInvalid, key, "not an IP address: " + text);
  }
}

void append_prefix(Fields& fields, const std::string& key, const std::string& text, std::vector<IpPrefix>& out) {
  if (auto prefix = IpPrefix::parse(text)) {
    out.push_back(*prefix);
  } else {
    fields.report(ProblemCode::kInvalid, key, "not an address prefix: " + text);
  }
}

std::string transport(Fields& port) {
  std::string protocol = port.text("protocol", "TCP");
  if (protocol != "TCP" && protocol != "UDP" && protocol != "SCTP") {
    port.report(ProblemCode::kInvalid, "protocol", "expected TCP, UDP or SCTP, got " + protocol);
  }
  return protocol;
}

// An integer, or the name of a container port.
void read_target_port(Fields& fields, k8s::ServicePort& port) {
  const Value* target = fields.find("targetPort");
  if (!target) return;
  if (target->type == Value::Type::kText) {
    port.target_port_name = target->text;
  } else {
    port.target_port = fields.port("targetPort");
  }
}

void read_cluster_ips(Fields& spec, k8s::Service& service) {
  if (spec.text("clusterIP") == "None") {
    service.headless = true;
    return;
  }
  if (spec.find("clusterIPs")) {
    service.cluster_ips = spec.addresses("clusterIPs");
  } else {
    append_address(spec, "clusterIP", service.cluster_ips);
  }
}

void read_pod_ports(Fields& spec, std::string_view list, k8s::Pod& pod) {
  for (Fields& container : spec.maps(list)) {
    for (Fields& port : container.maps("ports")) {
      pod.ports.push_back({port.text("name"), port.port("containerPort"), transport(port)});
    }
  }
}

k8s::SliceEndpoint read_endpoint(Fields& fields) {
  k8s::SliceEndpoint endpoint;
  endpoint.addresses = fields.addresses("addresses");
  Fields conditions = fields.map("conditions");
  endpoint.ready = conditions.boolean("ready", true);
  endpoint.serving = conditions.boolean("serving", endpoint.ready);
  endpoint.terminating = conditions.boolean("terminating", false);
  Fields target = fields.map("targetRef");
  endpoint.target_kind = target.text("kind");
  endpoint.target_name = target.text("name");
  endpoint.target_namespace = target.text("namespace");
  endpoint.node_name = fields.text("nodeName");
  endpoint.zone = fields.text("zone");
  endpoint.hostname = fields.text("hostname");
  return endpoint;
}

void check_families(Fields& root, const k8s::EndpointSlice& slice) {
  const bool v6 = slice.address_type == "IPv6";
  for (std::size_t i = 0; i < slice.endpoints.size(); ++i) {
    for (const IpAddress& address : slice.endpoints[i].addresses) {
      if (address.is_v6() == v6) continue;
      root.report(ProblemCode::kInvalid, "endpoints[" + std::to_string(i) + "].addresses",
                  address_text(address) + " is not an " + slice.address_type + " address");
    }
  }
}

}  // namespace

k8s::Namespace read_namespace(ObjectMeta meta) { return {std::move(meta)}; }
k8s::ServiceAccount read_service_account(ObjectMeta meta) { return {std::move(meta)}; }

k8s::Node read_node(ObjectMeta meta, Fields root) {
  k8s::Node node;
  node.meta = std::move(meta);
  Fields spec = root.map("spec");
  if (spec.find("podCIDRs")) {
    const std::vector<std::string> prefixes = spec.texts("podCIDRs");
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
      append_prefix(spec, "podCIDRs[" + std::to_string(i) + ']', prefixes[i], node.pod_cidrs);
    }
  } else if (const std::string prefix = spec.text("podCIDR"); !prefix.empty()) {
    append_prefix(spec, "podCIDR", prefix, node.pod_cidrs);
  }
  for (Fields& address : root.map("status").maps("addresses")) {
    const std::string type = address.text("type");
    if (type == "InternalIP") append_address(address, "address", node.internal_addresses);
    if (type == "ExternalIP") append_address(address, "address", node.external_addresses);
  }
  return node;
}

k8s::Pod read_pod(ObjectMeta meta, Fields root) {
  k8s::Pod pod;
  pod.meta = std::move(meta);
  Fields spec = root.map("spec");
  pod.node_name = spec.text("nodeName");
  pod.service_account = spec.text("serviceAccountName");
  if (pod.service_account.empty()) pod.service_account = spec.text("serviceAccount");
  if (pod.service_account.empty()) pod.service_account = "default";
  pod.host_network = spec.boolean("hostNetwork", false);
  pod.hostname = spec.text("hostname");
  pod.subdomain = spec.text("subdomain");
  read_pod_ports(spec, "containers", pod);
  read_pod_ports(spec, "initContainers", pod);  // sidecar containers may serve ports
  Fields status = root.map("status");
  pod.phase = status.text("phase");
  for (Fields& address : status.maps("podIPs")) append_address(address, "ip", pod.addresses);
  if (pod.addresses.empty()) append_address(status, "podIP", pod.addresses);
  std::vector<IpAddress> host;
  append_address(status, "hostIP", host);
  if (!host.empty()) pod.host_address = host.front();
  for (Fields& condition : status.maps("conditions")) {
    if (condition.text("type") == "Ready") pod.ready = condition.text("status") == "True";
  }
  return pod;
}

k8s::Service read_service(ObjectMeta meta, Fields root) {
  k8s::Service service;
  service.meta = std::move(meta);
  Fields spec = root.map("spec");
  service.type = spec.text("type", "ClusterIP");
  service.external_name = spec.text("externalName");
  if (service.type == "ExternalName") {
    spec.report(ProblemCode::kFieldNotRead, "type", "ExternalName: the mesh does not serve this Service");
  } else {
    read_cluster_ips(spec, service);
  }
  service.selector = spec.text_map("selector");
  for (Fields& fields : spec.maps("ports")) {
    k8s::ServicePort port;
    port.name = fields.text("name");
    port.port = fields.port("port");
    if (port.port == 0) fields.report(ProblemCode::kInvalid, "port", "a Service port needs a number");
    port.protocol = transport(fields);
    if (port.protocol == "SCTP") fields.report(ProblemCode::kNoEffect, "protocol", "SCTP ports are not served");
    port.app_protocol = fields.text("appProtocol");
    read_target_port(fields, port);
    service.ports.push_back(std::move(port));
  }
  service.external_ips = spec.addresses("externalIPs");
  service.publish_not_ready_addresses = spec.boolean("publishNotReadyAddresses", false);
  service.internal_traffic_local = spec.text("internalTrafficPolicy") == "Local";
  service.client_ip_affinity = spec.text("sessionAffinity") == "ClientIP";
  service.traffic_distribution = spec.text("trafficDistribution");
  return service;
}

k8s::EndpointSlice read_endpoint_slice(ObjectMeta meta, Fields root) {
  k8s::EndpointSlice slice;
  auto service = meta.labels.find("kubernetes.io/service-name");
  if (service != meta.labels.end()) slice.service_name = service->second;
  slice.meta = std::move(meta);
  slice.address_type = root.text("addressType");
  if (slice.address_type == "FQDN") {
    root.report(ProblemCode::kNoEffect, "addressType", "slices of host names are passed over");
    return slice;
  }
  if (slice.address_type != "IPv4" && slice.address_type != "IPv6") {
    root.report(ProblemCode::kInvalid, "addressType", "expected IPv4, IPv6 or FQDN, got \"" + slice.address_type + '"');
    return slice;
  }
  for (Fields& endpoint : root.maps("endpoints")) slice.endpoints.push_back(read_endpoint(endpoint));
  check_families(root, slice);
  for (Fields& port : root.maps("ports")) {
    slice.ports.push_back({port.text("name"), port.port("port"), transport(port), port.text("appProtocol")});
  }
  return slice;
}

k8s::Secret read_secret(ObjectMeta meta, Fields root) {
  k8s::Secret secret;
  secret.meta = std::move(meta);
  secret.type = root.text("type");
  for (auto& [key, encoded] : root.text_map("data")) {
    std::string decoded;
    if (absl::Base64Unescape(encoded, &decoded)) {
      secret.data[key] = std::move(decoded);
    } else {  // the value itself stays out of the message: it is a secret
      root.report(ProblemCode::kInvalid, "data." + key, "not base64");
    }
  }
  for (auto& [key, text] : root.text_map("stringData")) secret.data[key] = text;
  return secret;
}

k8s::ConfigMap read_config_map(ObjectMeta meta, Fields root) {
  k8s::ConfigMap map;
  map.meta = std::move(meta);
  map.data = root.text_map("data");
  return map;
}

}  // namespace weft::controlplane
