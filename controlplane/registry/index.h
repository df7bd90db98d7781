// The meaning of one configuration version: services, endpoints, workloads, nodes and the policies that apply to each.
// Immutable; any thread may read it. The proxies' configuration is generated from it and from nothing else.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "controlplane/config/object.h"
#include "controlplane/registry/protocol.h"

namespace weft::controlplane {

class Snapshot;  // config/store.h

struct Locality {
  std::string region, zone, sub_zone;
  std::string to_string() const;  // "east/east-1", "" for none
  bool operator==(const Locality&) const = default;
};

// A pod. Pods that have finished (Succeeded, Failed) are not workloads.
struct Workload {
  std::string name, name_space, uid;
  std::string service_account;
  std::string node;
  std::vector<IpAddress> addresses;      // the primary first; empty until the pod has one
  Labels labels, annotations;
  std::vector<k8s::ContainerPort> ports;
  std::string phase;
  bool ready = false;
  bool host_network = false;
  bool in_mesh = false;                  // label security.istio.io/tlsMode: istio
  Locality locality;                     // label istio-locality, else the node's
  bool operator==(const Workload&) const = default;

  std::string identity(std::string_view trust_domain) const;  // "spiffe://td/ns/x/sa/y"
};

struct ServicePort {
  std::string name;
  std::uint16_t port = 0;
  Protocol protocol = Protocol::kAuto;
  std::uint16_t target_port = 0;         // number; 0: by name
  std::string target_port_name;
  bool operator==(const ServicePort&) const = default;
};

// A Kubernetes Service other than ExternalName.
struct Service {
  std::string hostname;                  // "reviews.bookinfo.svc.cluster.local"
  std::string name, name_space;
  std::vector<IpAddress> addresses;      // cluster IPs, the primary family first; empty: headless
  bool headless = false;
  std::vector<ServicePort> ports;        // UDP ones too, marked by protocol; SCTP left out
  Labels selector, labels, annotations;
  std::set<std::string> export_to;       // "*", ".", "~", namespaces
  std::int64_t creation_unix_ns = 0;
  bool publish_not_ready_addresses = false;
  bool internal_traffic_local = false;
  bool client_ip_affinity = false;
  std::string traffic_distribution;
  bool operator==(const Service&) const = default;

  const ServicePort* find_port(std::uint16_t number) const;
  const ServicePort* find_port(std::string_view port_name) const;
  bool visible_in(std::string_view name_space) const;
};

// One address that backs a Service. Dual-stack pods appear once per family. An endpoint that names a pod which is not
// known (yet) is left out: its identity is unknown, and a pod of the mesh must not be called in plaintext.
struct ServiceEndpoint {
  IpAddress address;
  std::map<std::string, std::uint16_t> ports;  // by the Service port's name
  bool ready = true, serving = true, terminating = false;
  Shared<Workload> workload;             // nullptr: not a pod
  std::string node;
  std::string hostname;
  Locality locality;
  bool in_mesh = false;                  // takes mutual TLS (workload->in_mesh)
  bool operator==(const ServiceEndpoint& other) const;

  // istiod sends endpoints that are ready; and those that are not where the Service publishes them.
  bool usable(const Service& service) const { return ready || service.publish_not_ready_addresses; }
};

// A Service port that a workload serves, with the workload's own port behind it.
struct ServiceTarget {
  Shared<Service> service;
  ServicePort port;
  std::uint16_t target_port = 0;
  bool operator==(const ServiceTarget& other) const;
};

// mTLS modes of a workload's ports after composition. Never kUnset.
struct EffectiveMtls {
  MtlsMode mode = MtlsMode::kPermissive;
  std::map<std::uint16_t, MtlsMode> ports;
  MtlsMode at(std::uint16_t port) const;
  bool operator==(const EffectiveMtls&) const = default;
};

struct NodeInfo {
  std::string name;
  std::vector<IpPrefix> pod_cidrs;
  std::vector<IpAddress> addresses;      // internal ones
  Labels labels;
  Locality locality;
  bool operator==(const NodeInfo&) const = default;
};

struct WorkloadKey {
  std::string name_space, name;
  auto operator<=>(const WorkloadKey&) const = default;
};

struct IndexOptions {
  std::string domain = "cluster.local";  // of Service host names
  std::string cluster_id = "Kubernetes";
};

class Index {
 public:
  // Also of a snapshot that is not synced: whoever pushes asks the Registry, which waits.
  static std::shared_ptr<const Index> build(const Snapshot& snapshot, const IndexOptions& options);

