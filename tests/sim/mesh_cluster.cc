#include "tests/sim/mesh_cluster.h"

#include <stdexcept>
#include <tuple>

#include "controlplane/registry/test_cluster.h"
#include "controlplane/xds/generate.h"
#include "crypto/test_mesh.h"
#include "mesh/xds_pod_config_builder.h"

namespace weft::sim {

namespace {

using controlplane::XdsType;

const std::map<XdsType, mesh::XdsType> kRead = {{XdsType::kCluster, mesh::XdsType::kCluster},
                                                {XdsType::kEndpoints, mesh::XdsType::kEndpoints},
                                                {XdsType::kListener, mesh::XdsType::kListener}};

const crypto::TestMesh& authority() {
  static const crypto::TestMesh mesh;
  return mesh;
}

// Keys are made once a process, credentials afresh: they hold TLS sessions, which must not pass from one world to the
// next, or a seed's run would depend on the seeds before it.
std::shared_ptr<const crypto::Credentials> make(const std::string& account, std::int64_t not_before,
                                                std::int64_t not_after) {
  static std::map<std::tuple<std::string, std::int64_t, std::int64_t>, crypto::TestMesh::Workload> made;
  auto found = made.find({account, not_before, not_after});
  if (found == made.end()) {
    crypto::LeafTemplate leaf;
    leaf.uri_sans = {identity_of(account)};
    leaf.not_before = not_before;
    leaf.not_after = not_after;
    found = made.emplace(std::tuple(account, not_before, not_after), authority().workload(leaf)).first;
  }
  return authority().credentials(found->second);
}

constexpr std::int64_t kDayBegins = crypto::TestMesh::kNow - 3600;
constexpr std::int64_t kDayEnds = crypto::TestMesh::kNow + 86'400;

std::string text(unsigned number) { return std::to_string(number); }

constexpr std::string_view kFrame = R"(
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Node
metadata: {name: node-0}
status: {addresses: [{type: InternalIP, address: 10.99.0.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: node-1}
status: {addresses: [{type: InternalIP, address: 10.99.0.2}]}
)";

}  // namespace

// Resources that a pod's builder has, by type and name, with their version.
struct PodReader {
  explicit PodReader(const std::shared_ptr<mesh::XdsCache>& cache) : builder(cache) {}
  mesh::XdsPodConfigBuilder builder;
  std::map<mesh::XdsType, std::map<std::string, std::string>> known;
};

struct MeshCluster::Objects {
  controlplane::TestCluster cluster;
  std::shared_ptr<const controlplane::Index> index;
  std::shared_ptr<mesh::XdsCache> cache = std::make_shared<mesh::XdsCache>();
  std::map<std::string, PodReader> readers;
};

std::string identity_of(const std::string& account) { return "spiffe://cluster.local/ns/shop/sa/" + account; }

std::shared_ptr<const crypto::Credentials> credentials_for(const std::string& account) {
  return make(account, kDayBegins, kDayEnds);
}

MeshCluster::MeshCluster() : objects_(std::make_unique<Objects>()) { put("frame", kFrame); }
MeshCluster::~MeshCluster() = default;

void MeshCluster::put(const std::string& file, std::string_view yaml) { objects_->cluster.put(file, yaml); }

void MeshCluster::add_service(const std::string& name, const std::string& app, std::uint16_t port,
                              std::uint16_t server_port) {
  const auto number = static_cast<unsigned>(10 + services_.size());
  services_[name] = {app, port, server_port, number};
  put("service-" + name, "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: shop}\nspec:\n" +
                             "  clusterIP: 10.96.0." + text(number) + "\n  clusterIPs: [10.96.0." + text(number) +
                             ", \"fd00:96::" + text(number) + "\"]\n  ipFamilies: [IPv4, IPv6]\n  selector: {app: " +
                             app + "}\n  ports: [{name: tcp-" + name + ", port: " + text(port) +
                             ", targetPort: " + text(server_port) + ", protocol: TCP}]\n");
}

Endpoint MeshCluster::service(const std::string& name, bool v6) const {
  const Service& service = services_.at(name);
  const std::string address = (v6 ? "fd00:96::" : "10.96.0.") + text(service.number);
  return {*IpAddress::parse(address), service.port};
}

InterfaceId MeshCluster::add_pod(PodSpec spec) {
  if (spec.account.empty()) spec.account = spec.name;
  if (spec.app.empty()) spec.app = spec.name;
  if (spec.number == 0) spec.number = next_number_[spec.node]++;
  Pod pod;
  pod.interface = next_interface_++;
  const std::string node = text(spec.node + 1);
  pod.addresses = {*IpAddress::parse("10.244." + node + "." + text(spec.number)),
                   *IpAddress::parse("fd00:244:" + node + "::" + text(spec.number))};
  pod.spec = std::move(spec);
  const std::string name = pod.spec.name;
  const InterfaceId interface = pod.interface;
  pods_[name] = std::move(pod);
  return interface;
}

void MeshCluster::remove_pod(const std::string& name) {
  put("pod-" + name, "");
  objects_->readers.erase(name);
  pods_.erase(name);
}

std::vector<std::string> MeshCluster::pods_of(unsigned node) const {
  std::vector<std::string> names;
  for (const auto& [name, pod] : pods_) {
    if (pod.spec.node == node) names.push_back(name);
  }
  return names;
}

std::string MeshCluster::pod_yaml(const Pod& pod) const {
  const std::string v4 = pod.addresses[0].to_string(), v6 = pod.addresses[1].to_string();
  return "apiVersion: v1\nkind: Pod\nmetadata:\n  {name: " + pod.spec.name + ", namespace: shop, uid: uid-" +
         pod.spec.name + ", labels: {app: " + pod.spec.app +
         (pod.spec.in_mesh ? ", security.istio.io/tlsMode: istio" : "") + "}}\nspec: {nodeName: node-" +
         text(pod.spec.node) + ", serviceAccountName: " + pod.spec.account +
         ", containers: [{name: c, image: i}]}\nstatus:\n  phase: Running\n  podIP: " + v4 + "\n  podIPs: [{ip: " + v4 +
         "}, {ip: \"" + v6 + "\"}]\n  conditions: [{type: Ready, status: \"True\"}]\n";
}

std::string MeshCluster::slices_yaml(const std::string& name, const Service& service) const {
  std::string yaml;
  for (const char* family : {"IPv4", "IPv6"}) {
    yaml += std::string("---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: ") + family +
            "\nmetadata: {name: " + name + (family[3] == '4' ? "-4" : "-6") +
            ", namespace: shop, labels: {kubernetes.io/service-name: " + name + "}}\nendpoints:\n";
    bool any = false;
    for (const auto& [pod_name, pod] : pods_) {
      if (pod.spec.app != service.app) continue;
      any = true;
      yaml += "- {addresses: [\"" + pod.addresses[family[3] == '4' ? 0 : 1].to_string() + "\"], nodeName: node-" +
              text(pod.spec.node) + ", targetRef: {kind: Pod, name: " + pod_name + ", namespace: shop}}\n";
    }
    if (!any) yaml.replace(yaml.size() - 1, 1, " []\n");
    yaml += "ports: [{name: tcp-" + name + ", port: " + text(service.server_port) + ", protocol: TCP}]\n";
  }
  return yaml;
}

// Feeds the pod's builder with what differs from the version before.
void MeshCluster::configure(Pod& pod) {
  const auto workload = objects_->index->find_workload("shop", pod.spec.name);
  if (workload == nullptr) throw std::runtime_error("no workload " + pod.spec.name);
  PodReader& reader = objects_->readers.try_emplace(pod.spec.name, objects_->cache).first->second;
  const auto resources = controlplane::generate_resources(objects_->index, *workload);
  for (const auto& [from, type] : kRead) {
    auto& known = reader.known[type];
    std::map<std::string, std::string> present;
    const auto found = resources.find(from);
    if (found != resources.end()) {
      for (const auto& each : found->second) present[each->name] = each->version;
    }
    for (const auto& [name, version] : known) {
      if (!present.contains(name)) reader.builder.remove(type, name);
    }
    for (const auto& each : found == resources.end() ? std::vector<controlplane::ResourcePtr>{} : found->second) {
      if (const auto it = known.find(each->name); it != known.end() && it->second == each->version) continue;
      if (const auto nack = reader.builder.upsert(type, each->name, each->body)) throw std::runtime_error(*nack);
    }
    reader.builder.mark_received(type);
    known = std::move(present);
  }
  if (!reader.builder.ready()) throw std::runtime_error(pod.spec.name + " lacks " + reader.builder.lacks().front());
  pod.config = reader.builder.build();
}

void MeshCluster::build() {
  for (const auto& [name, pod] : pods_) put("pod-" + name, pod_yaml(pod));
  for (const auto& [name, service] : services_) put("slices-" + name, slices_yaml(name, service));
  objects_->index = objects_->cluster.index();
  ++version_;
  for (auto& [name, pod] : pods_) {
    if (pod.spec.in_mesh) configure(pod);
  }
}

void MeshCluster::set_lifetime(const std::string& account, std::int64_t not_before, std::int64_t not_after) {
  lifetimes_[account] = {not_before, not_after};
}

std::shared_ptr<const crypto::Credentials> MeshCluster::credentials_of(const std::string& account) const {
  const auto found = lifetimes_.find(account);
  const Lifetime life = found == lifetimes_.end() ? Lifetime{kDayBegins, kDayEnds} : found->second;
  if (life.not_after == 0) return nullptr;
  auto& credentials = credentials_[{account, life.not_before, life.not_after}];
  if (credentials == nullptr) credentials = make(account, life.not_before, life.not_after);
  return credentials;
}

std::shared_ptr<const mesh::PodConfig> MeshCluster::config_of(const Pod& pod) const {
  const auto tuned = tuned_.find(pod.spec.name);
  if (tuned == tuned_.end()) return pod.config;
  mesh::PodConfig::Clusters clusters;
  for (const auto& [name, cluster] : pod.config->clusters()) {
    auto changed = std::make_shared<mesh::Cluster>(*cluster);
    tuned->second(*changed);
    clusters[name] = std::move(changed);
  }
  return std::make_shared<mesh::PodConfig>(pod.config->version(), pod.config->listeners(), std::move(clusters));
}

std::shared_ptr<const proxy::NodeView> MeshCluster::view_of(unsigned node) {
  auto snapshot = std::make_shared<mesh::NodeSnapshot>();
  auto credentials = std::make_shared<proxy::CredentialsMap>();
  snapshot->version = version_;
  snapshot->node_name = "node-" + text(node);
  for (const auto& [name, pod] : pods_) {
    if (pod.spec.node != node) continue;
    mesh::PodSnapshot& p = snapshot->pods.emplace_back();
    p.interface = pod.interface;
    p.name = name;
    p.name_space = "shop";
    p.uid = "uid-" + name;
    p.service_account = pod.spec.account;
    p.addresses = pod.addresses;
    p.in_mesh = pod.spec.in_mesh;
    p.excluded_inbound_ports = pod.spec.excluded_inbound_ports;
    if (!p.in_mesh) continue;
    p.identity = mesh::Identity::intern(identity_of(pod.spec.account));
    p.ready = pod.spec.ready;
    if (p.ready) p.config = config_of(pod);
    if (!p.ready) p.lacks = {"listeners"};
    if (auto own = credentials_of(pod.spec.account)) (*credentials)[identity_of(pod.spec.account)] = std::move(own);
  }
  return std::make_shared<proxy::NodeView>(std::move(snapshot), std::move(credentials));
}

void MeshCluster::fill(unsigned node, net::NetworkSpec* spec) const {
  for (const auto& [name, pod] : pods_) {
    if (pod.spec.node != node) continue;
    net::Pod p;
    p.interface = pod.interface;
    p.addresses = pod.addresses;
    p.in_mesh = pod.spec.in_mesh;
    p.excluded_inbound_ports = pod.spec.excluded_inbound_ports;
    spec->pods.push_back(std::move(p));
  }
  for (const auto& [name, service] : services_) {
    for (const bool v6 : {false, true}) {
      net::Service s{MeshCluster::service(name, v6), net::L4Protocol::kTcp, {}};
      for (const auto& [pod_name, pod] : pods_) {
        if (pod.spec.app == service.app) s.backends.push_back({pod.addresses[v6 ? 1 : 0], service.server_port});
      }
      spec->services.push_back(std::move(s));
    }
  }
}

std::string peer_authentication(std::string_view mode, std::string_view app) {
  const std::string where = app.empty() ? "name: default, namespace: istio-system"
                                        : "name: " + std::string(app) + ", namespace: shop";
  const std::string selector = app.empty() ? "" : "selector: {matchLabels: {app: " + std::string(app) + "}}, ";
  return "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {" + where + "}\nspec: {" + selector +
         "mtls: {mode: " + std::string(mode) + "}}\n";
}

std::string authorization_policy(std::string_view name, std::string_view action, std::string_view app,
                                 const std::vector<std::string>& accounts) {
  std::string principals;
  for (const std::string& account : accounts) {
    principals += (principals.empty() ? "" : ", ") + ("cluster.local/ns/shop/sa/" + account);
  }
  return "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: " + std::string(name) +
         ", namespace: shop}\nspec:\n  selector: {matchLabels: {app: " + std::string(app) + "}}\n  action: " +
         std::string(action) + "\n  rules: [{from: [{source: {principals: [" + principals + "]}}]}]\n";
}

}  // namespace weft::sim
