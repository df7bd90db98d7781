// What the objects mean together. Each test writes the YAML it needs.
#include "controlplane/registry/index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/config/source_files.h"
#include "controlplane/config/store.h"
#include "controlplane/registry/cluster_yaml.h"

namespace weft::controlplane {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::shared_ptr<const Index> index_of(const std::string& yaml) {
  Store store({});
  store.on_update({parse_origin("a.yaml", yaml)});
  store.on_synced();
  for (const Problem& problem : store.snapshot()->problems()) ADD_FAILURE() << problem.to_string();
  return Index::build(*store.snapshot(), {});
}

TEST(Protocol, ByNameAppProtocolAndPort) {
  const struct {
    std::uint16_t port;
    const char *name, *transport, *app;
    Protocol protocol;
  } rows[] = {
      {80, "http", "TCP", "", Protocol::kHttp},       {80, "http-web", "TCP", "", Protocol::kHttp},
      {80, "HTTP2-x", "TCP", "", Protocol::kHttp2},   {80, "grpc-web-x", "TCP", "", Protocol::kGrpcWeb},
      {80, "grpc", "TCP", "", Protocol::kGrpc},       {80, "tcp-x", "TCP", "", Protocol::kTcp},
      {80, "web", "TCP", "", Protocol::kAuto},        {80, "", "TCP", "", Protocol::kAuto},
      {3306, "db", "TCP", "", Protocol::kTcp},        {53, "", "TCP", "", Protocol::kTcp},
      {3306, "http", "TCP", "", Protocol::kHttp},     {53, "tcp", "UDP", "", Protocol::kUdp},
      {80, "http", "TCP", "tcp", Protocol::kTcp},     {80, "x", "TCP", "kubernetes.io/h2c", Protocol::kHttp2},
      {80, "http", "TCP", "example.com/x", Protocol::kAuto}, {80, "x", "TCP", "kubernetes.io/wss", Protocol::kHttps},
      {80, "mongo", "TCP", "", Protocol::kMongo},     {80, "https-web", "TCP", "", Protocol::kHttps},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(protocol_of(row.port, row.name, row.transport, row.app), row.protocol) << row.name << ' ' << row.app;
  }
}

TEST(Index, ServicesHaveHostNamesAddressesAndPorts) {
  auto index = index_of(
      service("web",
              "clusterIPs: [10.96.0.1, 'fd00::1'], ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, "
              "port: 53, protocol: UDP}]") +
      service("quiet", "clusterIP: None"));
  auto web = index->find_service("web.a.svc.cluster.local");
  ASSERT_TRUE(web);
  EXPECT_EQ(web->addresses.size(), 2u);
  EXPECT_EQ(web->find_port(80)->protocol, Protocol::kHttp);
  EXPECT_EQ(web->find_port("dns")->protocol, Protocol::kUdp);
  EXPECT_TRUE(index->find_service("quiet.a.svc.cluster.local")->headless);
  EXPECT_EQ(index->find_service("absent"), nullptr);
}

TEST(Index, ExportTo) {
  auto index = index_of(service("all", "clusterIP: 10.0.0.1") +
                        "apiVersion: v1\nkind: Service\nmetadata: {name: own, namespace: a, annotations: "
                        "{networking.istio.io/exportTo: '., "
                        "b'}}\nspec: {clusterIP: 10.0.0.2}\n");
  EXPECT_TRUE(index->find_service("all.a.svc.cluster.local")->visible_in("z"));
  auto own = index->find_service("own.a.svc.cluster.local");
  EXPECT_TRUE(own->visible_in("a"));
  EXPECT_TRUE(own->visible_in("b"));
  EXPECT_FALSE(own->visible_in("z"));
}

TEST(Index, EndpointsKnowTheirPods) {
  auto index = index_of(
      "apiVersion: v1\nkind: Node\nmetadata: {name: node-a, labels: {topology.kubernetes.io/region: east, "
      "topology.kubernetes.io/zone: east-1}}\nspec: {podCIDR: 10.1.0.0/24}\n---\n" +
      mesh_pod("w1", "10.1.0.1", "web") + pod("w2", "10.1.0.2", "app: web") +
      service("web",
              "clusterIP: 10.96.0.1, ports: "
              "[{name: http, port: 80, targetPort: 8080}]") +
      slice("web",
            endpoint("10.1.0.1", "w1") + ", " + endpoint("10.1.0.2", "w2", ", conditions: {ready: false}") + ", " +
                endpoint("10.1.0.9", "unknown") + ", {addresses: [192.0.2.1]}",
            "{name: http, port: 8080}"));
  const auto& endpoints = index->endpoints("web.a.svc.cluster.local");
  ASSERT_EQ(endpoints.size(), 3u) << "a pod that is not known is left out";
  EXPECT_EQ(endpoints[0].address.to_string(), "10.1.0.1");
  EXPECT_TRUE(endpoints[0].in_mesh);
  EXPECT_EQ(endpoints[0].ports.at("http"), 8080);
  EXPECT_EQ(endpoints[0].locality.to_string(), "east/east-1");
  EXPECT_EQ(endpoints[0].workload->identity("td"), "spiffe://td/ns/a/sa/sa-w1");
  EXPECT_FALSE(endpoints[1].in_mesh);
  EXPECT_FALSE(endpoints[1].usable(*index->find_service("web.a.svc.cluster.local")));
  EXPECT_EQ(endpoints[2].workload, nullptr);
  EXPECT_TRUE(index->endpoints("absent").empty());
}

TEST(Index, FinishedAndHostNetworkPods) {
  std::string done = pod("done", "10.1.0.1", "app: x");
  done.replace(done.find("Running"), 7, "Succeeded");
  auto index = index_of(done + mesh_pod("next", "10.1.0.1", "x") +
                        pod("host", "10.0.0.1", "security.istio.io/tlsMode: istio", ", hostNetwork: true"));
  EXPECT_EQ(index->find_workload("a", "done"), nullptr);
  EXPECT_EQ(index->find_workload(*IpAddress::parse("10.1.0.1"))->name, "next");
  EXPECT_EQ(index->find_workload(*IpAddress::parse("10.0.0.1")), nullptr);
  EXPECT_FALSE(index->find_workload("a", "host")->in_mesh);
  EXPECT_EQ(index->workloads_on("node-a").size(), 2u);
}

std::vector<std::string> targets(const Index& index, const std::string& name) {
  std::vector<std::string> all;
  for (const ServiceTarget& target : index.targets_of(*index.find_workload("a", name))) {
    all.push_back(target.service->name + ':' + target.port.name + '>' + std::to_string(target.target_port));
  }
  return all;
}

TEST(Index, TargetsOfAWorkload) {
  auto index = index_of(
      pod("w", "10.1.0.1", "app: web", ", containers: [{name: c, ports: [{name: web, containerPort: 8080}]}]") +
      pod("other", "10.1.0.2", "app: other") +
      service("one",
              "clusterIP: 10.0.0.1, selector: {app: web}, ports: [{name: http, port: 80, targetPort: web}, {name: "
              "http-2, port: 81, targetPort: 8080}, {name: none, port: 82, targetPort: absent}, {name: u, port: 53, "
              "protocol: UDP, targetPort: 53}]") +
      service("two", "clusterIP: None, selector: {app: web}, ports: [{name: tcp, port: 90}]") +
      service("all", "clusterIP: 10.0.0.3, ports: [{name: tcp, port: 70}]") +
      slice("all", endpoint("10.1.0.1", "w") + "," + endpoint("10.1.0.2", "other"), "{name: tcp, port: 7070}"));
  EXPECT_THAT(targets(*index, "w"), ElementsAre("one:http>8080", "two:tcp>90"));
  EXPECT_THAT(targets(*index, "other"), ElementsAre("all:tcp>7070"));
}

std::string mtls(const std::string& policies, const Labels& labels = {{"app", "web"}}) {
  const EffectiveMtls effective = index_of(policies)->peer_authentication("a", labels);
  std::string text(to_string(effective.mode));
  for (const auto& [port, mode] : effective.ports)
    text += ' ' + std::to_string(port) + '=' + std::string(to_string(mode));
  return text;
}

TEST(PeerAuthentication, ComposesLevels) {
  const std::string root = peer("istio-system", "r", "1", "mtls: {mode: STRICT}");
  const std::string web = "selector: {matchLabels: {app: web}}";
  EXPECT_EQ(mtls(""), "PERMISSIVE");
  EXPECT_EQ(mtls(root), "STRICT");
  EXPECT_EQ(mtls(root + peer("a", "nn", "2", "mtls: {mode: DISABLE}")), "DISABLE");
  EXPECT_EQ(mtls(root + peer("a", "nn", "2", "mtls: {mode: UNSET}")), "STRICT");
  EXPECT_EQ(mtls(root + peer("b", "nn", "2", "mtls: {mode: DISABLE}")), "STRICT");
  EXPECT_EQ(mtls(root + peer("a", "w", "2", web + ", mtls: {mode: PERMISSIVE}")), "PERMISSIVE");
  EXPECT_EQ(mtls(root + peer("a", "w", "2", web + ", mtls: {mode: PERMISSIVE}"), {{"app", "db"}}), "STRICT");
  EXPECT_EQ(mtls(root + peer("a", "w", "2", web + ", portLevelMtls: {80: {mode: DISABLE}, 81: {mode: UNSET}}")),
            "STRICT 80=DISABLE 81=STRICT");
}

TEST(PeerAuthentication, TheOldestWinsAtEachLevel) {
  const std::string web = "selector: {matchLabels: {app: web}}, ";
  EXPECT_EQ(mtls(peer("a", "x", "3", "mtls: {mode: STRICT}") + peer("a", "yy", "2", "mtls: {mode: DISABLE}")),
            "DISABLE");
  EXPECT_EQ(mtls(peer("a", "x", "3", "mtls: {mode: STRICT}") + peer("a", "yy", "2", "mtls: {mode: UNSET}")),
            "PERMISSIVE")
      << "the oldest counts even when it says nothing";
  EXPECT_EQ(mtls(peer("a", "b", "2", "mtls: {mode: STRICT}") + peer("a", "a", "2", "mtls: {mode: DISABLE}")), "DISABLE")
      << "a tie goes by name";
  EXPECT_EQ(
      mtls(peer("a", "x", "3", web + "mtls: {mode: STRICT}") + peer("a", "yy", "2", web + "mtls: {mode: DISABLE}")),
      "DISABLE");
}

TEST(PeerAuthentication, SelectorInTheRootNamespaceCountsNowhere) {
  EXPECT_EQ(mtls(peer("istio-system", "r", "1", "selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}")),
            "PERMISSIVE");
}

TEST(PeerAuthentication, RootNamespaceIsTheMeshConfigs) {
  EXPECT_EQ(mtls(mesh_config("rootNamespace: top") + peer("top", "r", "1", "mtls: {mode: STRICT}")), "STRICT");
}

TEST(PeerAuthentication, WhatAClientAssumesOfAService) {
  const std::string headless = service("h", "clusterIP: None, selector: {app: web}, ports: [{name: tcp, port: 90}]");
  auto mode = [&](const std::string& more) {
    auto index = index_of(headless + more);
    auto h = index->find_service("h.a.svc.cluster.local");
    return std::string(to_string(index->service_mtls(*h, h->ports[0])));
  };
  const std::string in = mesh_pod("w", "10.1.0.1", "web"), out = pod("v", "10.1.0.2", "app: web");
  const std::string port = "{name: tcp, port: 90}";
  EXPECT_EQ(mode(""), "DISABLE");
  EXPECT_EQ(mode(in + slice("h", endpoint("10.1.0.1", "w"), port)), "PERMISSIVE");
  EXPECT_EQ(mode(in + out + slice("h", endpoint("10.1.0.1", "w") + "," + endpoint("10.1.0.2", "v"), port)), "DISABLE");
  EXPECT_EQ(mode(in + slice("h", endpoint("10.1.0.1", "w"), port) + peer("a", "nn", "1", "mtls: {mode: STRICT}")),
            "STRICT");
}

TEST(PeerAuthentication, EndpointsOfADisabledPortTakeNoMtls) {
  auto index = index_of(
      mesh_pod("w", "10.1.0.1", "web") + service("s", "clusterIP: 10.0.0.1, ports: [{name: tcp, port: 90}]") +
      slice("s", endpoint("10.1.0.1", "w"), "{name: tcp, port: 90}") +
      peer("a", "p", "1", "selector: {matchLabels: {app: web}}, portLevelMtls: {90: {mode: DISABLE}}"));
  const ServiceEndpoint& e = index->endpoints("s.a.svc.cluster.local").at(0);
  EXPECT_FALSE(index->endpoint_takes_mtls(e, 90));
  EXPECT_TRUE(index->endpoint_takes_mtls(e, 91));
}

TEST(Authorization, RootThenOwnOldestFirstBySelector) {
  auto ap = [](const char* name_space, const char* name, const char* created, const char* spec) {
    return policy("AuthorizationPolicy", name_space, name, created, spec);
  };
  auto index = index_of(ap("a", "young", "5", "") + ap("a", "old", "3", "") + ap("a", "b-tie", "3", "") +
                        ap("istio-system", "root", "9", "") + ap("b", "other", "1", "") +
                        ap("a", "web", "1", "selector: {matchLabels: {app: web}}") +
                        ap("istio-system", "db", "1", "selector: {matchLabels: {app: db}}"));
  auto names = [&](const Labels& labels) {
    std::vector<std::string> all;
    for (const auto& p : index->authorization("a", labels)) all.push_back(p->meta.name);
    return all;
  };
  EXPECT_THAT(names({{"app", "web"}}), ElementsAre("root", "web", "b-tie", "old", "young"));
  EXPECT_THAT(names({{"app", "db"}}), ElementsAre("db", "root", "b-tie", "old", "young"));
  EXPECT_EQ(index->authorization("istio-system", {}).size(), 1u) << "the root namespace's own workloads see each once";
}

}  // namespace
}  // namespace weft::controlplane
