// Each kind as kubectl prints it, and what each mistake is told.
#include "controlplane/config/decode.h"

#include <gtest/gtest.h>

#include "controlplane/config/source_files.h"

namespace weft::controlplane {
namespace {

Decoded decode_text(const std::string& yaml) {
  OriginUpdate update = parse_origin("a.yaml", yaml);
  EXPECT_EQ(update.documents.size(), 1u) << update.problem.to_string();
  DecodeOptions options;
  options.mesh_config_map = {Kind::kConfigMap, "istio-system", "istio"};
  options.creation_unix_ns = [](const ObjectKey&) { return 77; };
  return update.documents.empty() ? Decoded() : decode(*update.documents[0], options);
}

std::string problems_of(const Decoded& decoded) {
  std::string text;
  for (const Problem& problem : decoded.problems) text += (text.empty() ? "" : "\n") + problem.to_string();
  return text;
}

template <typename T>
Shared<T> read(const std::string& yaml) {
  Decoded decoded = decode_text(yaml);
  EXPECT_TRUE(decoded.object) << problems_of(decoded);
  return decoded.object ? std::get<Shared<T>>(*decoded.object) : std::make_shared<const T>();
}

std::string policy(const std::string& spec) {
  return "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: data}\nspec:\n" +
         spec;
}

std::string peer(const std::string& spec) {
  return "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: p, namespace: data}\nspec:\n" +
         spec;
}

TEST(Decode, Pod) {
  auto pod = read<k8s::Pod>(R"(
apiVersion: v1
kind: Pod
metadata:
  name: sleep-1
  namespace: samples
  uid: abc-1234
  creationTimestamp: "2026-01-02T03:04:05Z"
  labels: {app: sleep, security.istio.io/tlsMode: istio}
  managedFields: [{manager: kubectl}]
spec:
  nodeName: node-a
  serviceAccountName: sleep
  containers: [{name: c, ports: [{containerPort: 80, name: http}, {containerPort: 53, protocol: UDP}]}]
status:
  phase: Running
  podIPs: [{ip: 10.244.1.3}, {ip: "fd00::3"}]
  hostIP: 10.0.0.1
  conditions: [{type: Ready, status: "True"}]
)" + std::string());
  EXPECT_EQ(pod->meta.name, "sleep-1");
  EXPECT_EQ(pod->meta.creation_unix_ns, 1767323045'000'000'000);
  EXPECT_EQ(pod->service_account, "sleep");
  ASSERT_EQ(pod->addresses.size(), 2u);
  EXPECT_EQ(pod->addresses[1].to_string(), "fd00::3");
  EXPECT_TRUE(pod->ready);
  ASSERT_EQ(pod->ports.size(), 2u);
  EXPECT_EQ(pod->ports[1].protocol, "UDP");
}

TEST(Decode, StampsWhatHasNoCreationTime) {
  EXPECT_EQ(read<k8s::Namespace>("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")->meta.creation_unix_ns, 77);
}

TEST(Decode, ServiceOfBothFamilies) {
  auto service = read<k8s::Service>(R"(
apiVersion: v1
kind: Service
metadata: {name: web, namespace: a}
spec:
  clusterIP: 10.96.0.1
  clusterIPs: [10.96.0.1, "fd00:96::1"]
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}, {name: t, port: 90, targetPort: 9090, appProtocol: tcp}]
)");
  EXPECT_EQ(service->cluster_ips.size(), 2u);
  EXPECT_EQ(service->ports[0].target_port_name, "http");
  EXPECT_EQ(service->ports[1].target_port, 9090);
  EXPECT_FALSE(service->headless);
}

TEST(Decode, HeadlessService) {
  auto service = read<k8s::Service>(
      "apiVersion: v1\nkind: Service\nmetadata: {name: w, namespace: a}\nspec: {clusterIP: None, clusterIPs: [None]}\n");
  EXPECT_TRUE(service->headless);
  EXPECT_TRUE(service->cluster_ips.empty());
}

TEST(Decode, EndpointSliceConditions) {
  auto slice = read<k8s::EndpointSlice>(R"(
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
addressType: IPv4
metadata: {name: w-1, namespace: a, labels: {kubernetes.io/service-name: w}}
endpoints:
- addresses: [10.1.0.1]
- addresses: [10.1.0.2]
  conditions: {ready: false, serving: true, terminating: true}
  targetRef: {kind: Pod, name: w-x, namespace: a}
ports: [{name: http, port: 80}, {name: any, port: null}]
)");
  EXPECT_EQ(slice->service_name, "w");
  EXPECT_TRUE(slice->endpoints[0].ready);
  EXPECT_FALSE(slice->endpoints[1].ready);
  EXPECT_TRUE(slice->endpoints[1].terminating);
  EXPECT_EQ(slice->ports[1].port, 0);
}

TEST(Decode, SecretIsDecoded) {
  auto secret = read<k8s::Secret>(
      "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: a}\ntype: Opaque\ndata: {k: aGVsbG8=}\n");
  EXPECT_EQ(secret->data.at("k"), "hello");
}

TEST(Decode, PeerAuthentication) {
  auto policy = read<PeerAuthentication>(peer(R"(
  selector: {matchLabels: {app: echo}}
  mtls: {mode: STRICT}
  portLevelMtls: {9001: {mode: DISABLE}, 9002: {}}
)"));
  EXPECT_EQ(policy->mtls, MtlsMode::kStrict);
  EXPECT_EQ(policy->port_level_mtls.at(9001), MtlsMode::kDisable);
  EXPECT_EQ(policy->port_level_mtls.at(9002), MtlsMode::kUnset);
}

TEST(Decode, AuthorizationPolicy) {
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

TEST(Decode, AbsentSpecDeniesAll) {
  auto p = read<AuthorizationPolicy>(
      "apiVersion: security.istio.io/v1beta1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: a}\n");
  EXPECT_EQ(p->action, AuthorizationAction::kAllow);
  EXPECT_TRUE(p->rules.empty());
}

TEST(Decode, DryRun) {
  auto yaml = [](const char* value) {
    return "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: a, annotations: "
           "{istio.io/dry-run: \"" + std::string(value) + "\"}}\nspec: {}\n";
  };
  EXPECT_TRUE(read<AuthorizationPolicy>(yaml("true"))->dry_run);
  EXPECT_FALSE(read<AuthorizationPolicy>(yaml("false"))->dry_run);
  EXPECT_FALSE(read<AuthorizationPolicy>(yaml("perhaps"))->dry_run);
}

TEST(Decode, MeshConfig) {
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

struct Mistake {
  std::string yaml;
  std::string told;  // how the first problem begins
  bool error = true;
};

void expect_told(const std::vector<Mistake>& rows) {
  for (const Mistake& row : rows) {
    const Decoded decoded = decode_text(row.yaml);
    const std::string told = problems_of(decoded);
    EXPECT_TRUE(told.starts_with(row.told)) << row.yaml << "\nwas told: " << told;
    EXPECT_EQ(!decoded.object, row.error) << row.yaml << "\nwas told: " << told;
  }
}

TEST(Decode, TellsWhatIsNoObject) {
  expect_told({
      {"[1]", "a.yaml:1:1: not a Kubernetes object: expected a map"},
      {"a: b", "a.yaml:1:1: apiVersion: not a Kubernetes object: missing"},
      {"apiVersion: v1", "a.yaml:1:1: kind: not a Kubernetes object: missing"},
      {"apiVersion: v1\nkind: Pud", "a.yaml:2:1: kind: unknown kind: v1 Pud"},
      {"apiVersion: security.istio.io/v1\nkind: AuthorizationPolcy", "a.yaml:2:1: kind: unknown kind: "
       "security.istio.io/v1 AuthorizationPolcy"},
      {"apiVersion: security.istio.io/v2\nkind: AuthorizationPolicy", "a.yaml:1:1: apiVersion: version is not served"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a}", "a.yaml:3:1: metadata.namespace: not a Kubernetes object: missing"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: A_b, namespace: x}",
       "a.yaml:3:12: metadata.name: not a Kubernetes object: \"A_b\": expected at most 253"},
      {"apiVersion: v1\nkind: Service\nmetadata: {name: 1a, namespace: x}",
       "a.yaml:3:12: metadata.name: not a Kubernetes object: \"1a\": expected at most 63 of a-z"},
  });
}

TEST(Decode, TellsWrongTypesAndValues) {
  const std::string pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: x}\n";
  const std::string service = "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: x}\n";
  expect_told({
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: x, labels: {version: 1}}",
       "a.yaml:3:53: Pod x/p: metadata.labels[version]: wrong type: expected text, got an integer (1)"},
      {pod + "spec: {hostNetwork: 1}", "a.yaml:4:21: Pod x/p: spec.hostNetwork: wrong type: expected a boolean"},
      {pod + "status: {podIPs: [{ip: 10.0.0.300}]}", "a.yaml:4:20: Pod x/p: status.podIPs[0].ip: invalid: not an IP address"},
      {pod + "spec: {containers: {}}", "a.yaml:4:20: Pod x/p: spec.containers: wrong type: expected a list, got a map"},
      {service + "spec: {ports: [{port: 70000}]}",
       "a.yaml:4:17: Service x/s: spec.ports[0].port: invalid: expected 1 to 65535, got 70000"},
      {service + "spec: {ports: [{port: 80, protocol: tcp}]}",
       "a.yaml:4:27: Service x/s: spec.ports[0].protocol: invalid: expected TCP, UDP or SCTP, got tcp"},
      {service + "spec: {type: ExternalName, externalName: a.b}",
       "a.yaml:4:8: Service x/s: spec.type: field has no effect yet", false},
      {"apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: x}\ndata: {k: \"%%\"}",
       "a.yaml:4:8: Secret x/s: data.k: invalid: not base64"},
      {"apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: x}\ndata: {k: 5}",
       "a.yaml:4:11: Secret x/s: data[k]: wrong type: expected text, got an integer"},
      {"apiVersion: v1\nkind: Namespace\nmetadata: {name: m, creationTimestamp: yesterday}",
       "a.yaml:3:21: Namespace m: metadata.creationTimestamp: invalid: expected a time as in RFC 3339"},
      {"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: {name: e, namespace: x}\n"
       "endpoints: [{addresses: [\"::1\"]}]", "a.yaml:5:14: EndpointSlice x/e: endpoints[0].addresses: invalid: ::1"},
  });
}

