// The security policies and MeshConfig: what they mean, and what each mistake is told.
#include "controlplane/config/decode_testing.h"

namespace weft::controlplane {
namespace {

TEST(DecodePolicy, PeerAuthentication) {
  auto policy = read<PeerAuthentication>(peer(R"(
  selector: {matchLabels: {app: echo}}
  mtls: {mode: STRICT}
  portLevelMtls: {9001: {mode: DISABLE}, 9002: {}}
)"));
  EXPECT_EQ(policy->mtls, MtlsMode::kStrict);
  EXPECT_EQ(policy->port_level_mtls.at(9001), MtlsMode::kDisable);
  EXPECT_EQ(policy->port_level_mtls.at(9002), MtlsMode::kUnset);
}

TEST(DecodePolicy, AuthorizationPolicy) {
  auto p = read<AuthorizationPolicy>(policy(R"(
  action: DENY
  rules:
  - from: [{source: {principals: [a/ns/b/sa/c], notIpBlocks: [10.0.0.0/8, "::1"]}}]
    to: [{operation: {ports: ["80", "443"]}}]
    when: [{key: source.namespace, values: [x], notValues: [z]}]
  - {}
)"));
  EXPECT_EQ(p->action, AuthorizationAction::kDeny);
  ASSERT_EQ(p->rules.size(), 2u);
  EXPECT_EQ(p->rules[0].from[0].not_ip_blocks[1].to_string(), "::1/128");
  EXPECT_EQ(p->rules[0].to[0].ports, (std::vector<std::uint16_t>{80, 443}));
  EXPECT_EQ(p->rules[0].when[0].not_values, std::vector<std::string>{"z"});
  EXPECT_TRUE(p->rules[1].from.empty());
}

TEST(DecodePolicy, AbsentSpecDeniesAll) {
  auto p = read<AuthorizationPolicy>(
      "apiVersion: security.istio.io/v1beta1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: a}\n");
  EXPECT_EQ(p->action, AuthorizationAction::kAllow);
  EXPECT_TRUE(p->rules.empty());
}

TEST(DecodePolicy, DryRun) {
  auto yaml = [](const char* value) {
    return "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: a, "
           "annotations: "
           "{istio.io/dry-run: \"" +
           std::string(value) + "\"}}\nspec: {}\n";
  };
  EXPECT_TRUE(read<AuthorizationPolicy>(yaml("true"))->dry_run);
  EXPECT_FALSE(read<AuthorizationPolicy>(yaml("false"))->dry_run);
  EXPECT_FALSE(read<AuthorizationPolicy>(yaml("perhaps"))->dry_run);
}

TEST(DecodePolicy, MeshConfig) {
  auto map = read<k8s::ConfigMap>(R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    trustDomain: td.example
    rootNamespace: mesh-root
    connectTimeout: 2.5s
    protocolDetectionTimeout: 0s
    enableAutoMtls: false
    outboundTrafficPolicy: {mode: REGISTRY_ONLY}
    accessLogFile: /dev/stdout
)");
  ASSERT_TRUE(map->mesh);
  EXPECT_EQ(map->mesh->trust_domain, "td.example");
  EXPECT_EQ(map->mesh->root_namespace, "mesh-root");
  EXPECT_EQ(map->mesh->connect_timeout, Duration::milliseconds(2500));
  EXPECT_FALSE(map->mesh->enable_auto_mtls);
  EXPECT_EQ(map->mesh->outbound, MeshConfig::Outbound::kRegistryOnly);
}

TEST(DecodePolicy, TellsMistakesInPeerAuthentication) {
  const std::string at = "PeerAuthentication data/p: spec.";
  expect_told({
      {peer("  mtls: {mode: STRICKT}"), "a.yaml:5:16: " + at +
                                            "mtls.mode: invalid: expected one of UNSET, DISABLE, "
                                            "PERMISSIVE, STRICT, got \"STRICKT\""},
      {peer("  mtls: STRICT"), "a.yaml:5:9: " + at + "mtls: wrong type: expected a map, got text (STRICT)"},
      {peer("  mode: STRICT"),
       "a.yaml:5:3: " + at + "mode: unknown field: known here: selector, mtls, portLevelMtls"},
      {peer("  port_level_mtls: {}"),
       "a.yaml:5:3: " + at + "port_level_mtls: unknown field: did you mean portLevelMtls?"},
      {peer("  portLevelMtls: {80: {mode: STRICT}}"),
       "a.yaml:5:3: " + at + "portLevelMtls: invalid: needs a selector"},
      {peer("  selector: {matchLabels: {a: b}}\n  portLevelMtls: {}"),
       "a.yaml:6:3: " + at + "portLevelMtls: invalid: must have at least one port"},
      {peer("  selector: {matchLabels: {a: b}}\n  portLevelMtls: {70000: {mode: STRICT}}"),
       "a.yaml:6:3: " + at + "portLevelMtls: invalid: port 70000 is not in 1 to 65535"},
      {peer("  selector: {matchLabels: {a: b}}\n  portLevelMtls: {http: {mode: STRICT}}"),
       "a.yaml:5:3: " + at.substr(0, 28)},
      {peer("  selector: {matchLabels: {a: \"*\"}}"),
       "a.yaml:5:14: " + at + "selector.matchLabels: invalid: wildcards are not supported: \"a=*\""},
      {peer("  selector: {matchLabels: {a: 1}}"),
       "a.yaml:5:31: " + at + "selector.matchLabels[a]: wrong type: expected text, got an integer (1); quote it"},
      {peer("  mtls: {mode: 3}"), "a.yaml:5:16: " + at + "mtls.mode: wrong type: expected text, got an integer (3)"},
  });
}

TEST(DecodePolicy, TellsMistakesInAuthorizationPolicy) {
  const std::string at = "AuthorizationPolicy data/p: spec.";
  const std::string rule0 = "a.yaml:5:11: " + at + "rules[0]";
  auto source = [](const std::string& text) { return policy("  rules: [{from: [{source: {" + text + "}}]}]"); };
  auto operation = [](const std::string& text) { return policy("  rules: [{to: [{operation: {" + text + "}}]}]"); };
  auto when = [](const std::string& text) { return policy("  rules: [{when: [{" + text + "}]}]"); };
  auto custom = [](const std::string& text) {
    return policy("  action: CUSTOM\n  provider: {name: e}\n  rules: [{" + text + "}]");
  };
  const std::string from = at + "rules[0].from[0].source", to = at + "rules[0].to[0].operation";
  expect_told({
      {policy("  action: DNY"), "a.yaml:5:11: " + at + "action: invalid: expected one of ALLOW, DENY, AUDIT, CUSTOM"},
      {policy("  rule: []"), "a.yaml:5:3: " + at + "rule: unknown field: known here: selector,"},
      {policy("  action: DENY"), "a.yaml:4:1: " + at + "rules: invalid: DENY without rules is never triggered"},
      {policy("  action: DENY\n  rules: []"), "a.yaml:6:3: " + at + "rules: invalid: DENY without rules"},
      {policy("  action: CUSTOM\n  rules: [{}]"),
       "a.yaml:4:1: " + at + "provider.name: invalid: CUSTOM needs a provider"},
      {policy("  provider: {name: e}"), "a.yaml:5:3: " + at + "provider: invalid: only for action CUSTOM, not ALLOW"},
      {policy("  rules: [{from: []}]"), "a.yaml:5:12: " + at + "rules[0].from: invalid: must not be empty"},
      {policy("  rules: [{from: [{}]}]"), "a.yaml:5:19: " + at + "rules[0].from[0]: invalid: needs a source"},
      {policy("  rules: [null]"), "a.yaml:5:11: " + at + "rules[0]: wrong type: expected a map, got null"},
      {source(""), "a.yaml:5:20: " + from + ": invalid: must not be empty"},
      {source("principal: [a]"), "a.yaml:5:29: " + from + ".principal: unknown field: known here: principals"},
      {source("principals: a"), "a.yaml:5:41: " + from + ".principals: wrong type: expected a list, got text"},
      {source("principals: ['']"), "a.yaml:5:42: " + from + ".principals[0]: invalid: an empty value"},
      {source("ipBlocks: [10.0.0.0/33]"),
       "a.yaml:5:40: " + from + ".ipBlocks[0]: invalid: \"10.0.0.0/33\" is neither"},
      {source("notIpBlocks: [fe80::1%eth0]"), "a.yaml:5:43: " + from + ".notIpBlocks[0]: invalid"},
      {source("serviceAccounts: [a/b/c]"), "a.yaml:5:47: " + from + ".serviceAccounts[0]: invalid"},
      {source("serviceAccounts: [a], namespaces: [b]"),
       "a.yaml:5:20: " + from + ": invalid: serviceAccounts cannot stand"},
      {source("trustDomains: [a*b]"),
       "a.yaml:5:44: " + from + ".trustDomains[0]: invalid: \"a*b\": one '*' is allowed"},
      {operation("ports: [80]"),
       "a.yaml:5:38: " + to + ".ports[0]: wrong type: expected text, got an integer (80); quote"},
      {operation("ports: [\"http\"]"), "a.yaml:5:38: " + to + ".ports[0]: invalid: \"http\" is not a port"},
      {operation("ports: [\"65536\"]"), "a.yaml:5:38: " + to + ".ports[0]: invalid"},
      {operation("paths: [\"/a/{**}/{*}\"]"),
       "a.yaml:5:38: " + to + ".paths[0]: invalid: \"/a/{**}/{*}\": {**} must be"},
      {operation("paths: [\"/{x}\"]"), "a.yaml:5:38: " + to + ".paths[0]: invalid"},
      {when("key: source.pod, values: [a]"),
       "a.yaml:5:20: " + at + "rules[0].when[0].key: invalid: unknown attribute"},
      {when("key: source.ip"), "a.yaml:5:19: " + at + "rules[0].when[0]: invalid: needs values or notValues"},
      {when("key: source.ip, values: [x]"),
       "a.yaml:5:45: " + at + "rules[0].when[0].values[0]: invalid: \"x\" is neither"},
      {when("key: request.headers, values: [x]"), "a.yaml:5:20: " + at + "rules[0].when[0].key: invalid: "},
      {when("key: \"request.headers[]\", values: [x]"), "a.yaml:5:20: " + at + "rules[0].when[0].key: invalid: "},
      {when("key: destination.namespace, values: [x]"),
       "a.yaml:5:20: " + at + "rules[0].when[0].key: invalid: destination"},
      {policy("  selector: {matchLabels: {a: b}}\n  targetRefs: [{kind: Service, name: s}]"),
       "a.yaml:5:3: " + at + "selector: invalid: only one of selector"},
      {policy("  targetRefs: [{kind: Pod, name: s}]"),
       "a.yaml:5:17: " + at + "targetRefs[0].kind: invalid: expected a Gateway"},
      {policy("  targetRefs: [{kind: Service}]"),
       "a.yaml:5:16: " + at + "targetRefs[0].name: invalid: a target needs a name"},
  });
  for (const char* rule : {"from: [{source: {namespaces: [a]}}]", "when: [{key: source.principal, values: [a]}]"}) {
    EXPECT_NE(problems_of(decode_text(custom(rule))).find("CUSTOM cannot match on"), std::string::npos) << rule;
  }
}

TEST(DecodePolicy, TellsMistakesInMeshConfig) {
  auto mesh = [](const std::string& line) {
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |\n"
           "    trustDomain: cluster.local\n    " + line + "\n";
  };
  const std::string at = "a.yaml:7: ConfigMap istio-system/istio: data.mesh: ";
  expect_told({
      {mesh("connectTimeout: 10"), at + "connectTimeout: invalid: expected a duration in seconds such as \"10s\""},
      {mesh("connectTimeout: 10m"), at + "connectTimeout: invalid: expected a duration in seconds such as \"10s\" or "
                                         "\"0.5s\", got \"10m\""},
      {mesh("connectTimeout: 0s"), at + "connectTimeout: invalid: expected 0.001s to 3600s"},
      {mesh("protocolDetectionTimeout: 0.0001s"), at + "protocolDetectionTimeout: invalid: expected 0s"},
      {mesh("conectTimeout: 10s"), at + "conectTimeout: unknown field"},
      {mesh("enableAutoMtls: \"true\""), at + "enableAutoMtls: wrong type: expected a boolean, got text"},
      {mesh("outboundTrafficPolicy: {mode: BLOCK}"),
       at + "outboundTrafficPolicy.mode: invalid: expected one of REGISTRY_ONLY"},
      {mesh("trustDomainAliases: [Old]"), at + "trustDomainAliases[0]: invalid: \"Old\""},
      {mesh("rootNamespace: A"), at + "rootNamespace: invalid"},
      {mesh("proxyListenPort: 70000"), at + "proxyListenPort: invalid"},
      {mesh("x: [1"), "a.yaml:"},
      {mesh("accessLogFile: /dev/stdout"), at + "accessLogFile: field has no effect yet", false},
      {mesh("extensionProviders: [{name: a}]"), at + "extensionProviders: field has no effect yet", false},
  });
}

}  // namespace
}  // namespace weft::controlplane
