#include "tests/decisions/recorded.h"

#include <gtest/gtest.h>

#include <map>

namespace weft::tests {
namespace {

TEST(RecordedPushes, EveryListenerClusterAndEndpointSetIsAccepted) {
  auto cache = std::make_shared<mesh::XdsCache>();
  ASSERT_GE(recordings().size(), 16u);
  for (const auto& [scenario, pod] : recordings()) {
    SCOPED_TRACE(scenario + "/" + pod);
    mesh::XdsPodConfigBuilder builder(cache);
    auto resources = recorded_resources(scenario, pod);
    EXPECT_EQ(feed(builder, resources), std::vector<std::string>());
    std::map<mesh::XdsType, int> counts;
    for (const auto& resource : resources) ++counts[resource.type];
    EXPECT_GT(counts[mesh::XdsType::kListener], 10);
    EXPECT_GT(counts[mesh::XdsType::kCluster], 20);
    EXPECT_GT(counts[mesh::XdsType::kEndpoints], 15);
    EXPECT_EQ(builder.lacks(), std::vector<std::string>());
    EXPECT_TRUE(builder.ready());
    auto config = builder.build();
    EXPECT_EQ(config->listeners().size(), static_cast<std::size_t>(counts[mesh::XdsType::kListener]));
    EXPECT_EQ(config->clusters().size(), static_cast<std::size_t>(counts[mesh::XdsType::kCluster]));
  }
}

TEST(RecordedPushes, AHundredPodsKeepOneCopy) {
  auto cache = std::make_shared<mesh::XdsCache>();
  auto resources = recorded_resources("plain", "sleep");
  std::vector<mesh::XdsPodConfigBuilder> builders;
  std::vector<std::shared_ptr<const mesh::PodConfig>> configs;
  for (int i = 0; i < 100; ++i) {
    builders.emplace_back(cache);
    ASSERT_TRUE(feed(builders.back(), resources).empty());
    configs.push_back(builders.back().build());
  }
  EXPECT_EQ(cache->live_clusters(), configs[0]->clusters().size());
  EXPECT_EQ(cache->live_listeners(), configs[0]->listeners().size());
  for (const auto& [name, cluster] : configs[0]->clusters())
    EXPECT_EQ(configs[99]->find_cluster(name), cluster.get()) << name;
  builders.clear();
  configs.clear();
  EXPECT_EQ(cache->live_clusters(), 0u);
}

TEST(RecordedPushes, AClusterServesOnceItsEndpointsHaveCome) {
  mesh::XdsPodConfigBuilder builder(std::make_shared<mesh::XdsCache>());
  auto resources = recorded_resources("plain", "sleep");
  const std::string mysql = "outbound|3306||mysql.data.svc.cluster.local";
  RecordedResource late;
  std::erase_if(resources, [&](const RecordedResource& r) {
    bool is_it = r.type == mesh::XdsType::kEndpoints && r.name == mysql;
    if (is_it) late = r;
    return is_it;
  });
  ASSERT_TRUE(feed(builder, resources).empty());
  EXPECT_EQ(builder.lacks(), std::vector<std::string>{"endpoints of " + mysql});
  EXPECT_FALSE(builder.ready());
  EXPECT_EQ(builder.build()->find_cluster(mysql), nullptr);
  ASSERT_TRUE(feed(builder, {late}).empty());
  EXPECT_TRUE(builder.ready());
  EXPECT_NE(builder.build()->find_cluster(mysql), nullptr);
}

TEST(RecordedPushes, ARemovedClusterOutlivesItsLastReferrer) {
  mesh::XdsPodConfigBuilder builder(std::make_shared<mesh::XdsCache>());
  ASSERT_TRUE(feed(builder, recorded_resources("plain", "sleep")).empty());
  const std::string mysql = "outbound|3306||mysql.data.svc.cluster.local";
  auto before = builder.build();
  EXPECT_EQ(builder.build(), before);  // nothing changed: the same object
  builder.remove(mesh::XdsType::kCluster, mysql);
  EXPECT_NE(builder.build()->find_cluster(mysql), nullptr);
  builder.remove(mesh::XdsType::kListener, "10.96.3.1_3306");
  EXPECT_EQ(builder.build()->find_cluster(mysql), nullptr);
  EXPECT_GT(builder.build()->version(), before->version());
}

}  // namespace
}  // namespace weft::tests
