// Kubernetes objects in one YAML file, of the kinds that the node needs; other kinds are passed over.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/agent/cluster.h"

namespace weft::agent {

struct ServiceObject {
  struct Port {
    std::string name;
    std::uint16_t port = 0;
    std::string protocol = "TCP";
  };
  ObjectName name;
  std::vector<IpAddress> cluster_ips;  // none: headless or ExternalName
  std::vector<Port> ports;
  bool client_affinity = false;
};

struct EndpointSliceObject {
  ObjectName name;
  std::string service;  // label kubernetes.io/service-name
  std::vector<IpAddress> ready_addresses;
  std::vector<ServiceObject::Port> ports;
};

struct ClusterObjects {
  std::vector<PodObject> pods;
  std::vector<NodeObject> nodes;
  std::vector<ServiceObject> services;
  std::vector<EndpointSliceObject> slices;
};

// Documents separated by `---`, each an object or a List. All or nothing: the error is "name:line:column: what".
std::expected<ClusterObjects, std::string> parse_cluster_objects(std::string_view yaml, std::string_view name);

// Several files' objects as one cluster. An object that stands in two files is taken from the first and reported.
Cluster merge_objects(const std::map<std::string, ClusterObjects>& by_file);

}  // namespace weft::agent
