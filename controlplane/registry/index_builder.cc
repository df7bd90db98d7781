// From the objects of one snapshot to the index.
#include <algorithm>

#include "controlplane/config/store.h"
#include "controlplane/registry/index.h"

namespace weft::controlplane {
namespace {

std::string label_of(const Labels& labels, const std::string& key, const std::string& older_key = "") {
  auto found = labels.find(key);
  if (found == labels.end() && !older_key.empty()) found = labels.find(older_key);
  return found == labels.end() ? std::string() : found->second;
}

Locality locality_of(const Labels& node) {
  return {label_of(node, "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"),
          label_of(node, "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"),
          label_of(node, "topology.istio.io/subzone")};
}

std::string take_until(std::string& rest, char separator) {
  const std::size_t at = rest.find(separator);
  std::string head = rest.substr(0, at);
  rest = at == std::string::npos ? "" : rest.substr(at + 1);
  return head;
}

// "region.zone.subzone", as label values have no '/'; where there is a '/', that separates.
Locality locality_of_label(std::string text) {
  const char separator = text.find('/') == std::string::npos ? '.' : '/';
  Locality locality;
  locality.region = take_until(text, separator);
  locality.zone = take_until(text, separator);
  locality.sub_zone = text;
  return locality;
}

std::set<std::string> split_names(const std::string& text) {
  std::set<std::string> names;
  std::string rest = text;
  while (!rest.empty()) {
    std::string name = take_until(rest, ',');
    std::erase(name, ' ');
    if (!name.empty()) names.insert(std::move(name));
  }
  return names;
}

// The oldest policy first; ties go by name and namespace, as in istiod.
template <typename T>
void sort_by_age(std::vector<Shared<T>>& policies) {
  std::sort(policies.begin(), policies.end(), [](const Shared<T>& a, const Shared<T>& b) {
    if (a->meta.creation_unix_ns != b->meta.creation_unix_ns) {
      return a->meta.creation_unix_ns < b->meta.creation_unix_ns;
    }
    return a->meta.name + '.' + a->meta.name_space < b->meta.name + '.' + b->meta.name_space;
  });
}

}  // namespace

class IndexBuilder {
 public:
  IndexBuilder(const Snapshot& snapshot, const IndexOptions& options) : snapshot_(snapshot) {
    index_.options_ = options;
    index_.version_ = snapshot.version();
  }

  std::shared_ptr<const Index> build() {
    read_mesh();
    each<k8s::Namespace>(Kind::kNamespace,
                         [this](const Shared<k8s::Namespace>& n) { index_.namespaces_[n->meta.name] = n; });
    each<k8s::Node>(Kind::kNode, [this](const auto& node) { add_node(*node); });
    each<k8s::ServiceAccount>(Kind::kServiceAccount, [this](const auto& account) {
      index_.service_accounts_.insert({account->meta.name_space, account->meta.name});
    });
    each<k8s::Pod>(Kind::kPod, [this](const auto& pod) { add_pod(*pod); });
    each<k8s::Service>(Kind::kService, [this](const auto& service) { add_service(*service); });
    each<k8s::EndpointSlice>(Kind::kEndpointSlice, [this](const auto& slice) { add_slice(*slice); });
    for (auto& [hostname, by_address] : endpoints_) {
      auto& list = index_.endpoints_[hostname];
      for (auto& [address, endpoint] : by_address) list.push_back(std::move(endpoint));
    }
    add_policies();
    return std::shared_ptr<const Index>(new Index(std::move(index_)));
  }

 private:
  template <typename T, typename Visit>
  void each(Kind kind, Visit visit) {
    for (const auto& [key, object] : snapshot_.of(kind)) visit(std::get<Shared<T>>(object));
  }

  void read_mesh() {
    each<k8s::ConfigMap>(Kind::kConfigMap, [this](const auto& map) {
      if (map->mesh) index_.mesh_ = *map->mesh;
    });
  }

  void add_node(const k8s::Node& node) {
    index_.nodes_[node.meta.name] = {node.meta.name, node.pod_cidrs, node.internal_addresses, node.meta.labels,
                                     locality_of(node.meta.labels)};
  }

  Locality node_locality(const std::string& node) const {
    auto found = index_.nodes_.find(node);
    return found == index_.nodes_.end() ? Locality() : found->second.locality;
  }

  void add_pod(const k8s::Pod& pod) {
    if (pod.phase == "Succeeded" || pod.phase == "Failed") return;  // its address may be another pod's already
    auto workload = std::make_shared<Workload>();
    workload->name = pod.meta.name;
    workload->name_space = pod.meta.name_space;
    workload->uid = pod.meta.uid;
    workload->service_account = pod.service_account;
    workload->node = pod.node_name;
    workload->addresses = pod.addresses;
    workload->labels = pod.meta.labels;
    workload->annotations = pod.meta.annotations;
    workload->ports = pod.ports;
    workload->phase = pod.phase;
    workload->ready = pod.ready && !pod.meta.being_deleted;
    workload->host_network = pod.host_network;
    workload->in_mesh = !pod.host_network && label_of(pod.meta.labels, "security.istio.io/tlsMode") == "istio";
    const std::string locality = label_of(pod.meta.labels, "istio-locality");
    workload->locality = locality.empty() ? node_locality(pod.node_name) : locality_of_label(locality);
    index_.workloads_[{workload->name_space, workload->name}] = workload;
    if (pod.host_network) return;
    for (const IpAddress& address : workload->addresses) claim_address(address, workload, pod);
  }

