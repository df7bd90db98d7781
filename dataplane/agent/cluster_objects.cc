#include "dataplane/agent/cluster_objects.h"

#include <charconv>
#include <set>

#include "dataplane/agent/yaml_value.h"

namespace weft::agent {
namespace {

using Value = YamlValue;

struct Metadata {
  ObjectName name;
  std::string uid;
  Labels labels, annotations;
};

Labels read_labels(const std::optional<Value>& value) {
  Labels out;
  if (!value) return out;
  for (const YamlEntry& entry : value->entries()) out[entry.name] = entry.value.plain();
  return out;
}

Metadata read_metadata(const Value& object, bool namespaced) {
  const auto metadata = object.find("metadata");
  if (!metadata) object.fail("has no metadata");
  Metadata out;
  out.name.second = metadata->plain_at("name");
  if (out.name.second.empty()) metadata->fail("has no name");
  out.name.first = metadata->plain_at("namespace");
  if (namespaced && out.name.first.empty()) out.name.first = "default";
  out.uid = metadata->plain_at("uid");
  out.labels = read_labels(metadata->find("labels"));
  out.annotations = read_labels(metadata->find("annotations"));
  return out;
}

// The workload that made the pod: a ReplicaSet's name without the template's hash is its Deployment's.
void read_owner(const Value& metadata, PodObject& pod) {
  std::string kind = "Pod", api = "v1";
  pod.workload_name = pod.name.second;
  for (const Value& owner : metadata.list_at("ownerReferences")) {
    if (owner.plain_at("controller") != "true") continue;
    kind = owner.plain_at("kind");
    api = owner.plain_at("apiVersion");
    pod.workload_name = owner.plain_at("name");
  }
  const auto hash = pod.labels.find("pod-template-hash");
  if (kind == "ReplicaSet" && hash != pod.labels.end() && pod.workload_name.ends_with("-" + hash->second)) {
    kind = "Deployment";
    pod.workload_name.resize(pod.workload_name.size() - hash->second.size() - 1);
  }
  for (char& c : kind) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  pod.owner = "kubernetes://apis/" + api + "/namespaces/" + pod.name.first + "/" + kind + "s/" + pod.workload_name;
}

void read_containers(const Value& spec, PodObject& pod) {
  for (const Value& container : spec.list_at("containers")) {
    pod.containers.push_back(container.plain_at("name"));
    for (const Value& port : container.list_at("ports")) {
      const auto number = port.find("containerPort");
      if (!number) port.fail("has no containerPort");
      ContainerPort out{port.plain_at("name"), static_cast<std::uint16_t>(number->integer(1, 65535)),
                        port.plain_at("protocol")};
      if (out.protocol.empty()) out.protocol = "TCP";
      pod.ports.push_back(std::move(out));
    }
  }
}

PodObject read_pod(const Value& object) {
  Metadata metadata = read_metadata(object, true);
  PodObject pod;
  pod.name = std::move(metadata.name);
  pod.uid = std::move(metadata.uid);
  pod.labels = std::move(metadata.labels);
  pod.annotations = std::move(metadata.annotations);
  read_owner(*object.find("metadata"), pod);
  if (const auto spec = object.find("spec")) {
    pod.node = spec->plain_at("nodeName");
    if (const std::string account = spec->plain_at("serviceAccountName"); !account.empty()) {
      pod.service_account = account;
    }
    pod.host_network = spec->plain_at("hostNetwork") == "true";
    read_containers(*spec, pod);
  }
  if (const auto status = object.find("status")) {
    for (const Value& item : status->list_at("podIPs")) {
      if (const auto ip = item.find("ip")) pod.addresses.push_back(ip->address());
    }
    if (const auto ip = status->find("podIP"); ip && pod.addresses.empty()) pod.addresses.push_back(ip->address());
  }
  return pod;
}

NodeObject read_node(const Value& object) {
  Metadata metadata = read_metadata(object, false);
  NodeObject node;
  node.name = metadata.name.second;
  node.labels = std::move(metadata.labels);
  if (const auto spec = object.find("spec")) {
    for (const Value& cidr : spec->list_at("podCIDRs")) node.pod_cidrs.push_back(cidr.prefix());
    if (const auto cidr = spec->find("podCIDR"); cidr && node.pod_cidrs.empty()) {
      node.pod_cidrs.push_back(cidr->prefix());
    }
  }
  if (const auto status = object.find("status")) {
    for (const Value& item : status->list_at("addresses")) {
      const auto address = item.find("address");
      if (address && item.plain_at("type") == "InternalIP") node.internal_ips.push_back(address->address());
    }
  }
  return node;
}

std::vector<ServiceObject::Port> read_ports(const Value& parent) {
  std::vector<ServiceObject::Port> out;
  for (const Value& item : parent.list_at("ports")) {
    const auto number = item.find("port");
    if (!number) continue;  // an EndpointSlice may leave it out: "all ports"
    ServiceObject::Port port{item.plain_at("name"), static_cast<std::uint16_t>(number->integer(1, 65535)),
                             item.plain_at("protocol")};
    if (port.protocol.empty()) port.protocol = "TCP";
    out.push_back(std::move(port));
  }
  return out;
}

ServiceObject read_service(const Value& object) {
  ServiceObject service;
  service.name = read_metadata(object, true).name;
  const auto spec = object.find("spec");
  if (!spec) return service;
  const auto add = [&](const Value& ip) {
    if (ip.plain() != "None" && !ip.plain().empty()) service.cluster_ips.push_back(ip.address());
  };
  for (const Value& ip : spec->list_at("clusterIPs")) add(ip);
  if (const auto ip = spec->find("clusterIP"); ip && service.cluster_ips.empty()) add(*ip);
  service.ports = read_ports(*spec);
  service.client_affinity = spec->plain_at("sessionAffinity") == "ClientIP";
  return service;
}

// Kubernetes: an endpoint without the condition is ready.
bool is_ready(const Value& endpoint) {
  const auto conditions = endpoint.find("conditions");
  return !conditions || conditions->plain_at("ready") != "false";
}

EndpointSliceObject read_slice(const Value& object) {
  const Metadata metadata = read_metadata(object, true);
  EndpointSliceObject slice;
  slice.name = metadata.name;
  if (const auto label = metadata.labels.find("kubernetes.io/service-name"); label != metadata.labels.end()) {
    slice.service = label->second;
  }
  slice.ports = read_ports(object);
  if (object.plain_at("addressType") == "FQDN") return slice;
  for (const Value& endpoint : object.list_at("endpoints")) {
    if (!is_ready(endpoint)) continue;
    for (const Value& address : endpoint.list_at("addresses")) slice.ready_addresses.push_back(address.address());
  }
  return slice;
}

void read_object(const Value& object, ClusterObjects& out) {
  const std::string kind = object.plain_at("kind");
  if (kind.empty()) object.fail("has no kind");
  if (kind.ends_with("List") || kind == "List") {
    for (const Value& item : object.list_at("items")) read_object(item, out);
  } else if (kind == "Pod") {
    out.pods.push_back(read_pod(object));
  } else if (kind == "Node") {
    out.nodes.push_back(read_node(object));
  } else if (kind == "Service" && object.plain_at("apiVersion") == "v1") {
    out.services.push_back(read_service(object));
  } else if (kind == "EndpointSlice") {
    out.slices.push_back(read_slice(object));
  }
}

// Slices of a Service by (namespace, name).
using SliceIndex = std::multimap<ObjectName, const EndpointSliceObject*>;

std::vector<Endpoint> backends_of(const ServiceObject& service, const ServiceObject::Port& port, bool v6,
                                  const SliceIndex& slices) {
  std::set<Endpoint> out;
  const auto [first, last] = slices.equal_range(service.name);
  for (auto it = first; it != last; ++it) {
    for (const ServiceObject::Port& target : it->second->ports) {
      if (target.name != port.name || target.protocol != port.protocol) continue;
      for (const IpAddress& address : it->second->ready_addresses) {
        if (address.is_v6() == v6) out.insert({address, target.port});
      }
    }
  }
  return {out.begin(), out.end()};
}

void add_service(const ServiceObject& service, const SliceIndex& slices, Cluster& out) {
  for (const IpAddress& ip : service.cluster_ips) {
    for (const ServiceObject::Port& port : service.ports) {
      if (port.protocol != "TCP" && port.protocol != "UDP") continue;  // SCTP is not translated
      out.services.push_back(
          {.address = {ip, port.port},
           .protocol = port.protocol == "UDP" ? mesh::Protocol::kUdp : mesh::Protocol::kTcp,
           .backends = backends_of(service, port, ip.is_v6(), slices),
           .name = service.name.first + "/" + service.name.second + (port.name.empty() ? "" : ":" + port.name),
           .client_affinity = service.client_affinity});
    }
  }
}

}  // namespace

std::expected<ClusterObjects, std::string> parse_cluster_objects(std::string_view yaml, std::string_view name) {
  try {
    ClusterObjects out;
    for (const YAML::Node& document : YAML::LoadAll(std::string(yaml))) {
      if (!document.IsNull()) read_object(Value(document, name, ""), out);
    }
    return out;
  } catch (const YAML::Exception& error) {
    return std::unexpected(std::string(name) + ":" + std::to_string(error.mark.line + 1) + ":" +
                           std::to_string(error.mark.column + 1) + ": not YAML: " + error.msg);
  } catch (const YamlError& error) {
    return std::unexpected(std::string(error.what()));
  }
}

Cluster merge_objects(const std::map<std::string, ClusterObjects>& by_file) {
  Cluster out;
  std::set<ObjectName> services;
  SliceIndex slices;
  const auto duplicate = [&](const std::string& file, std::string_view kind, const std::string& name) {
    out.problems.push_back(file + ": " + std::string(kind) + " " + name +
                           " stands in more than one place; the first counts");
  };
  for (const auto& [file, objects] : by_file) {
    for (const EndpointSliceObject& slice : objects.slices) {
      slices.emplace(ObjectName(slice.name.first, slice.service), &slice);
    }
  }
  for (const auto& [file, objects] : by_file) {
    for (const PodObject& pod : objects.pods) {
      if (!out.pods.emplace(pod.name, pod).second) duplicate(file, "Pod", pod.name.first + "/" + pod.name.second);
    }
    for (const NodeObject& node : objects.nodes) {
      if (!out.nodes.emplace(node.name, node).second) duplicate(file, "Node", node.name);
    }
    for (const ServiceObject& service : objects.services) {
      if (services.insert(service.name).second) {
        add_service(service, slices, out);
      } else {
        duplicate(file, "Service", service.name.first + "/" + service.name.second);
      }
    }
  }
  return out;
}

}  // namespace weft::agent
