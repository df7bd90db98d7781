#include "dataplane/agent/pod_view.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/agent/node_snapshot.h"

namespace weft::agent {
namespace {

using Lacks = std::vector<std::string>;

AttachedPod attached() {
  return {.key = {"c1", "eth0"},
          .interface = 16,
          .netns = "/run/netns/p",
          .network = "weft",
          .name = {"samples", "sleep"},
          .uid = "u-1",
          .addresses = {*IpAddress::parse("10.244.1.16")},
          .mtu = 1500,
          .mac = {}};
}

PodObject mesh_pod() {
  PodObject pod;
  pod.name = {"samples", "sleep"};
  pod.uid = "u-1";
  pod.node = "node-a";
  pod.service_account = "sleeper";
  pod.labels = {{"security.istio.io/tlsMode", "istio"}};
  return pod;
}

PodView view(const PodObject& pod) {
  Cluster cluster;
  cluster.pods[pod.name] = pod;
  return view_pod(attached(), cluster, {"node-a"}, {});
}

TEST(PodView, MeshPodHasTheIdentityOfItsAccount) {
  const PodView pod = view(mesh_pod());
  EXPECT_TRUE(pod.in_mesh);
  EXPECT_EQ(pod.identity, "spiffe://cluster.local/ns/samples/sa/sleeper");
  EXPECT_EQ(pod.lacks, Lacks());
}

TEST(PodView, WithoutTheLabelItIsOutsideTheMesh) {
  PodObject pod = mesh_pod();
  pod.labels["security.istio.io/tlsMode"] = "disabled";
  EXPECT_FALSE(view(pod).in_mesh);
  EXPECT_EQ(view(pod).identity, "");
  EXPECT_EQ(view(pod).lacks, Lacks());
}

// Whoever the object is of, it is not this pod: no identity, and no passage as an outsider either.
TEST(PodView, ObjectOfAnotherPodOfThatNameIsNotTaken) {
  PodObject other = mesh_pod();
  other.uid = "u-2";
  other.labels.clear();
  EXPECT_TRUE(view(other).in_mesh);
  EXPECT_EQ(view(other).identity, "");
  EXPECT_EQ(view(other).lacks, Lacks{"Pod object with uid u-1 (there is one with u-2)"});
  PodObject elsewhere = mesh_pod();
  elsewhere.node = "node-b";
  EXPECT_EQ(view(elsewhere).lacks, Lacks{"Pod object on this node (it says node-b)"});
  EXPECT_EQ(view_pod(attached(), {}, {"node-a"}, {}).lacks, Lacks{"Pod object"});
}

TEST(PodView, ExcludedPortsAreReadAndBadOnesReported) {
  PodObject pod = mesh_pod();
  pod.annotations = {{"traffic.sidecar.istio.io/excludeInboundPorts", "8080, 22,"},
                     {"traffic.sidecar.istio.io/excludeOutboundPorts", "53,http,70000"}};
  const PodView seen = view(pod);
  EXPECT_EQ(seen.excluded_inbound_ports, (std::vector<std::uint16_t>{22, 8080}));
  EXPECT_EQ(seen.excluded_outbound_ports, std::vector<std::uint16_t>{53});
  EXPECT_EQ(seen.problems, (Lacks{"annotation traffic.sidecar.istio.io/excludeOutboundPorts: 'http' is not a port",
                                  "annotation traffic.sidecar.istio.io/excludeOutboundPorts: '70000' is not a port"}));
}

class NodeSnapshotTest : public testing::Test {
 protected:
  void SetUp() override {
    config_.node.name = "node-a";
    config_.uplink.addresses = {*IpPrefix::parse("10.10.0.1/24"), *IpPrefix::parse("fd10::1/64")};
    node("node-a", {"10.10.0.1", "fd10::1"}, {"10.244.1.0/24"});
    node("node-b", {"10.10.0.2", "fd10::2"}, {"10.244.2.0/24", "fd00:2::/64"});
    node("node-c", {"192.0.2.3"}, {"10.244.3.0/24"});
  }
  void node(const std::string& name, std::vector<std::string> ips, std::vector<std::string> cidrs) {
    NodeObject& out = cluster_.nodes[name];
    out.name = name;
    for (const std::string& ip : ips) out.internal_ips.push_back(*IpAddress::parse(ip));
    for (const std::string& cidr : cidrs) out.pod_cidrs.push_back(*IpPrefix::parse(cidr));
  }
  // "via 10.10.0.2", "on link", "host", or "none".
  std::string route(const std::string& prefix) {
    const auto routes = make_node_snapshot(1, config_, cluster_, {}).routes;
    const auto it = std::find_if(routes.begin(), routes.end(),
                                 [&](const mesh::Route& r) { return r.prefix == *IpPrefix::parse(prefix); });
    if (it == routes.end()) return "none";
    if (it->by_host) return "host";
    return it->gateway ? "via " + it->gateway->to_string() : "on link";
  }

  Bootstrap config_;
  Cluster cluster_;
};

TEST_F(NodeSnapshotTest, PodRangesLeadToTheirNodes) {
  EXPECT_EQ(route("10.244.2.0/24"), "via 10.10.0.2");
  EXPECT_EQ(route("fd00:2::/64"), "via fd10::2") << "each family by its own address";
  EXPECT_EQ(route("10.244.1.0/24"), "none") << "our own range is pods, not a route";
  EXPECT_EQ(route("10.244.3.0/24"), "none") << "node-c is no neighbour";
  EXPECT_EQ(route("10.10.0.0/24"), "on link");
  EXPECT_EQ(route("0.0.0.0/0"), "host");
}

TEST_F(NodeSnapshotTest, GatewayAndConfiguredRoutesComeFirst) {
  config_.uplink.gateways = {*IpAddress::parse("10.10.0.254")};
  config_.routes = {{*IpPrefix::parse("10.244.2.0/24"), false, *IpAddress::parse("10.10.0.9")},
                    {*IpPrefix::parse("192.0.2.0/24"), true, {}}};
  EXPECT_EQ(route("0.0.0.0/0"), "via 10.10.0.254");
  EXPECT_EQ(route("::/0"), "host");
  EXPECT_EQ(route("10.244.2.0/24"), "via 10.10.0.9");
  EXPECT_EQ(route("192.0.2.0/24"), "host");
}

TEST_F(NodeSnapshotTest, NodeAddressesAreTheNodesAndTheConfigurations) {
  config_.host.addresses = {*IpAddress::parse("10.10.0.1"), *IpAddress::parse("172.16.0.1")};
  const auto node = make_node_snapshot(7, config_, cluster_, {});
  EXPECT_EQ(node.version, 7u);
  ASSERT_EQ(node.node_addresses.size(), 3u);
  EXPECT_EQ(node.node_addresses[2].to_string(), "172.16.0.1");
}

TEST_F(NodeSnapshotTest, PodIsReadyWhenItLacksNothing) {
  const auto node = make_node_snapshot(1, config_, cluster_, {{view(mesh_pod()), {"certificate"}, nullptr}});
  ASSERT_EQ(node.pods.size(), 1u);
  EXPECT_FALSE(node.pods[0].ready);
  EXPECT_EQ(node.pods[0].identity.service_account(), "sleeper");
  EXPECT_EQ(node.pods[0].lacks, Lacks{"certificate"});
}

}  // namespace
}  // namespace weft::agent