  std::uint64_t version() const { return version_; }
  const IndexOptions& options() const { return options_; }
  const MeshConfig& mesh() const { return mesh_; }

  const std::map<std::string, Shared<Service>>& services() const { return services_; }  // by hostname
  Shared<Service> find_service(std::string_view hostname) const;
  // Usable or not; sorted by address. Empty for an unknown hostname.
  const std::vector<ServiceEndpoint>& endpoints(std::string_view hostname) const;

  const std::map<WorkloadKey, Shared<Workload>>& workloads() const { return workloads_; }
  Shared<Workload> find_workload(std::string_view name_space, std::string_view name) const;
  Shared<Workload> find_workload(const IpAddress& address) const;  // not host-network pods
  std::vector<Shared<Workload>> workloads_on(std::string_view node) const;
  // TCP-based Service ports that this workload serves, ordered by hostname, then as the Service lists them; one per
  // target port and protocol of a Service. As in istiod: by the Services' selectors, and where none selects it, by
  // EndpointSlices.
  std::vector<ServiceTarget> targets_of(const Workload& workload) const;

  const std::map<std::string, NodeInfo>& nodes() const { return nodes_; }
  const std::map<std::string, Shared<k8s::Namespace>>& namespaces() const { return namespaces_; }
  bool has_service_account(std::string_view name_space, std::string_view name) const;

  // mesh < namespace < workload; the oldest wins at each level; UNSET inherits; PERMISSIVE where nothing is said.
  EffectiveMtls peer_authentication(const Workload& workload) const;
  EffectiveMtls peer_authentication(std::string_view name_space, const Labels& labels) const;
  // What a client may assume of a Service port (istiod's best effort): the mode of the Service's namespace, as no
  // selector can be judged for a host name. A headless Service is DISABLE unless it has endpoints and all take mTLS.
  MtlsMode service_mtls(const Service& service, const ServicePort& port) const;
  // The endpoint takes mutual TLS on this port of its own: in the mesh, and its mode there is not DISABLE.
  bool endpoint_takes_mtls(const ServiceEndpoint& endpoint, std::uint16_t port) const;

  // The policies that judge connections to this workload: root namespace and its own, selector matches, no targetRefs.
  // The root namespace's first, each oldest first, then by name. Dry-run policies are included and marked.
  std::vector<Shared<AuthorizationPolicy>> authorization(const Workload& workload) const;
  std::vector<Shared<AuthorizationPolicy>> authorization(std::string_view name_space, const Labels& labels) const;

 private:
  friend class IndexBuilder;
  friend struct IndexDelta;
  Index() = default;
  std::vector<ServiceTarget> targets_by_endpoints(const Workload& workload) const;
  MtlsMode namespace_mtls(const std::string& name_space) const;

  std::uint64_t version_ = 0;
  IndexOptions options_;
  MeshConfig mesh_;
  std::map<std::string, Shared<Service>> services_;
  std::map<std::string, std::vector<ServiceEndpoint>> endpoints_;
  std::map<std::string, std::vector<Shared<Service>>> services_by_namespace_;
  std::map<WorkloadKey, Shared<Workload>> workloads_;
  std::map<IpAddress, Shared<Workload>> workloads_by_address_;
  std::map<std::string, NodeInfo> nodes_;
  std::map<std::string, Shared<k8s::Namespace>> namespaces_;
  std::set<WorkloadKey> service_accounts_;
  // By namespace, each list oldest first; policies with targets are left out.
  std::map<std::string, std::vector<Shared<PeerAuthentication>>> peer_;
  std::map<std::string, std::vector<Shared<AuthorizationPolicy>>> authorization_;
};

// What differs between two versions, so that a push can leave out what did not change.
struct IndexDelta {
  bool mesh_config = false;                         // everything may differ
  std::set<std::string> services;                   // hostnames: added, removed, definition changed
  std::set<std::string> endpoints;                  // hostnames whose endpoints (or their mTLS) changed
  std::set<WorkloadKey> workloads;                  // added, removed, changed
  std::set<std::string> nodes;
  std::set<std::string> namespaces;                 // labels, existence
  std::set<std::string> peer_authentication;        // namespaces with a changed policy; the root namespace: all of them
  std::set<std::string> authorization;              // likewise

  bool empty() const;
  static IndexDelta between(const Index& before, const Index& after);
};

}  // namespace weft::controlplane
