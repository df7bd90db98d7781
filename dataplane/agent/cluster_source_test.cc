#include "dataplane/agent/cluster_source.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace weft::agent {
namespace {

constexpr std::string_view kPod =
    R"(apiVersion: v1
kind: Pod
metadata:
  name: sleep-f0f1c49b1b-1923d
  namespace: samples
  uid: u-1
  labels: {app: sleep, pod-template-hash: f0f1c49b1b, security.istio.io/tlsMode: istio}
  annotations: {traffic.sidecar.istio.io/excludeInboundPorts: "22,80"}
  ownerReferences:
  - {apiVersion: apps/v1, controller: true, kind: ReplicaSet, name: sleep-f0f1c49b1b}
spec:
  nodeName: node-a
  serviceAccountName: sleep
  containers:
  - name: sleep
    ports: [{containerPort: 8080, name: http}]
status:
  podIP: 10.244.1.16
  podIPs: [{ip: 10.244.1.16}, {ip: "fd00::16"}]
)";

constexpr std::string_view kDns =
    R"(apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: kube-dns, namespace: kube-system}
  spec:
    clusterIP: 10.96.0.10
    clusterIPs: [10.96.0.10, "fd01::a"]
    ports: [{name: dns, port: 53, protocol: UDP, targetPort: 5353}, {name: dns-tcp, port: 53, protocol: TCP}]
- apiVersion: v1
  kind: Service
  metadata: {name: headless, namespace: kube-system}
  spec: {clusterIP: None, ports: [{port: 80}]}
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  addressType: IPv4
  metadata: {name: kube-dns-1, namespace: kube-system, labels: {kubernetes.io/service-name: kube-dns}}
  ports: [{name: dns, port: 5353, protocol: UDP}]
  endpoints:
  - {addresses: [10.244.1.2], conditions: {ready: true}}
  - {addresses: [10.244.2.2]}
  - {addresses: [10.244.3.2], conditions: {ready: false}}
- apiVersion: security.istio.io/v1
  kind: PeerAuthentication
  metadata: {name: default}
)";

constexpr std::string_view kNode =
    R"(apiVersion: v1
kind: Node
metadata: {name: node-a, labels: {topology.kubernetes.io/region: east}}
spec: {podCIDR: 10.244.1.0/24, podCIDRs: [10.244.1.0/24, "fd00:1::/64"]}
status:
  addresses: [{type: InternalIP, address: 10.10.0.1}, {type: Hostname, address: node-a}]
)";

TEST(ClusterObjects, ReadsAPod) {
  const auto objects = parse_cluster_objects(kPod, "pod.yaml");
  ASSERT_TRUE(objects) << objects.error();
  ASSERT_EQ(objects->pods.size(), 1u);
  const PodObject& pod = objects->pods[0];
  EXPECT_EQ(pod.name, ObjectName("samples", "sleep-f0f1c49b1b-1923d"));
  EXPECT_EQ(pod.service_account, "sleep");
  EXPECT_EQ(pod.workload_name, "sleep") << "a ReplicaSet's Deployment";
  EXPECT_EQ(pod.owner, "kubernetes://apis/apps/v1/namespaces/samples/deployments/sleep");
  ASSERT_EQ(pod.addresses.size(), 2u);
  EXPECT_EQ(pod.addresses[1].to_string(), "fd00::16");
  ASSERT_EQ(pod.ports.size(), 1u);
  EXPECT_EQ(pod.ports[0].protocol, "TCP");
}

TEST(ClusterObjects, JoinsServicesWithReadyEndpoints) {
  const auto objects = parse_cluster_objects(kDns, "dns.yaml");
  ASSERT_TRUE(objects) << objects.error();
  const Cluster cluster = merge_objects({{"dns.yaml", *objects}});
  ASSERT_EQ(cluster.services.size(), 4u) << "two ports at two addresses; the headless Service has none";
  const mesh::ServicePort& udp = cluster.services[0];
  EXPECT_EQ(udp.address.to_string(), "10.96.0.10:53");
  EXPECT_EQ(udp.protocol, mesh::Protocol::kUdp);
  EXPECT_EQ(udp.name, "kube-system/kube-dns:dns");
  ASSERT_EQ(udp.backends.size(), 2u);
  EXPECT_EQ(udp.backends[0].to_string(), "10.244.1.2:5353");
  EXPECT_TRUE(cluster.services[1].backends.empty()) << "dns-tcp stands in no slice";
  EXPECT_TRUE(cluster.services[2].backends.empty()) << "no IPv6 slice";
}

