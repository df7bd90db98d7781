// The difference of two versions.
#include "controlplane/registry/index.h"

namespace weft::controlplane {
namespace {

bool equal(const ServiceEndpoint& a, const ServiceEndpoint& b) { return a == b; }
bool equal(const NodeInfo& a, const NodeInfo& b) { return a == b; }
template <typename T>
bool equal(const Shared<T>& a, const Shared<T>& b) {
  return a == b || (a && b && *a == *b);
}
template <typename T>
bool equal(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!equal(a[i], b[i])) return false;
  }
  return true;
}

// The keys whose values differ, or that only one side has. Both maps are walked side by side.
template <typename Map>
std::set<typename Map::key_type> changed_keys(const Map& before, const Map& after) {
  std::set<typename Map::key_type> changed;
  auto b = before.begin();
  auto a = after.begin();
  while (b != before.end() || a != after.end()) {
    if (a == after.end() || (b != before.end() && b->first < a->first)) {
      changed.insert((b++)->first);
    } else if (b == before.end() || a->first < b->first) {
      changed.insert((a++)->first);
    } else {
      if (!equal(b->second, a->second)) changed.insert(a->first);
      ++b, ++a;
    }
  }
  return changed;
}

bool same_endpoint_mtls(const Index& before, const Index& after, const std::string& hostname) {
  for (const ServiceEndpoint& endpoint : after.endpoints(hostname)) {
    for (const auto& [name, port] : endpoint.ports) {
      if (before.endpoint_takes_mtls(endpoint, port) != after.endpoint_takes_mtls(endpoint, port)) return false;
    }
  }
  return true;
}

bool same_service_mtls(const Index& before, const Index& after, const Service& service) {
  for (const ServicePort& port : service.ports) {
    if (before.service_mtls(service, port) != after.service_mtls(service, port)) return false;
  }
  return true;
}

}  // namespace

bool IndexDelta::empty() const {
  return !mesh_config && services.empty() && endpoints.empty() && workloads.empty() && nodes.empty() &&
         namespaces.empty() && peer_authentication.empty() && authorization.empty();
}

IndexDelta IndexDelta::between(const Index& before, const Index& after) {
  IndexDelta delta;
  delta.mesh_config = before.mesh_ != after.mesh_;
  delta.services = changed_keys(before.services_, after.services_);
  delta.endpoints = changed_keys(before.endpoints_, after.endpoints_);
  delta.workloads = changed_keys(before.workloads_, after.workloads_);
  delta.nodes = changed_keys(before.nodes_, after.nodes_);
  delta.namespaces = changed_keys(before.namespaces_, after.namespaces_);
  delta.peer_authentication = changed_keys(before.peer_, after.peer_);
  delta.authorization = changed_keys(before.authorization_, after.authorization_);
  const bool everywhere = delta.mesh_config || delta.peer_authentication.contains(after.mesh_.root_namespace);
  for (const auto& [hostname, service] : after.services_) {
    const bool policy = everywhere || delta.peer_authentication.contains(service->name_space);
    if (policy && !same_endpoint_mtls(before, after, hostname)) delta.endpoints.insert(hostname);
    // A headless Service's mode also depends on its endpoints.
    const bool mode = policy || (service->headless && delta.endpoints.contains(hostname));
    if (mode && !same_service_mtls(before, after, *service)) delta.services.insert(hostname);
  }
  return delta;
}

}  // namespace weft::controlplane
