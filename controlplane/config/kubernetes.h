// The Kubernetes objects we read, reduced to the fields that mean something to the mesh. Plain values, immutable once
// they are in the store. Names are Kubernetes' own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"

namespace weft::controlplane {

using Labels = std::map<std::string, std::string>;
struct MeshConfig;

struct ObjectMeta {
  std::string name;
  std::string name_space;
  std::string uid;
  Labels labels;
  Labels annotations;
  // From creationTimestamp; the time of first load where that is absent. Orders policies: the oldest wins.
  std::int64_t creation_unix_ns = 0;
  bool being_deleted = false;  // deletionTimestamp is set

  bool operator==(const ObjectMeta&) const = default;
};

namespace k8s {

struct Namespace {
  ObjectMeta meta;
  bool operator==(const Namespace&) const = default;
};

struct Node {
  ObjectMeta meta;
  std::vector<IpPrefix> pod_cidrs;           // spec.podCIDRs, else podCIDR
  std::vector<IpAddress> internal_addresses; // status.addresses of type InternalIP
  std::vector<IpAddress> external_addresses; // ... ExternalIP
  bool operator==(const Node&) const = default;
};

struct ContainerPort {
  std::string name;
  std::uint16_t container_port = 0;
  std::string protocol = "TCP";
  bool operator==(const ContainerPort&) const = default;
};

struct Pod {
  ObjectMeta meta;
  std::string node_name;
  std::string service_account;               // "default" where the pod names none
  bool host_network = false;
  std::vector<IpAddress> addresses;          // status.podIPs, else podIP; the primary first
  std::optional<IpAddress> host_address;
  std::string phase;                         // Pending, Running, Succeeded, Failed, Unknown
  bool ready = false;                        // condition Ready is True
  std::vector<ContainerPort> ports;
  std::string hostname;
  std::string subdomain;
  bool operator==(const Pod&) const = default;
};

struct ServicePort {
  std::string name;
  std::uint16_t port = 0;
  std::string protocol = "TCP";              // TCP, UDP, SCTP
  std::string app_protocol;
  std::uint16_t target_port = 0;             // 0: by name, or absent (then it is `port`)
  std::string target_port_name;
  bool operator==(const ServicePort&) const = default;
};

struct Service {
  ObjectMeta meta;
  std::string type = "ClusterIP";
  std::vector<IpAddress> cluster_ips;        // empty: headless or ExternalName
  bool headless = false;
  std::string external_name;
  Labels selector;
  std::vector<ServicePort> ports;
  std::vector<IpAddress> external_ips;
  bool publish_not_ready_addresses = false;
  bool internal_traffic_local = false;       // internalTrafficPolicy: Local
  bool client_ip_affinity = false;           // sessionAffinity: ClientIP
  std::string traffic_distribution;
  bool operator==(const Service&) const = default;
};

struct ServiceAccount {
  ObjectMeta meta;
  bool operator==(const ServiceAccount&) const = default;
};

struct Secret {
  ObjectMeta meta;
  std::string type;
  std::map<std::string, std::string> data;   // decoded from base64; stringData included
  bool operator==(const Secret&) const = default;
};

struct ConfigMap {
  ObjectMeta meta;
  std::map<std::string, std::string> data;
  std::shared_ptr<const MeshConfig> mesh;    // set for the mesh's own ConfigMap only
  bool operator==(const ConfigMap&) const;
};

struct EndpointPort {
  std::string name;
  std::uint16_t port = 0;                    // 0: none given ("all ports")
  std::string protocol = "TCP";
  std::string app_protocol;
  bool operator==(const EndpointPort&) const = default;
};

struct SliceEndpoint {
  std::vector<IpAddress> addresses;
  // Kubernetes reads an absent condition as ready, serving as ready, not terminating.
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  std::string target_kind;                   // "Pod", or empty
  std::string target_name;
  std::string target_namespace;
  std::string node_name;
  std::string zone;
  std::string hostname;
  bool operator==(const SliceEndpoint&) const = default;
};

struct EndpointSlice {
  ObjectMeta meta;
  std::string address_type;                  // IPv4, IPv6 (FQDN slices are reported and ignored)
  std::string service_name;                  // label kubernetes.io/service-name
  std::vector<SliceEndpoint> endpoints;
  std::vector<EndpointPort> ports;
  bool operator==(const EndpointSlice&) const = default;
};

}  // namespace k8s
}  // namespace weft::controlplane
