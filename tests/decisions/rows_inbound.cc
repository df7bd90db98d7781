// Connections to a pod: PERMISSIVE, STRICT, DISABLE. `because` cites the resource and the rule.
// Names of listeners, chains, clusters and policies are istiod's.
#include "tests/decisions/decision_rows.h"

namespace weft::tests {

using mesh::Refusal;

namespace {

const std::string kMysql = "pod 10.244.2.18:3306", kOther = "pod 10.244.2.18:9999";

}  // namespace

// PERMISSIVE: every port has a chain for Istio's TLS, for plaintext, and for TLS of the application's own.
std::vector<Row> permissive_rows() {
  return {
      inbound("plain", "mysql", "10.244.2.18:3306").tls(kIstio).as("samples/sleep")
          .at("virtualInbound", "0.0.0.0_3306 mtls")
          .forwards("inbound|3306||", kMysql)
          .because("virtualInbound chain 0.0.0.0_3306: tls and application protocol istio; TLS is terminated"),
      inbound("plain", "mysql", "10.244.2.18:3306").at("virtualInbound", "").waits()
          .because("virtualInbound: tls_inspector is not disabled for 3306, though the server speaks first"),
      inbound("plain", "mysql", "10.244.2.18:3306").plaintext().at("virtualInbound", "0.0.0.0_3306")
          .forwards("inbound|3306||", kMysql).because("virtualInbound chain 0.0.0.0_3306: raw_buffer; PERMISSIVE"),
      inbound("plain", "mysql", "10.244.2.18:3306").tls({}, "db").at("virtualInbound", "0.0.0.0_3306")
          .forwards("inbound|3306||", kMysql)
          .because("virtualInbound chain 0.0.0.0_3306: tls without Istio's protocols is the application's own"),
      inbound("plain", "mysql", "10.244.2.18:3306").tls({"h2", "http/1.1"}).at("virtualInbound", "0.0.0.0_3306")
          .forwards("inbound|3306||", kMysql)
          .because("virtualInbound chain 0.0.0.0_3306: h2 is none of Istio's protocols"),
      inbound("plain", "mysql", "10.244.2.18:3306").tls({"istio-h2"}).as("samples/sleep")
          .at("virtualInbound", "0.0.0.0_3306 mtls").forwards("inbound|3306||", kMysql)
          .because("virtualInbound chain 0.0.0.0_3306: a TCP port takes Istio's HTTP protocols as TCP"),
      inbound("plain", "mysql", "10.244.2.18:3306").http11().at("virtualInbound", "0.0.0.0_3306")
          .forwards("inbound|3306||", kMysql)
          .because("virtualInbound: http_inspector is disabled for 3306, so HTTP is but raw_buffer"),
      inbound("plain", "mysql", "10.244.2.18:3306").tls(kIstio).at("virtualInbound", "0.0.0.0_3306 mtls")
          .refused(Refusal::kNoClientCertificate)
          .because("chain 0.0.0.0_3306: require_client_certificate, and none came"),
      inbound("plain", "mysql", "10.244.2.18:3306").tls(kIstio).as("spiffe://evil.example/ns/data/sa/default")
          .at("virtualInbound", "0.0.0.0_3306 mtls").refused(Refusal::kPeerNotTrusted)
          .because("chain 0.0.0.0_3306: match_subject_alt_names prefix spiffe://cluster.local/"),
      inbound("plain", "mysql", "10.244.2.18:15006").at("virtualInbound", "virtualInbound-blackhole")
          .refused(Refusal::kBlackHole, "BlackHoleCluster")
          .because("virtualInbound-blackhole: destination_port 15006, both inspectors disabled there"),
      inbound("plain", "mysql", "10.244.2.18:15001").plaintext().at("virtualInbound", "virtualInbound")
          .forwards("InboundPassthroughCluster", "pod 10.244.2.18:15001")
          .because("virtualInbound chain virtualInbound: 15001 is nothing special inbound"),
      inbound("plain", "mysql", "10.244.2.18:9999").at("virtualInbound", "").waits()
          .because("virtualInbound: both inspectors look at a port that is in no Service"),
      inbound("plain", "mysql", "10.244.2.18:9999").plaintext().at("virtualInbound", "virtualInbound")
          .forwards("InboundPassthroughCluster", kOther).because("virtualInbound chain virtualInbound: raw_buffer"),
      inbound("plain", "mysql", "10.244.2.18:9999").tls(kIstio).as("samples/sleep")
          .at("virtualInbound", "virtualInbound mtls").forwards("InboundPassthroughCluster", kOther)
          .because("virtualInbound chain virtualInbound: tls and istio"),
      inbound("plain", "mysql", "10.244.2.18:9999").tls({}).at("virtualInbound", "virtualInbound")
          .forwards("InboundPassthroughCluster", kOther).because("virtualInbound chain virtualInbound: tls, passed on"),
      inbound("plain", "mysql", "10.244.2.18:9999").http11().at("virtualInbound", "virtualInbound-catchall-http")
          .refused(Refusal::kNeedsHttp).istio_only()
          .because("virtualInbound-catchall-http: raw_buffer and http/1.1"),
      inbound("plain", "mysql", "10.244.2.18:9999").tls(kIstioHttp).as("samples/sleep")
          .at("virtualInbound", "virtualInbound-catchall-http mtls").refused(Refusal::kNeedsHttp).istio_only()
          .because("virtualInbound-catchall-http: the client's first protocol that a chain knows is istio-http/1.1"),
  };
}

std::vector<Row> permissive_http_rows() {
  return {
      inbound("plain", "productpage", "10.244.1.11:9080").tls(kIstio).as("samples/sleep")
          .at("virtualInbound", "0.0.0.0_9080 mtls").refused(Refusal::kNeedsHttp).istio_only()
          .because("virtualInbound chain 0.0.0.0_9080: http_connection_manager"),
      inbound("plain", "productpage", "10.244.1.11:9080").plaintext().at("virtualInbound", "0.0.0.0_9080")
          .refused(Refusal::kNeedsHttp).istio_only()
          .because("virtualInbound chain 0.0.0.0_9080: raw_buffer of a declared HTTP port"),
      inbound("plain", "productpage", "10.244.1.11:9080").tls({}).at("virtualInbound", "-")
          .refused(Refusal::kNoFilterChain).istio_only()
          .because("virtualInbound: 9080 has tls chains for Istio's protocols only; no way back to any port's"),
      inbound("plain", "reviews-v1", "10.244.1.13:9080").at("virtualInbound", "").waits()
          .because("virtualInbound: tls_inspector looks at 9080"),
      inbound("plain", "sleep", "10.244.1.16:80").h2c().at("virtualInbound", "0.0.0.0_80")
          .refused(Refusal::kNeedsHttp).istio_only().because("virtualInbound chain 0.0.0.0_80: raw_buffer, HTTP port"),
      inbound("headless", "web-1", "10.244.2.20:8080").tls(kIstio).as("samples/sleep")
          .at("virtualInbound", "0.0.0.0_8080 mtls").refused(Refusal::kNeedsHttp).istio_only()
          .because("virtualInbound chain 0.0.0.0_8080: a headless HTTP port is as any other inbound"),
      inbound("headless", "web-1", "10.244.2.20:9999").plaintext().at("virtualInbound", "virtualInbound")
          .forwards("InboundPassthroughCluster", "pod 10.244.2.20:9999")
          .because("PeerAuthentication cassandra selects app cassandra only"),
      inbound("tcp-routing", "sleep", "10.244.1.16:9999").plaintext().at("virtualInbound", "virtualInbound")
          .forwards("InboundPassthroughCluster", "pod 10.244.1.16:9999")
          .because("a VirtualService changes nothing inbound"),
  };
}

// STRICT and DISABLE, for the mesh, a workload and a port.
std::vector<Row> mtls_mode_rows() {
  return {
      inbound("strict-mtls", "mysql", "10.244.2.18:3306").plaintext().at("virtualInbound", "-")
          .refused(Refusal::kNoFilterChain).because("virtualInbound: STRICT leaves 3306 with a tls chain only"),
      inbound("strict-mtls", "mysql", "10.244.2.18:3306").at("virtualInbound", "").waits()
          .because("virtualInbound: tls_inspector must see whether it is TLS"),
      inbound("strict-mtls", "mysql", "10.244.2.18:3306").tls({}).as("samples/sleep")
          .at("virtualInbound", "0.0.0.0_3306 mtls").forwards("inbound|3306||", "pod 10.244.2.18:3306")
          .because("virtualInbound chain 0.0.0.0_3306: tls with any protocol is terminated under STRICT"),
      inbound("strict-mtls", "mysql", "10.244.2.18:3306").tls(kIstio).as("bookinfo/bookinfo-ratings")
          .at("virtualInbound", "0.0.0.0_3306 mtls").forwards("inbound|3306||", "pod 10.244.2.18:3306")
          .because("virtualInbound chain 0.0.0.0_3306: tls"),
      inbound("strict-mtls", "mysql", "10.244.2.18:3306").tls(kIstio).at("virtualInbound", "0.0.0.0_3306 mtls")
          .refused(Refusal::kNoClientCertificate).because("chain 0.0.0.0_3306: require_client_certificate"),
      inbound("strict-mtls", "mysql", "10.244.2.18:9999").plaintext().at("virtualInbound", "-")
          .refused(Refusal::kNoFilterChain).because("virtualInbound: STRICT holds for ports in no Service too"),
      inbound("strict-mtls", "mysql", "10.244.2.18:9999").tls({}).as("samples/sleep")
          .at("virtualInbound", "virtualInbound mtls")
          .forwards("InboundPassthroughCluster", "pod 10.244.2.18:9999")
          .because("virtualInbound chain virtualInbound: tls"),
      inbound("strict-mtls", "mysql", "10.244.2.18:9999").tls(kIstioHttp).as("samples/sleep")
          .at("virtualInbound", "virtualInbound-catchall-http mtls").refused(Refusal::kNeedsHttp).istio_only()
          .because("virtualInbound-catchall-http: tls and istio-http/1.1"),
      inbound("strict-mtls", "mysql", "10.244.2.18:15006").at("virtualInbound", "virtualInbound-blackhole")
          .refused(Refusal::kBlackHole, "BlackHoleCluster").because("virtualInbound-blackhole: destination_port 15006"),
      inbound("strict-mtls", "productpage", "10.244.1.11:9080").plaintext().at("virtualInbound", "-")
          .refused(Refusal::kNoFilterChain).because("virtualInbound: STRICT, 9080 has a tls chain only"),
      inbound("strict-mtls", "productpage", "10.244.1.11:9080").tls({}).as("samples/sleep")
          .at("virtualInbound", "0.0.0.0_9080 mtls").refused(Refusal::kNeedsHttp).istio_only()
          .because("virtualInbound chain 0.0.0.0_9080: http_connection_manager"),
      inbound("strict-mtls", "sleep", "10.244.1.16:9999").http11().at("virtualInbound", "-")
          .refused(Refusal::kNoFilterChain).because("virtualInbound: STRICT, no raw_buffer chain at all"),
  };
}

std::vector<Row> mtls_by_port_rows() {
  return {
      inbound("permissive-port-disable", "tcp-echo-v1", "10.244.1.17:9000").plaintext().at("virtualInbound", "-")
          .refused(Refusal::kNoFilterChain).because("PeerAuthentication tcp-echo-mixed: STRICT but for two ports"),
      inbound("permissive-port-disable", "tcp-echo-v1", "10.244.1.17:9000").tls(kIstio).as("samples/sleep")
          .at("virtualInbound", "0.0.0.0_9000 mtls").forwards("inbound|9000||", "pod 10.244.1.17:9000")
          .because("virtualInbound chain 0.0.0.0_9000: tls"),
      inbound("permissive-port-disable", "tcp-echo-v1", "10.244.1.17:9001").at("virtualInbound", "0.0.0.0_9001")
          .forwards("inbound|9001||", "pod 10.244.1.17:9001")
          .because("virtualInbound: both inspectors disabled for 9001 (DISABLE): no bytes are waited for"),
      inbound("permissive-port-disable", "tcp-echo-v1", "10.244.1.17:9001").tls(kIstio)
          .at("virtualInbound", "0.0.0.0_9001").forwards("inbound|9001||", "pod 10.244.1.17:9001")
          .because("virtualInbound: tls_inspector disabled, so a ClientHello is raw_buffer and passes through"),
      inbound("permissive-port-disable", "tcp-echo-v1", "10.244.1.17:9002").at("virtualInbound", "").waits()
          .because("virtualInbound: 9002 is PERMISSIVE and of no declared protocol"),
      inbound("permissive-port-disable", "tcp-echo-v1", "10.244.1.17:9002").plaintext()
          .at("virtualInbound", "0.0.0.0_9002").forwards("inbound|9002||", "pod 10.244.1.17:9002")
          .because("virtualInbound chain 0.0.0.0_9002: raw_buffer"),
      inbound("permissive-port-disable", "tcp-echo-v1", "10.244.1.17:9002").http11()
          .at("virtualInbound", "0.0.0.0_9002").refused(Refusal::kNeedsHttp).istio_only()
          .because("virtualInbound chain 0.0.0.0_9002: raw_buffer and http/1.1"),
      inbound("permissive-port-disable", "tcp-echo-v1", "10.244.1.17:9002").tls(kIstio).as("samples/sleep")
          .at("virtualInbound", "0.0.0.0_9002 mtls").forwards("inbound|9002||", "pod 10.244.1.17:9002")
          .because("virtualInbound chain 0.0.0.0_9002: tls and istio"),
      inbound("permissive-port-disable", "tcp-echo-v1", "10.244.1.17:9002").tls({})
          .at("virtualInbound", "0.0.0.0_9002").forwards("inbound|9002||", "pod 10.244.1.17:9002")
          .because("virtualInbound chain 0.0.0.0_9002: tls of the application's own"),
      inbound("permissive-port-disable", "tcp-echo-v1", "10.244.1.17:9002").tls({"istio-h2", "istio", "h2"})
          .as("samples/sleep").at("virtualInbound", "0.0.0.0_9002 mtls").refused(Refusal::kNeedsHttp).istio_only()
          .because("virtualInbound chain 0.0.0.0_9002: istio-h2 comes first in the ClientHello"),
      inbound("permissive-port-disable", "tcp-echo-v1", "10.244.1.17:9999").plaintext().at("virtualInbound", "-")
          .refused(Refusal::kNoFilterChain).because("PeerAuthentication tcp-echo-mixed: STRICT for the rest"),
      inbound("permissive-port-disable", "httpbin-v1", "10.244.1.15:8080").at("virtualInbound", "0.0.0.0_8080")
          .refused(Refusal::kNeedsHttp).istio_only()
          .because("PeerAuthentication httpbin-plain: 8080 is DISABLE, nothing is inspected, the chain is HTTP"),
      inbound("permissive-port-disable", "httpbin-v1", "10.244.1.15:9999").tls(kIstio).as("samples/sleep")
          .at("virtualInbound", "virtualInbound mtls")
          .forwards("InboundPassthroughCluster", "pod 10.244.1.15:9999")
          .because("PeerAuthentication httpbin-plain: PERMISSIVE for the rest"),
      inbound("headless", "cassandra-0", "10.244.1.19:9042").plaintext().at("virtualInbound", "-")
          .refused(Refusal::kNoFilterChain).because("PeerAuthentication cassandra: STRICT"),
      inbound("headless", "cassandra-0", "10.244.1.19:9042").tls(kIstio).as("samples/sleep")
          .at("virtualInbound", "0.0.0.0_9042 mtls").forwards("inbound|9042||", "pod 10.244.1.19:9042")
          .because("virtualInbound chain 0.0.0.0_9042: tls"),
      inbound("headless", "cassandra-0", "10.244.1.19:7000").tls({}).as("data/cassandra")
          .at("virtualInbound", "0.0.0.0_7000 mtls").forwards("inbound|7000||", "pod 10.244.1.19:7000")
          .because("virtualInbound chain 0.0.0.0_7000: tls"),
  };
}

}  // namespace weft::tests