TEST(Decode, TellsWhatHasNoEffect) {
  expect_told({
      {"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v, namespace: a}",
       "a.yaml:2:1: kind: kind has no effect yet: VirtualService a/v"},
      {"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: a}",
       "a.yaml:2:1: kind: kind has no effect yet: HTTPRoute a/r"},
      {policy("  selector: {}\n"), "a.yaml:5:3: AuthorizationPolicy data/p: spec.selector: probably not what was meant",
       false},
      {policy("  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]\n"),
       "a.yaml:5:3: AuthorizationPolicy data/p: spec.targetRefs: has no effect", false},
      {policy("  action: DENY\n  rules: [{to: [{operation: {methods: [GET]}}]}]\n"),
       "a.yaml:6:11: AuthorizationPolicy data/p: spec.rules[0]: probably not what was meant: a DENY rule with HTTP", false},
      {policy("  action: CUSTOM\n  provider: {name: ext}\n  rules: [{}]\n"),
       "a.yaml:6:3: AuthorizationPolicy data/p: spec.provider: denies: extension providers are not served", false},
  });
}

TEST(Decode, TellsMistakesInPeerAuthentication) {
  const std::string at = "PeerAuthentication data/p: spec.";
  expect_told({
      {peer("  mtls: {mode: STRICKT}"), "a.yaml:5:16: " + at + "mtls.mode: invalid: expected one of UNSET, DISABLE, "
                                        "PERMISSIVE, STRICT, got \"STRICKT\""},
      {peer("  mtls: STRICT"), "a.yaml:5:9: " + at + "mtls: wrong type: expected a map, got text (STRICT)"},
      {peer("  mode: STRICT"), "a.yaml:5:3: " + at + "mode: unknown field: known here: selector, mtls, portLevelMtls"},
      {peer("  port_level_mtls: {}"), "a.yaml:5:3: " + at + "port_level_mtls: unknown field: did you mean portLevelMtls?"},
      {peer("  portLevelMtls: {80: {mode: STRICT}}"), "a.yaml:5:3: " + at + "portLevelMtls: invalid: needs a selector"},
      {peer("  selector: {matchLabels: {a: b}}\n  portLevelMtls: {}"),
       "a.yaml:6:3: " + at + "portLevelMtls: invalid: must have at least one port"},
      {peer("  selector: {matchLabels: {a: b}}\n  portLevelMtls: {70000: {mode: STRICT}}"),
       "a.yaml:6:3: " + at + "portLevelMtls: invalid: port 70000 is not in 1 to 65535"},
      {peer("  selector: {matchLabels: {a: b}}\n  portLevelMtls: {http: {mode: STRICT}}"), "a.yaml:5:3: " + at.substr(0, 28)},
      {peer("  selector: {matchLabels: {a: \"*\"}}"),
       "a.yaml:5:14: " + at + "selector.matchLabels: invalid: wildcards are not supported: \"a=*\""},
      {peer("  selector: {matchLabels: {a: 1}}"),
       "a.yaml:5:31: " + at + "selector.matchLabels[a]: wrong type: expected text, got an integer (1); quote it"},
      {peer("  mtls: {mode: 3}"), "a.yaml:5:16: " + at + "mtls.mode: wrong type: expected text, got an integer (3)"},
  });
}