  // Two pods with one address: one of them is going. The one that stays, or the younger, has it.
  void claim_address(const IpAddress& address, const Shared<Workload>& workload, const k8s::Pod& pod) {
    const std::pair rank(!pod.meta.being_deleted, pod.meta.creation_unix_ns);
    auto [held, is_new] = claims_.try_emplace(address, rank);
    if (!is_new && held->second >= rank) return;
    held->second = rank;
    index_.workloads_by_address_[address] = workload;
  }

  void add_service(const k8s::Service& from) {
    if (from.type == "ExternalName") return;
    auto service = std::make_shared<Service>();
    service->name = from.meta.name;
    service->name_space = from.meta.name_space;
    service->hostname = from.meta.name + '.' + from.meta.name_space + ".svc." + index_.options_.domain;
    service->addresses = from.cluster_ips;
    service->headless = from.headless;
    for (const k8s::ServicePort& port : from.ports) {
      if (port.protocol == "SCTP") continue;
      service->ports.push_back({port.name, port.port,
                                protocol_of(port.port, port.name, port.protocol, port.app_protocol), port.target_port,
                                port.target_port_name});
    }
    service->selector = from.selector;
    service->labels = from.meta.labels;
    service->annotations = from.meta.annotations;
    service->export_to = split_names(label_of(from.meta.annotations, "networking.istio.io/exportTo"));
    if (service->export_to.empty()) {
      const auto& given = index_.mesh_.default_service_export_to;
      service->export_to = {given.begin(), given.end()};
    }
    service->creation_unix_ns = from.meta.creation_unix_ns;
    service->publish_not_ready_addresses = from.publish_not_ready_addresses;
    service->internal_traffic_local = from.internal_traffic_local;
    service->client_ip_affinity = from.client_ip_affinity;
    service->traffic_distribution = from.traffic_distribution;
    index_.services_by_namespace_[service->name_space].push_back(service);
    index_.services_[service->hostname] = std::move(service);
  }

  void add_slice(const k8s::EndpointSlice& slice) {
    const std::string hostname =
        slice.service_name + '.' + slice.meta.name_space + ".svc." + index_.options_.domain;
    auto service = index_.services_.find(hostname);
    if (service == index_.services_.end()) return;
    for (const k8s::SliceEndpoint& from : slice.endpoints) {
      for (const IpAddress& address : from.addresses) add_endpoint(hostname, slice, from, address);
    }
  }

  void add_endpoint(const std::string& hostname, const k8s::EndpointSlice& slice, const k8s::SliceEndpoint& from,
                    const IpAddress& address) {
    const bool names_pod = from.target_kind == "Pod";
    Shared<Workload> workload = names_pod ? index_.find_workload(slice.meta.name_space, from.target_name)
                                          : index_.find_workload(address);
    if (names_pod && !workload) return;
    if (workload && workload->name_space != slice.meta.name_space) workload = nullptr;
    auto [at, is_new] = endpoints_[hostname].try_emplace(address);
    ServiceEndpoint& endpoint = at->second;
    if (is_new) {
      endpoint.address = address;
      endpoint.ready = endpoint.serving = false;
      endpoint.terminating = true;
    }
    // One address in several slices: each brings ports, and it is as usable as the best of them says.
    endpoint.ready |= from.ready;
    endpoint.serving |= from.serving;
    endpoint.terminating &= from.terminating;
    for (const k8s::EndpointPort& port : slice.ports) {
      if (port.port != 0) endpoint.ports[port.name] = port.port;
    }
    endpoint.node = from.node_name.empty() && workload ? workload->node : from.node_name;
    endpoint.hostname = from.hostname;
    endpoint.locality = workload ? workload->locality : node_locality(endpoint.node);
    if (endpoint.locality.zone.empty()) endpoint.locality.zone = from.zone;
    endpoint.in_mesh = workload && workload->in_mesh;
    endpoint.workload = std::move(workload);
  }

  void add_policies() {
    each<PeerAuthentication>(Kind::kPeerAuthentication,
                             [this](const auto& policy) { index_.peer_[policy->meta.name_space].push_back(policy); });
    each<AuthorizationPolicy>(Kind::kAuthorizationPolicy, [this](const auto& policy) {
      if (policy->target_refs.empty()) index_.authorization_[policy->meta.name_space].push_back(policy);
    });
    for (auto& [name_space, policies] : index_.peer_) sort_by_age(policies);
    for (auto& [name_space, policies] : index_.authorization_) sort_by_age(policies);
  }

  const Snapshot& snapshot_;
  Index index_;
  std::map<IpAddress, std::pair<bool, std::int64_t>> claims_;
  std::map<std::string, std::map<IpAddress, ServiceEndpoint>> endpoints_;  // by hostname
};

std::shared_ptr<const Index> Index::build(const Snapshot& snapshot, const IndexOptions& options) {
  return IndexBuilder(snapshot, options).build();
}

}  // namespace weft::controlplane
