#include "controlplane/registry/test_cluster.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "controlplane/config/yaml_tree.h"

namespace weft::controlplane {

TestCluster::TestCluster() : store_(StoreOptions{"istio-system", "istio", [] { return 1'700'000'000'000'000'000; }}) {}

TestCluster& TestCluster::put(const std::string& origin, std::string_view yaml) {
  OriginUpdate update;
  update.origin = origin;
  if (yaml.empty()) {
    update.what = OriginUpdate::What::kGone;
  } else {
    auto values = parse_yaml(yaml);
    if (!values) throw std::runtime_error(origin + ": " + values.error().message);
    for (Value& value : *values) update.documents.push_back(std::make_shared<Document>(origin, std::move(value)));
  }
  store_.on_update({update});
  return *this;
}

TestCluster& TestCluster::put_directory(const std::string& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    put(file.string(), text.str());
  }
  return *this;
}

std::shared_ptr<const Index> TestCluster::index() {
  if (!synced_) store_.on_synced();
  synced_ = true;
  const auto snapshot = store_.snapshot();
  if (!snapshot->ready()) throw std::runtime_error("not ready: " + snapshot->blocking().front().to_string());
  return Index::build(*snapshot, {});
}

TestCluster::Step TestCluster::step(const std::string& origin, std::string_view yaml) {
  const auto before = index();
  put(origin, yaml);
  const auto after = index();
  return {after, IndexDelta::between(*before, *after)};
}

const std::string_view kShop = R"(
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: other}
---
apiVersion: v1
kind: Node
metadata: {name: node-a}
status: {addresses: [{type: InternalIP, address: 10.9.0.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: node-b}
status: {addresses: [{type: InternalIP, address: 10.9.0.2}]}
---
apiVersion: v1
kind: Pod
metadata:
  {name: web, namespace: shop, uid: uid-web, labels: {app: web, security.istio.io/tlsMode: istio}}
spec: {nodeName: node-a, serviceAccountName: web, containers: [{name: c, image: i}]}
status:
  phase: Running
  podIP: 10.1.0.1
  podIPs: [{ip: 10.1.0.1}, {ip: "fd00::1"}]
  conditions: [{type: Ready, status: "True"}]
---
apiVersion: v1
kind: Pod
metadata:
  {name: db, namespace: shop, uid: uid-db, labels: {app: db, security.istio.io/tlsMode: istio}}
spec: {nodeName: node-b, serviceAccountName: db, containers: [{name: c, image: i}]}
status:
  phase: Running
  podIP: 10.2.0.1
  podIPs: [{ip: 10.2.0.1}]
  conditions: [{type: Ready, status: "True"}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.0.0.1
  clusterIPs: [10.0.0.1, "fd10::1"]
  ipFamilies: [IPv4, IPv6]
  selector: {app: web}
  ports: [{name: tcp, port: 80, targetPort: 8080, protocol: TCP}]
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec:
  clusterIP: 10.0.0.2
  selector: {app: db}
  ports: [{name: tcp, port: 3306, targetPort: 3306, protocol: TCP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
addressType: IPv4
metadata: {name: web-4, namespace: shop, labels: {kubernetes.io/service-name: web}}
endpoints:
- {addresses: [10.1.0.1], nodeName: node-a, targetRef: {kind: Pod, name: web, namespace: shop}}
ports: [{name: tcp, port: 8080, protocol: TCP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
addressType: IPv6
metadata: {name: web-6, namespace: shop, labels: {kubernetes.io/service-name: web}}
endpoints:
- {addresses: ["fd00::1"], nodeName: node-a, targetRef: {kind: Pod, name: web, namespace: shop}}
ports: [{name: tcp, port: 8080, protocol: TCP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
addressType: IPv4
metadata: {name: db-4, namespace: shop, labels: {kubernetes.io/service-name: db}}
endpoints:
- {addresses: [10.2.0.1], nodeName: node-b, targetRef: {kind: Pod, name: db, namespace: shop}}
ports: [{name: tcp, port: 3306, protocol: TCP}]
)";

}  // namespace weft::controlplane
