#include "tests/decisions/decision_table.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/decisions/recorded.h"

namespace weft::tests {
namespace {

using Outcome = mesh::Decision::Outcome;

void expect_row(const Row& row, const mesh::Decision& decision) {
  EXPECT_EQ(static_cast<int>(decision.outcome), static_cast<int>(row.outcome));
  EXPECT_EQ(mesh::to_string(decision.refusal), mesh::to_string(row.refusal));
  EXPECT_EQ(decision.listener ? decision.listener->name : "", row.listener);
  EXPECT_EQ(describe_chain(decision.chain), row.chain);
  EXPECT_EQ(decision.cluster_name, row.cluster);
  EXPECT_EQ(decision.cluster ? describe_hosts(*decision.cluster, row.destination) : "", row.hosts);
  EXPECT_EQ(describe_policy(decision), row.policy);
  EXPECT_FALSE(row.cites.empty());
}

TEST(DecisionTable, RecordedResourcesDecideAsEachRowSays) {
  for (const Row& row : decision_table()) {
    SCOPED_TRACE(row.scenario + "/" + row.pod + " " + row.source + " -> " + row.destination + ": " + row.cites);
    auto config = config_of(row.scenario, row.pod);
    std::vector<std::string_view> storage;
    expect_row(row, mesh::decide(*config, input_of(row, storage)));
  }
}

TEST(DecisionTable, CoversEveryScenarioBothDirectionsAndEveryOutcome) {
  std::set<std::string> scenarios;
  std::set<mesh::Direction> directions;
  std::set<Outcome> outcomes;
  for (const Row& row : decision_table()) {
    scenarios.insert(row.scenario);
    directions.insert(row.direction);
    outcomes.insert(row.outcome);
  }
  EXPECT_GE(decision_table().size(), 60u);
  for (const auto& [scenario, pod] : recordings()) EXPECT_TRUE(scenarios.contains(scenario)) << scenario;
  EXPECT_EQ(directions.size(), 2u);
  EXPECT_EQ(outcomes.size(), 3u);
}

}  // namespace
}  // namespace weft::tests
