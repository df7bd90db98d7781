// What the agent knows of the Kubernetes cluster: plain records, whatever source they came from.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/ip_address.h"
#include "mesh/node.h"

namespace weft::agent {

using ObjectName = std::pair<std::string, std::string>;  // namespace, name
using Labels = std::map<std::string, std::string>;

struct ContainerPort {
  std::string name;
  std::uint16_t port = 0;
  std::string protocol = "TCP";
};

struct PodObject {
  ObjectName name;
  std::string uid;
  std::string node;  // spec.nodeName; empty: not scheduled
  std::string service_account = "default";
  Labels labels, annotations;
  std::vector<std::string> containers;
  std::vector<ContainerPort> ports;
  std::vector<IpAddress> addresses;  // status.podIPs
  std::string workload_name, owner;  // of the controller: "sleep", "kubernetes://apis/apps/v1/namespaces/..."
  bool host_network = false;
};

struct NodeObject {
  std::string name;
  Labels labels;
  std::vector<IpAddress> internal_ips;
  std::vector<IpPrefix> pod_cidrs;
};

struct Cluster {
  std::map<ObjectName, PodObject> pods;
  std::map<std::string, NodeObject> nodes;
  std::vector<mesh::ServicePort> services;  // only ports with a cluster address
  std::vector<std::string> problems;        // "file:line:column: what": what could not be read and is not in here
};

}  // namespace weft::agent
