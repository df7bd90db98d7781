#include "mesh/cluster.h"

#include <gtest/gtest.h>

namespace weft::mesh {
namespace {

Priority hosts(int healthy, int unhealthy) {
  Priority priority;
  for (int i = 0; i < healthy + unhealthy; ++i) {
    UpstreamHost& host = priority.hosts.emplace_back();
    host.health = i < healthy ? Health::kHealthy : Health::kUnhealthy;
  }
  return priority;
}

std::vector<std::uint32_t> load(std::vector<Priority> priorities, double panic = 0) {
  compute_priority_load(priorities, panic, 140);
  std::vector<std::uint32_t> loads;
  for (const Priority& priority : priorities) loads.push_back(priority.load_percent);
  return loads;
}

using Loads = std::vector<std::uint32_t>;

// The examples of Envoy's documentation of priority levels.
TEST(PriorityLoad, SpillsOverByHealth) {
  EXPECT_EQ(load({hosts(100, 0), hosts(100, 0)}), (Loads{100, 0}));
  EXPECT_EQ(load({hosts(72, 28), hosts(100, 0)}), (Loads{100, 0}));
  EXPECT_EQ(load({hosts(71, 29), hosts(100, 0)}), (Loads{99, 1}));
  EXPECT_EQ(load({hosts(50, 50), hosts(100, 0)}), (Loads{70, 30}));
  EXPECT_EQ(load({hosts(25, 75), hosts(100, 0)}), (Loads{35, 65}));
  EXPECT_EQ(load({hosts(0, 100), hosts(100, 0)}), (Loads{0, 100}));
  EXPECT_EQ(load({hosts(25, 75), hosts(25, 75)}), (Loads{50, 50}));
}

TEST(PriorityLoad, WithoutPanicNoUnhealthyHostIsPicked) {
  std::vector<Priority> priorities = {hosts(0, 2)};
  compute_priority_load(priorities, 0, 140);
  EXPECT_EQ(priorities[0].load_percent, 0u);
  EXPECT_TRUE(priorities[0].eligible.empty());
}

TEST(PriorityLoad, InPanicHealthIsIgnored) {
  std::vector<Priority> priorities = {hosts(0, 2), hosts(0, 6)};
  compute_priority_load(priorities, 50, 140);
  EXPECT_EQ(priorities[0].load_percent, 25u);
  EXPECT_EQ(priorities[1].load_percent, 75u);
  EXPECT_EQ(priorities[1].eligible.size(), 6u);
}

TEST(PriorityLoad, NoHostsNoLoad) {
  EXPECT_EQ(load({hosts(0, 0)}, 50), (Loads{0}));
  EXPECT_EQ(load({}), (Loads{}));
}

TEST(UpstreamHost, TheFamilyThatTheClientDialled) {
  UpstreamHost host;
  host.address = *Endpoint::parse("10.0.0.1:80");
  host.additional_addresses = {*Endpoint::parse("[fd00::1]:80")};
  EXPECT_EQ(host.address_for(true).to_string(), "[fd00::1]:80");
  EXPECT_EQ(host.address_for(false).to_string(), "10.0.0.1:80");
}

}  // namespace
}  // namespace weft::mesh
