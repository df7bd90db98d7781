// The example mesh that istiod was recorded with: it is read whole, and means what istiod took it to mean.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "controlplane/config/source_files.h"
#include "controlplane/config/store.h"
#include "controlplane/registry/index.h"

namespace weft::controlplane {
namespace {

const std::string kData = WEFT_TEST_DATA "/istiod";

// The mesh and one scenario's input, as one directory after the other.
struct Recorded {
  Store store{StoreOptions{}};
  std::shared_ptr<const Index> index;
  std::vector<std::string> errors, warnings;

  explicit Recorded(const std::string& scenario) {
    load_directory(kData + "/mesh", store);
    if (scenario != "plain") load_directory(kData + '/' + scenario + "/input", store);
    for (const Problem& problem : store.snapshot()->problems()) {
      (severity_of(problem.code) == Severity::kError ? errors : warnings).push_back(problem.to_string());
    }
    index = Index::build(*store.snapshot(), {});
  }
  EffectiveMtls mtls(const std::string& name_space, const std::string& app) const {
    return index->peer_authentication(name_space, {{"app", app}});
  }
};

// Each is loaded once.
const Recorded& recorded_of(const std::string& scenario) {
  static std::map<std::string, std::unique_ptr<Recorded>> loaded;
  auto& recorded = loaded[scenario];
  if (!recorded) recorded = std::make_unique<Recorded>(scenario);
  return *recorded;
}

TEST(Recorded, EveryScenarioIsReadWithoutError) {
  for (const char* scenario :
       {"plain", "strict-mtls", "permissive-port-disable", "authz-l4", "tcp-routing", "headless"}) {
    const Recorded& recorded = recorded_of(scenario);
    EXPECT_THAT(recorded.errors, testing::IsEmpty()) << scenario;
    EXPECT_TRUE(recorded.store.snapshot()->ready()) << scenario;
  }
}

TEST(Recorded, Plain) {
  const Recorded& recorded = recorded_of("plain");
  const Index& index = *recorded.index;
  EXPECT_EQ(index.nodes().size(), 2u);
  EXPECT_EQ(index.nodes().at("node-a").locality.to_string(), "east/east-1");
  EXPECT_EQ(index.find_service("ext-docs.samples.svc.cluster.local"), nullptr) << "ExternalName";
  EXPECT_TRUE(index.find_service("cassandra.data.svc.cluster.local")->headless);
  EXPECT_EQ(index.find_service("mysql.data.svc.cluster.local")->find_port(3306)->protocol, Protocol::kMysql);
  EXPECT_EQ(index.find_service("tcp-echo.samples.svc.cluster.local")->find_port(9002)->protocol, Protocol::kAuto);
  const auto& endpoints = index.endpoints("productpage.bookinfo.svc.cluster.local");
  ASSERT_FALSE(endpoints.empty());
  for (const ServiceEndpoint& endpoint : endpoints) {
    EXPECT_TRUE(endpoint.in_mesh);
    EXPECT_EQ(endpoint.workload->identity("cluster.local"),
              "spiffe://cluster.local/ns/bookinfo/sa/bookinfo-productpage");
  }
  for (const ServiceEndpoint& endpoint : index.endpoints("legacy-web.legacy.svc.cluster.local")) {
    EXPECT_FALSE(endpoint.in_mesh);
  }
  // Every pod of a Service with a selector serves it, and every endpoint of such a Service is such a pod.
  for (const auto& [hostname, service] : index.services()) {
    for (const ServiceEndpoint& endpoint : index.endpoints(hostname)) {
      if (!endpoint.workload || service->selector.empty()) continue;
      EXPECT_TRUE(WorkloadSelector{service->selector}.matches(endpoint.workload->labels)) << hostname;
    }
  }
}

TEST(Recorded, PeerAuthentication) {
  EXPECT_EQ(recorded_of("plain").mtls("data", "mysql").mode, MtlsMode::kPermissive);
  EXPECT_EQ(recorded_of("strict-mtls").mtls("data", "mysql").mode, MtlsMode::kStrict);
  const Recorded& mixed = recorded_of("permissive-port-disable");
  const EffectiveMtls echo = mixed.mtls("samples", "tcp-echo");
  EXPECT_EQ(echo.at(9000), MtlsMode::kStrict);
  EXPECT_EQ(echo.at(9001), MtlsMode::kDisable);
  EXPECT_EQ(echo.at(9002), MtlsMode::kPermissive);
  EXPECT_EQ(mixed.mtls("samples", "httpbin").at(8080), MtlsMode::kDisable);
  EXPECT_EQ(recorded_of("headless").mtls("data", "cassandra").mode, MtlsMode::kStrict);
}

TEST(Recorded, AuthorizationPolicies) {
  const Recorded& recorded = recorded_of("authz-l4");
  auto policies = recorded.index->authorization("samples", {{"app", "tcp-echo"}});
  ASSERT_EQ(policies.size(), 1u);
  EXPECT_EQ(policies[0]->action, AuthorizationAction::kDeny);
  ASSERT_EQ(policies[0]->rules.size(), 2u);
  EXPECT_EQ(policies[0]->rules[1].to[0].ports, std::vector<std::uint16_t>{9001});
  EXPECT_THAT(recorded.index->authorization("samples", {{"app", "sleep"}}), testing::IsEmpty());
}

TEST(Recorded, KindsThatAreNotReadAreWarnedOfByName) {
  const Recorded& recorded = recorded_of("tcp-routing");
  EXPECT_THAT(recorded.warnings, testing::Contains("tcp-echo.yaml:2:1: kind: kind has no effect yet: DestinationRule "
                                                   "samples/tcp-echo"));
  EXPECT_THAT(recorded.warnings, testing::Contains("tcp-echo.yaml:11:1: kind: kind has no effect yet: VirtualService "
                                                   "samples/tcp-echo"));
}

}  // namespace
}  // namespace weft::controlplane