TEST(Decode, TellsMistakesInAuthorizationPolicy) {
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
      {policy("  action: CUSTOM\n  rules: [{}]"), "a.yaml:4:1: " + at + "provider.name: invalid: CUSTOM needs a provider"},
      {policy("  provider: {name: e}"), "a.yaml:5:3: " + at + "provider: invalid: only for action CUSTOM, not ALLOW"},
      {policy("  rules: [{from: []}]"), "a.yaml:5:12: " + at + "rules[0].from: invalid: must not be empty"},
      {policy("  rules: [{from: [{}]}]"), "a.yaml:5:19: " + at + "rules[0].from[0]: invalid: needs a source"},
      {policy("  rules: [null]"), "a.yaml:5:11: " + at + "rules[0]: wrong type: expected a map, got null"},
      {source(""), "a.yaml:5:20: " + from + ": invalid: must not be empty"},
      {source("principal: [a]"), "a.yaml:5:29: " + from + ".principal: unknown field: known here: principals"},
      {source("principals: a"), "a.yaml:5:41: " + from + ".principals: wrong type: expected a list, got text"},
      {source("principals: ['']"), "a.yaml:5:42: " + from + ".principals[0]: invalid: an empty value"},
      {source("ipBlocks: [10.0.0.0/33]"), "a.yaml:5:40: " + from + ".ipBlocks[0]: invalid: \"10.0.0.0/33\" is neither"},
      {source("notIpBlocks: [fe80::1%eth0]"), "a.yaml:5:43: " + from + ".notIpBlocks[0]: invalid"},
      {source("serviceAccounts: [a/b/c]"), "a.yaml:5:47: " + from + ".serviceAccounts[0]: invalid"},
      {source("serviceAccounts: [a], namespaces: [b]"), "a.yaml:5:20: " + from + ": invalid: serviceAccounts cannot stand"},
      {source("trustDomains: [a*b]"), "a.yaml:5:44: " + from + ".trustDomains[0]: invalid: \"a*b\": one '*' is allowed"},
      {operation("ports: [80]"), "a.yaml:5:38: " + to + ".ports[0]: wrong type: expected text, got an integer (80); quote"},
      {operation("ports: [\"http\"]"), "a.yaml:5:38: " + to + ".ports[0]: invalid: \"http\" is not a port"},
      {operation("ports: [\"65536\"]"), "a.yaml:5:38: " + to + ".ports[0]: invalid"},
      {operation("paths: [\"/a/{**}/{*}\"]"), "a.yaml:5:38: " + to + ".paths[0]: invalid: \"/a/{**}/{*}\": {**} must be"},
      {operation("paths: [\"/{x}\"]"), "a.yaml:5:38: " + to + ".paths[0]: invalid"},
      {when("key: source.pod, values: [a]"), "a.yaml:5:20: " + at + "rules[0].when[0].key: invalid: unknown attribute"},
      {when("key: source.ip"), "a.yaml:5:19: " + at + "rules[0].when[0]: invalid: needs values or notValues"},
      {when("key: source.ip, values: [x]"), "a.yaml:5:45: " + at + "rules[0].when[0].values[0]: invalid: \"x\" is neither"},
      {when("key: request.headers, values: [x]"), "a.yaml:5:20: " + at + "rules[0].when[0].key: invalid: "},
      {when("key: \"request.headers[]\", values: [x]"), "a.yaml:5:20: " + at + "rules[0].when[0].key: invalid: "},
      {when("key: destination.namespace, values: [x]"), "a.yaml:5:20: " + at + "rules[0].when[0].key: invalid: destination"},
      {policy("  selector: {matchLabels: {a: b}}\n  targetRefs: [{kind: Service, name: s}]"),
       "a.yaml:5:3: " + at + "selector: invalid: only one of selector"},
      {policy("  targetRefs: [{kind: Pod, name: s}]"), "a.yaml:5:17: " + at + "targetRefs[0].kind: invalid: expected a Gateway"},
      {policy("  targetRefs: [{kind: Service}]"), "a.yaml:5:16: " + at + "targetRefs[0].name: invalid: a target needs a name"},
  });
  for (const char* rule : {"from: [{source: {namespaces: [a]}}]", "when: [{key: source.principal, values: [a]}]"}) {
    EXPECT_NE(problems_of(decode_text(custom(rule))).find("CUSTOM cannot match on"), std::string::npos) << rule;
  }
}

TEST(Decode, TellsMistakesInMeshConfig) {
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
      {mesh("outboundTrafficPolicy: {mode: BLOCK}"), at + "outboundTrafficPolicy.mode: invalid: expected one of REGISTRY_ONLY"},
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
