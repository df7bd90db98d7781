// The Kubernetes kinds as kubectl prints them, and what each mistake is told.
#include "controlplane/config/decode_testing.h"

namespace weft::controlplane {
namespace {

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
      "apiVersion: v1\nkind: Service\nmetadata: {name: w, namespace: a}\nspec: {clusterIP: None, clusterIPs: "
      "[None]}\n");
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

TEST(Decode, TellsWhatIsNoObject) {
  expect_told({
      {"[1]", "a.yaml:1:1: not a Kubernetes object: expected a map"},
      {"a: b", "a.yaml:1:1: apiVersion: not a Kubernetes object: missing"},
      {"apiVersion: v1", "a.yaml:1:1: kind: not a Kubernetes object: missing"},
      {"apiVersion: v1\nkind: Pud", "a.yaml:2:1: kind: unknown kind: v1 Pud"},
      {"apiVersion: security.istio.io/v1\nkind: AuthorizationPolcy",
       "a.yaml:2:1: kind: unknown kind: "
       "security.istio.io/v1 AuthorizationPolcy"},
      {"apiVersion: security.istio.io/v2\nkind: AuthorizationPolicy",
       "a.yaml:1:1: apiVersion: version is not served"},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: a}",
       "a.yaml:3:1: metadata.namespace: not a Kubernetes object: missing"},
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
      {pod + "status: {podIPs: [{ip: 10.0.0.300}]}",
       "a.yaml:4:20: Pod x/p: status.podIPs[0].ip: invalid: not an IP address"},
      {pod + "spec: {containers: {}}",
       "a.yaml:4:20: Pod x/p: spec.containers: wrong type: expected a list, got a map"},
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
       "endpoints: [{addresses: [\"::1\"]}]",
       "a.yaml:5:14: EndpointSlice x/e: endpoints[0].addresses: invalid: ::1"},
  });
}

TEST(Decode, TellsWhatHasNoEffect) {
  expect_told({
      {"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v, namespace: a}",
       "a.yaml:2:1: kind: kind has no effect yet: VirtualService a/v"},
      {"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: a}",
       "a.yaml:2:1: kind: kind has no effect yet: HTTPRoute a/r"},
      {policy("  selector: {}\n"),
       "a.yaml:5:3: AuthorizationPolicy data/p: spec.selector: probably not what was meant", false},
      {policy("  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]\n"),
       "a.yaml:5:3: AuthorizationPolicy data/p: spec.targetRefs: has no effect", false},
      {policy("  action: DENY\n  rules: [{to: [{operation: {methods: [GET]}}]}]\n"),
       "a.yaml:6:11: AuthorizationPolicy data/p: spec.rules[0]: probably not what was meant: a DENY rule with HTTP",
       false},
      {policy("  action: CUSTOM\n  provider: {name: ext}\n  rules: [{}]\n"),
       "a.yaml:6:3: AuthorizationPolicy data/p: spec.provider: denies: extension providers are not served", false},
  });
}

}  // namespace
}  // namespace weft::controlplane
