// Istio's translation of AuthorizationPolicies for TCP, rule by rule. The shapes of whole
// recordings: recordings_test.cc.
#include "controlplane/xds/authorization_filters.h"

#include <envoy/extensions/filters/network/rbac/v3/rbac.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/registry/test_cluster.h"

namespace weft::controlplane {
namespace {

namespace rbac = envoy::config::rbac::v3;
using Config = envoy::extensions::filters::network::rbac::v3::RBAC;

// The filters of one pod in namespace `shop` under these policies. `spec` without indentation of its own.
std::vector<Config> filters_of(std::string_view policies, MeshConfig mesh = {}) {
  TestCluster cluster;
  cluster.put("namespaces.yaml", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}");
  cluster.put("policies.yaml", policies);
  std::vector<Config> out;
  for (const auto& filter : authorization_filters(mesh, cluster.index()->authorization("shop", {}))) {
    EXPECT_EQ(filter.name(), "envoy.filters.network.rbac");
    EXPECT_TRUE(filter.typed_config().UnpackTo(&out.emplace_back()));
  }
  return out;
}

std::string policy(std::string_view name, std::string_view spec, std::string_view annotations = "{}") {
  return "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: " + std::string(name) +
         ", namespace: shop, annotations: " + std::string(annotations) + "}\nspec: " + std::string(spec) + "\n";
}

const rbac::Policy& only_policy(const Config& config) {
  EXPECT_EQ(config.rules().policies_size(), 1);
  return config.rules().policies().begin()->second;
}

std::string principal_text(std::string_view spec, MeshConfig mesh = {}) {
  const auto filters = filters_of(policy("p", spec), std::move(mesh));
  return filters.size() == 1 ? only_policy(filters[0]).principals(0).ShortDebugString() : "";
}

TEST(AuthorizationFilters, NoPolicyNoFilter) { EXPECT_TRUE(filters_of("").empty()); }

TEST(AuthorizationFilters, CustomAuditDenyAllowInThisOrder) {
  const auto filters = filters_of(
      policy("allow", "{rules: [{}]}") + policy("deny", "{action: DENY, rules: [{}]}") +
      policy("audit", "{action: AUDIT, rules: [{}]}") +
      policy("ask", "{action: CUSTOM, provider: {name: opa}, rules: [{}]}"));
  ASSERT_EQ(filters.size(), 4u);
  EXPECT_EQ(filters[0].rules().action(), rbac::RBAC::DENY);
  EXPECT_TRUE(filters[0].rules().policies().contains("default-deny-all-due-to-bad-CUSTOM-action"));
  EXPECT_EQ(filters[1].rules().action(), rbac::RBAC::LOG);
  EXPECT_EQ(filters[2].rules().action(), rbac::RBAC::DENY);
  EXPECT_TRUE(filters[2].rules().policies().contains("ns[shop]-policy[deny]-rule[0]"));
  EXPECT_EQ(filters[3].rules().action(), rbac::RBAC::ALLOW);
}

TEST(AuthorizationFilters, AnEmptySpecAllowsNothing) {
  const auto filters = filters_of(policy("nothing", "{}"));
  ASSERT_EQ(filters.size(), 1u);
  EXPECT_EQ(filters[0].rules().action(), rbac::RBAC::ALLOW);
  EXPECT_EQ(filters[0].rules().policies_size(), 0);
}

TEST(AuthorizationFilters, AnEmptyRuleMatchesEverything) {
  const auto filters = filters_of(policy("all", "{rules: [{}]}"));
  ASSERT_EQ(filters.size(), 1u);
  EXPECT_EQ(only_policy(filters[0]).ShortDebugString(),
            "permissions { and_rules { rules { any: true } } } principals { and_ids { ids { any: true } } }");
}

// Fail closed both ways: what TCP cannot judge never widens an ALLOW and never narrows a DENY.
TEST(AuthorizationFilters, AnAllowRuleWithHttpFieldsNeverMatches) {
  for (const char* rule : {"{to: [{operation: {methods: [GET]}}]}", "{to: [{operation: {paths: [/x], ports: ['80']}}]}",
                           "{from: [{source: {requestPrincipals: ['*']}}]}",
                           "{when: [{key: 'request.headers[x]', values: [z]}]}",
                           "{to: [{operation: {ports: ['80']}}, {operation: {notHosts: [x.y]}}]}"}) {
    const auto filters = filters_of(policy("p", "{rules: [" + std::string(rule) + "]}"));
    ASSERT_EQ(filters.size(), 1u) << rule;
    EXPECT_EQ(filters[0].rules().policies_size(), 0) << rule;
  }
}

TEST(AuthorizationFilters, ADenyRuleLosesItsHttpCondition) {
  const auto filters = filters_of(
      policy("p", "{action: DENY, rules: [{to: [{operation: {methods: [GET], ports: ['80']}}]}]}"));
  ASSERT_EQ(filters.size(), 1u);
  EXPECT_EQ(only_policy(filters[0]).permissions(0).ShortDebugString(),
            "and_rules { rules { or_rules { rules { destination_port: 80 } } } }");
  const auto only_http = filters_of(policy("p", "{action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]}"));
  EXPECT_EQ(only_policy(only_http[0]).permissions(0).ShortDebugString(), "and_rules { rules { any: true } }");
}

TEST(AuthorizationFilters, PrincipalsByExactPrefixSuffixPresence) {
  const auto text = [](std::string_view value) {
    return principal_text("{rules: [{from: [{source: {principals: ['" + std::string(value) + "']}}]}]}");
  };
  const auto wrapped = [](const std::string& matcher) {
    return "and_ids { ids { or_ids { ids { authenticated { principal_name { " + matcher + " } } } } } }";
  };
  EXPECT_EQ(text("cluster.local/ns/a/sa/b"), wrapped("exact: \"spiffe://cluster.local/ns/a/sa/b\""));
  EXPECT_EQ(text("cluster.local/ns/a/*"), wrapped("prefix: \"spiffe://cluster.local/ns/a/\""));
  EXPECT_EQ(text("*/sa/b"), wrapped("safe_regex { regex: \"spiffe://.*/sa/b\" }"));
  EXPECT_EQ(text("*"), wrapped("safe_regex { regex: \".+\" }"));
}

TEST(AuthorizationFilters, PrincipalsFollowTheTrustDomainAndItsAliases) {
  MeshConfig mesh;
  mesh.trust_domain = "new";
  mesh.trust_domain_aliases = {"old"};
  const std::string text = principal_text("{rules: [{from: [{source: {principals: [old/ns/a/sa/b]}}]}]}", mesh);
  EXPECT_THAT(text, testing::HasSubstr("spiffe://new/ns/a/sa/b"));
  EXPECT_THAT(text, testing::HasSubstr("spiffe://old/ns/a/sa/b"));
  EXPECT_THAT(principal_text("{rules: [{from: [{source: {principals: [else/ns/a/sa/b]}}]}]}", mesh),
              testing::Not(testing::HasSubstr("spiffe://new")));
}

TEST(AuthorizationFilters, AddressesAndNegations) {
  EXPECT_EQ(principal_text("{rules: [{from: [{source: {ipBlocks: [10.0.0.0/8], notNamespaces: [bad]}}]}]}"),
            "and_ids { ids { not_id { or_ids { ids { authenticated { principal_name { safe_regex { regex: "
            "\".*/ns/bad/.*\" } } } } } } } ids { or_ids { ids { direct_remote_ip { address_prefix: \"10.0.0.0\" "
            "prefix_len { value: 8 } } } } } }");
}

TEST(AuthorizationFilters, DryRunStandsInTheShadow) {
  const auto filters =
      filters_of(policy("try", "{action: DENY, rules: [{}]}", "{istio.io/dry-run: 'true'}"));
  ASSERT_EQ(filters.size(), 1u);
  EXPECT_FALSE(filters[0].has_rules());
  EXPECT_EQ(filters[0].shadow_rules().policies_size(), 1);
  EXPECT_EQ(filters[0].shadow_rules_stat_prefix(), "istio_dry_run_deny_");
}

}  // namespace
}  // namespace weft::controlplane
