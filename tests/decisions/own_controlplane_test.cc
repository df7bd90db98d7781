// The same Kubernetes objects that the real istiod was given, through our own control plane: its resources must lead to
// the same decisions in every row about a TCP port that no VirtualService or DestinationRule decides.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <stdexcept>

#include "controlplane/registry/test_cluster.h"
#include "controlplane/xds/generate.h"
#include "mesh/xds_pod_config_builder.h"
#include "tests/decisions/decision_table.h"

namespace weft::tests {
namespace {

namespace cp = controlplane;
namespace fs = std::filesystem;

const fs::path kData = fs::path(WEFT_TEST_DATA) / "istiod";

// "tcp-echo-v1" of a recording is the pod of that name, or of that app and version.
const cp::Workload& workload_of(const cp::Index& index, const std::string& recording) {
  const auto label = [](const cp::Workload& workload, const char* key) {
    const auto found = workload.labels.find(key);
    return found == workload.labels.end() ? std::string() : found->second;
  };
  for (const auto& [key, workload] : index.workloads()) {
    const std::string app = label(*workload, "app");
    if (workload->in_mesh && (workload->name == recording || app == recording ||
                              app + "-" + label(*workload, "version") == recording)) {
      return *workload;
    }
  }
  throw std::runtime_error("no pod for the recording " + recording);
}

// What the API server of the recording had made by itself and no file holds.
constexpr std::string_view kApiServersOwn = R"(
apiVersion: v1
kind: Namespace
metadata: {name: default}
---
apiVersion: v1
kind: Service
metadata: {name: kubernetes, namespace: default}
spec:
  clusterIP: 10.96.0.1
  clusterIPs: [10.96.0.1]
  ports: [{name: https, port: 443, protocol: TCP, targetPort: 6443}]
)";

std::shared_ptr<const mesh::PodConfig> config_of(const std::string& scenario, const std::string& pod) {
  cp::TestCluster cluster;
  cluster.put_directory((kData / "mesh").string());
  cluster.put("api-server.yaml", kApiServersOwn);
  if (fs::exists(kData / scenario / "input")) cluster.put_directory((kData / scenario / "input").string());
  const auto index = cluster.index();
  const cp::GeneratedResources resources = cp::generate_resources(index, workload_of(*index, pod));
  mesh::XdsPodConfigBuilder builder(std::make_shared<mesh::XdsCache>());
  for (const auto& [from, to] : {std::pair{cp::XdsType::kCluster, mesh::XdsType::kCluster},
                                 std::pair{cp::XdsType::kEndpoints, mesh::XdsType::kEndpoints},
                                 std::pair{cp::XdsType::kListener, mesh::XdsType::kListener}}) {
    for (const cp::ResourcePtr& resource : resources.at(from)) {
      if (auto nack = builder.upsert(to, resource->name, resource->body)) throw std::runtime_error(*nack);
    }
    builder.mark_received(to);
  }
  EXPECT_TRUE(builder.ready());
  return builder.build();
}

TEST(OwnControlPlane, DecidesAsIstiodDoesInEveryComparableRow) {
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const mesh::PodConfig>> configs;
  int compared = 0;
  for (const Row& row : decision_table()) {
    if (!row.comparable || !fs::exists(kData / row.scenario)) continue;
    SCOPED_TRACE(row.scenario + "/" + row.pod + " " + row.source + " -> " + row.destination + ": " + row.cites);
    auto& config = configs[{row.scenario, row.pod}];
    if (config == nullptr) config = config_of(row.scenario, row.pod);
    std::vector<std::string_view> storage;
    const mesh::Decision decision = mesh::decide(*config, input_of(row, storage));
    EXPECT_EQ(static_cast<int>(decision.outcome), static_cast<int>(row.outcome));
    EXPECT_EQ(mesh::to_string(decision.refusal), mesh::to_string(row.refusal));
    EXPECT_EQ(decision.cluster_name, row.cluster);
    EXPECT_EQ(decision.cluster ? describe_hosts(*decision.cluster, row.destination) : "", row.hosts);
    EXPECT_EQ(describe_policy(decision), row.policy);
    ++compared;
  }
  EXPECT_GE(compared, 40);
}

}  // namespace
}  // namespace weft::tests
