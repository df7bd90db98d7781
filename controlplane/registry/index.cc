#include "controlplane/registry/index.h"

#include <algorithm>

namespace weft::controlplane {
namespace {

// Pointers to values: the same value will do.
template <typename T>
bool same(const Shared<T>& a, const Shared<T>& b) {
  return a == b || (a && b && *a == *b);
}

// 0: the workload has no port of that name.
std::uint16_t target_port_of(const ServicePort& port, const Workload& workload) {
  if (port.target_port_name.empty()) return port.target_port != 0 ? port.target_port : port.port;
  for (const k8s::ContainerPort& own : workload.ports) {
    if (own.name == port.target_port_name && (own.protocol == "UDP") == (port.protocol == Protocol::kUdp)) {
      return own.container_port;
    }
  }
  return 0;
}

// One listener a port and protocol: what a Service maps twice to one port of the workload counts once.
void add_target(const Shared<Service>& service, const ServicePort& port, std::uint16_t target_port,
                std::vector<ServiceTarget>& out) {
  if (target_port == 0 || !is_tcp_based(port.protocol)) return;
  for (const ServiceTarget& known : out) {
    if (known.service == service && known.target_port == target_port && known.port.protocol == port.protocol) return;
  }
  out.push_back({service, port, target_port});
}

}  // namespace

std::string Locality::to_string() const {
  if (region.empty() && zone.empty() && sub_zone.empty()) return "";
  std::string text = region;
  if (!zone.empty() || !sub_zone.empty()) text += '/' + zone;
  if (!sub_zone.empty()) text += '/' + sub_zone;
  return text;
}

std::string Workload::identity(std::string_view trust_domain) const {
  return "spiffe://" + std::string(trust_domain) + "/ns/" + name_space + "/sa/" + service_account;
}

const ServicePort* Service::find_port(std::uint16_t number) const {
  auto found = std::find_if(ports.begin(), ports.end(), [&](const ServicePort& p) { return p.port == number; });
  return found == ports.end() ? nullptr : &*found;
}

const ServicePort* Service::find_port(std::string_view port_name) const {
  auto found = std::find_if(ports.begin(), ports.end(), [&](const ServicePort& p) { return p.name == port_name; });
  return found == ports.end() ? nullptr : &*found;
}

bool Service::visible_in(std::string_view from) const {
  if (export_to.contains("~")) return false;
  if (export_to.contains("*") || export_to.contains(std::string(from))) return true;
  return export_to.contains(".") && from == name_space;
}

bool ServiceEndpoint::operator==(const ServiceEndpoint& other) const {
  return address == other.address && ports == other.ports && ready == other.ready && serving == other.serving &&
         terminating == other.terminating && same(workload, other.workload) && node == other.node &&
         hostname == other.hostname && locality == other.locality && in_mesh == other.in_mesh;
}

bool ServiceTarget::operator==(const ServiceTarget& other) const {
  return same(service, other.service) && port == other.port && target_port == other.target_port;
}

MtlsMode EffectiveMtls::at(std::uint16_t port) const {
  auto found = ports.find(port);
  return found == ports.end() ? mode : found->second;
}

Shared<Service> Index::find_service(std::string_view hostname) const {
  auto found = services_.find(std::string(hostname));
  return found == services_.end() ? nullptr : found->second;
}

const std::vector<ServiceEndpoint>& Index::endpoints(std::string_view hostname) const {
  static const std::vector<ServiceEndpoint> kNone;
  auto found = endpoints_.find(std::string(hostname));
  return found == endpoints_.end() ? kNone : found->second;
}

Shared<Workload> Index::find_workload(std::string_view name_space, std::string_view name) const {
  auto found = workloads_.find({std::string(name_space), std::string(name)});
  return found == workloads_.end() ? nullptr : found->second;
}

Shared<Workload> Index::find_workload(const IpAddress& address) const {
  auto found = workloads_by_address_.find(address);
  return found == workloads_by_address_.end() ? nullptr : found->second;
}

std::vector<Shared<Workload>> Index::workloads_on(std::string_view node) const {
  std::vector<Shared<Workload>> found;
  for (const auto& [key, workload] : workloads_) {
    if (workload->node == node) found.push_back(workload);
  }
  return found;
}

std::vector<ServiceTarget> Index::targets_of(const Workload& workload) const {
  std::vector<ServiceTarget> targets;
  auto services = services_by_namespace_.find(workload.name_space);
  if (services == services_by_namespace_.end()) return targets;
  bool selected = false;
  for (const Shared<Service>& service : services->second) {
    if (service->selector.empty() || !WorkloadSelector{service->selector}.matches(workload.labels)) continue;
    selected = true;
    for (const ServicePort& port : service->ports) add_target(service, port, target_port_of(port, workload), targets);
  }
  return selected ? targets : targets_by_endpoints(workload);
}

std::vector<ServiceTarget> Index::targets_by_endpoints(const Workload& workload) const {
  std::vector<ServiceTarget> targets;
  for (const Shared<Service>& service : services_by_namespace_.at(workload.name_space)) {
    if (!service->selector.empty()) continue;
    for (const ServiceEndpoint& endpoint : endpoints(service->hostname)) {
      const bool own = endpoint.workload && endpoint.workload->name == workload.name;
      for (const ServicePort& port : service->ports) {
        auto number = endpoint.ports.find(port.name);
        if (own && number != endpoint.ports.end()) add_target(service, port, number->second, targets);
      }
    }
  }
  return targets;
}

bool Index::has_service_account(std::string_view name_space, std::string_view name) const {
  return service_accounts_.contains({std::string(name_space), std::string(name)});
}

EffectiveMtls Index::peer_authentication(const Workload& workload) const {
  return peer_authentication(workload.name_space, workload.labels);
}

// The mode of a namespace's own policy, else the mesh's; the oldest policy without selector is the one that counts.
MtlsMode Index::namespace_mtls(const std::string& name_space) const {
  MtlsMode mode = MtlsMode::kPermissive;
  for (const std::string& level : {mesh_.root_namespace, name_space}) {
    auto policies = peer_.find(level);
    if (policies == peer_.end()) continue;
    for (const Shared<PeerAuthentication>& policy : policies->second) {
      if (!policy->selector.empty()) continue;
      if (policy->mtls != MtlsMode::kUnset) mode = policy->mtls;
      break;
    }
  }
  return mode;
}

EffectiveMtls Index::peer_authentication(std::string_view name_space, const Labels& labels) const {
  EffectiveMtls effective;
  effective.mode = namespace_mtls(std::string(name_space));
  // Policies of the root namespace that select workloads count nowhere, as in istiod.
  auto policies = peer_.find(std::string(name_space));
  if (policies == peer_.end() || name_space == mesh_.root_namespace) return effective;
  for (const Shared<PeerAuthentication>& policy : policies->second) {
    if (policy->selector.empty() || !policy->selector.matches(labels)) continue;
    if (policy->mtls != MtlsMode::kUnset) effective.mode = policy->mtls;
    for (const auto& [port, mode] : policy->port_level_mtls) {
      effective.ports[port] = mode == MtlsMode::kUnset ? effective.mode : mode;
    }
    break;
  }
  return effective;
}

MtlsMode Index::service_mtls(const Service& service, const ServicePort& port) const {
  if (service.headless) {
    bool any = false;
    for (const ServiceEndpoint& endpoint : endpoints(service.hostname)) {
      if (!endpoint.ports.contains(port.name)) continue;
      if (!endpoint.in_mesh) return MtlsMode::kDisable;
      any = true;
    }
    if (!any) return MtlsMode::kDisable;
  }
  return namespace_mtls(service.name_space);
}

bool Index::endpoint_takes_mtls(const ServiceEndpoint& endpoint, std::uint16_t port) const {
  return endpoint.in_mesh && endpoint.workload &&
         peer_authentication(*endpoint.workload).at(port) != MtlsMode::kDisable;
}

std::vector<Shared<AuthorizationPolicy>> Index::authorization(const Workload& workload) const {
  return authorization(workload.name_space, workload.labels);
}

std::vector<Shared<AuthorizationPolicy>> Index::authorization(std::string_view name_space, const Labels& labels) const {
  std::vector<Shared<AuthorizationPolicy>> found;
  for (const std::string& level : {mesh_.root_namespace, std::string(name_space)}) {
    auto policies = authorization_.find(level);
    if (policies != authorization_.end()) {
      std::copy_if(policies->second.begin(), policies->second.end(), std::back_inserter(found),
                   [&](const Shared<AuthorizationPolicy>& policy) { return policy->selector.matches(labels); });
    }
    if (level == name_space) break;
  }
  return found;
}

}  // namespace weft::controlplane