TEST(ClusterObjects, ErrorsNameFileLineAndKey) {
  EXPECT_EQ(parse_cluster_objects("kind: Pod\nmetadata: {namespace: x}\n", "a.yaml").error(),
            "a.yaml:2:11: metadata: has no name");
  EXPECT_EQ(
      parse_cluster_objects("kind: Node\nmetadata: {name: n}\nspec: {podCIDRs: [10.0.0.1/8]}\n", "a.yaml").error(),
      "a.yaml:3:19: spec.podCIDRs[0]: '10.0.0.1/8' has bits beyond its length");
  EXPECT_EQ(parse_cluster_objects("- 1\n", "a.yaml").error(), "a.yaml:1:1: wanted a mapping");
}

class ClusterDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/weft-agent-XXXXXX";
    path_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  void write(const std::string& name, std::string_view text) { std::ofstream(path_ + "/" + name) << text; }
  void open() {
    auto opened = ClusterDirectory::open(path_);
    ASSERT_TRUE(opened) << opened.error();
    directory_ = std::move(*opened);
  }
  bool woken() {
    pollfd fd{directory_->fd(), POLLIN, 0};
    return poll(&fd, 1, 1000) == 1;
  }

  std::string path_;
  std::unique_ptr<ClusterDirectory> directory_;
};

TEST_F(ClusterDirectoryTest, SeesFilesComeChangeAndGo) {
  write("pod.yaml", kPod);
  write("ignored.txt", "]");
  open();
  EXPECT_EQ(directory_->cluster().pods.size(), 1u);
  write("node.yaml", kNode);
  ASSERT_TRUE(woken());
  EXPECT_TRUE(directory_->reload());
  EXPECT_EQ(directory_->cluster().nodes.at("node-a").pod_cidrs.size(), 2u);
  EXPECT_FALSE(directory_->reload()) << "nothing changed";
  std::filesystem::remove(path_ + "/pod.yaml");
  ASSERT_TRUE(woken());
  EXPECT_TRUE(directory_->reload());
  EXPECT_TRUE(directory_->cluster().pods.empty());
}

TEST_F(ClusterDirectoryTest, BrokenFileKeepsItsLastGoodContent) {
  write("pod.yaml", kPod);
  open();
  write("pod.yaml", "kind: Pod\nmetadata: [");
  ASSERT_TRUE(woken());
  EXPECT_TRUE(directory_->reload());
  EXPECT_EQ(directory_->cluster().pods.size(), 1u);
  ASSERT_EQ(directory_->cluster().problems.size(), 1u);
  EXPECT_NE(directory_->cluster().problems[0].find("pod.yaml:2:1: not YAML"), std::string::npos)
      << directory_->cluster().problems[0];
  write("tmp", kPod);
  std::filesystem::rename(path_ + "/tmp", path_ + "/pod.yaml");
  EXPECT_TRUE(directory_->reload());
  EXPECT_TRUE(directory_->cluster().problems.empty());
}

TEST_F(ClusterDirectoryTest, DuplicateIsReportedAndTheFirstCounts) {
  write("a.yaml", kNode);
  write("b.yaml", kNode);
  open();
  EXPECT_EQ(directory_->cluster().problems,
            std::vector<std::string>{"b.yaml: Node node-a stands in more than one place; the first counts"});
}

TEST(ClusterDirectoryOpen, MissingDirectoryIsAnError) {
  EXPECT_EQ(ClusterDirectory::open("/nonexistent").error(),
            "cluster_source.directory /nonexistent: No such file or directory");
}

}  // namespace
}  // namespace weft::agent
