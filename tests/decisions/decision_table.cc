// The rows. `because` cites the resource and the rule; names of listeners, chains, clusters and policies are istiod's.
#include "tests/decisions/decision_table.h"

namespace weft::tests {

namespace {

using mesh::Refusal;

Row row(mesh::Direction direction, std::string scenario, std::string pod, std::string destination) {
  Row made;
  made.scenario = std::move(scenario);
  made.pod = std::move(pod);
  made.direction = direction;
  made.source = "10.244.1.16:41000";
  made.destination = std::move(destination);
  return made;
}
Row outbound(std::string scenario, std::string pod, std::string destination) {
  return row(mesh::Direction::kOutbound, std::move(scenario), std::move(pod), std::move(destination));
}
Row inbound(std::string scenario, std::string pod, std::string destination) {
  return row(mesh::Direction::kInbound, std::move(scenario), std::move(pod), std::move(destination));
}

const std::vector<std::string> kIstio = {"istio-peer-exchange", "istio"};
const std::vector<std::string> kIstioHttp = {"istio-http/1.1", "istio", "http/1.1"};
const std::string kMysqlRule = "ns[data]-policy[mysql-clients]-rule[0]";
const std::string kEchoLegacy = "ns[samples]-policy[echo-deny]-rule[0]";
const std::string kEchoOthers = "ns[samples]-policy[echo-deny]-rule[1]";
const std::string kNotNodeB = "ns[samples]-policy[not-node-b]-rule[0]";
const std::string kByAddress = "ns[samples]-policy[by-address]-rule[0]";

std::vector<Row> outbound_service_rows() {
  return {
      outbound("plain", "sleep", "10.96.3.1:3306").at("10.96.3.1_3306", "")
          .forwards("outbound|3306||mysql.data.svc.cluster.local", "10.244.2.18:3306 mtls")
          .because("listener 10.96.3.1_3306: exact address; endpoint metadata tlsMode: istio takes tlsMode-istio"),
      outbound("plain", "sleep", "10.96.2.3:9000").at("10.96.2.3_9000", "")
          .forwards("outbound|9000||tcp-echo.samples.svc.cluster.local", "10.244.1.17:9000 mtls, 10.244.2.16:9000 mtls")
          .because("listener 10.96.2.3_9000: its only chain matches all; both endpoints are tlsMode: istio"),
      outbound("plain", "productpage", "10.96.2.3:9001").at("10.96.2.3_9001", "")
          .forwards("outbound|9001||tcp-echo.samples.svc.cluster.local", "10.244.1.17:9001 mtls, 10.244.2.16:9001 mtls")
          .because("listener 10.96.2.3_9001: a TCP port waits for no first bytes"),
      outbound("plain", "sleep", "10.96.2.3:9002").at("10.96.2.3_9002", "").waits().istio_only()
          .because("listener 10.96.2.3_9002: http_inspector, listener_filters_timeout 0s: no limit"),
      outbound("plain", "sleep", "10.96.2.3:9002").plaintext().at("10.96.2.3_9002", "").istio_only()
          .forwards("outbound|9002||tcp-echo.samples.svc.cluster.local", "10.244.1.17:9002 mtls, 10.244.2.16:9002 mtls")
          .because("listener 10.96.2.3_9002: not HTTP, so no application protocol: default_filter_chain"),
      outbound("plain", "sleep", "10.96.2.3:9002").tls({"h2"}, "echo").at("10.96.2.3_9002", "").istio_only()
          .forwards("outbound|9002||tcp-echo.samples.svc.cluster.local", "10.244.1.17:9002 mtls, 10.244.2.16:9002 mtls")
          .because("listener 10.96.2.3_9002: no tls_inspector, so TLS is raw_buffer without protocol: default chain"),
      outbound("plain", "sleep", "10.96.2.3:9002").http10().at("10.96.2.3_9002", "").istio_only()
          .forwards("outbound|9002||tcp-echo.samples.svc.cluster.local", "10.244.1.17:9002 mtls, 10.244.2.16:9002 mtls")
          .because("listener 10.96.2.3_9002: http/1.0 is not among the application_protocols: default chain"),
      outbound("plain", "sleep", "10.96.2.3:9002").http11().at("10.96.2.3_9002", "").istio_only()
          .refused(Refusal::kNeedsHttp).because("listener 10.96.2.3_9002: http/1.1 takes the HTTP chain"),
      outbound("plain", "sleep", "10.96.2.3:9002").h2c().at("10.96.2.3_9002", "").istio_only()
          .refused(Refusal::kNeedsHttp).because("listener 10.96.2.3_9002: h2c takes the HTTP chain"),
      outbound("plain", "sleep", "10.96.2.3:9002").after_timeout().at("10.96.2.3_9002", "").istio_only()
          .forwards("outbound|9002||tcp-echo.samples.svc.cluster.local", "10.244.1.17:9002 mtls, 10.244.2.16:9002 mtls")
          .because("listener 10.96.2.3_9002: continue_on_listener_filters_timeout, were there a limit"),
      outbound("plain", "sleep", "10.96.0.1:443").at("10.96.0.1_443", "")
          .refused(Refusal::kNoEndpoints, "outbound|443||kubernetes.default.svc.cluster.local")
          .because("endpoints of outbound|443||kubernetes.default: the set is empty"),
      outbound("plain", "mysql", "10.96.0.10:53").at("10.96.0.10_53", "")
          .forwards("outbound|53||kube-dns.kube-system.svc.cluster.local", "10.244.1.27:53 plain, 10.244.2.25:53 plain")
          .because("endpoints of outbound|53||kube-dns: no tlsMode, so tlsMode-disabled (an empty match)"),
      outbound("plain", "sleep", "10.96.0.20:15012").at("10.96.0.20_15012", "")
          .forwards("outbound|15012||istiod.istio-system.svc.cluster.local", "10.244.2.24:15012 plain")
          .because("listener 10.96.0.20_15012: exact address; istiod has no sidecar"),
      outbound("plain", "reviews-v1", "10.96.0.30:443").at("10.96.0.30_443", "").tls({"h2"}, "shop.example")
          .forwards("outbound|443||istio-ingressgateway.istio-system.svc.cluster.local", "10.244.1.25:8443 plain")
          .because("listener 10.96.0.30_443: no inspector; the application's TLS passes through"),
      outbound("strict-mtls", "sleep", "10.96.3.1:3306").at("10.96.3.1_3306", "")
          .forwards("outbound|3306||mysql.data.svc.cluster.local", "10.244.2.18:3306 mtls")
          .because("PeerAuthentication STRICT changes nothing outbound: endpoint metadata tlsMode: istio"),
      outbound("strict-mtls", "productpage", "10.96.0.10:53").at("10.96.0.10_53", "")
          .forwards("outbound|53||kube-dns.kube-system.svc.cluster.local", "10.244.1.27:53 plain, 10.244.2.25:53 plain")
          .because("STRICT of the server's namespace does not dress endpoints without a sidecar"),
      outbound("permissive-port-disable", "sleep", "10.96.2.3:9000").at("10.96.2.3_9000", "")
          .forwards("outbound|9000||tcp-echo.samples.svc.cluster.local", "10.244.1.17:9000 mtls, 10.244.2.16:9000 mtls")
          .because("PeerAuthentication tcp-echo-mixed: 9000 is STRICT, endpoints keep tlsMode: istio"),
      outbound("permissive-port-disable", "sleep", "10.96.2.3:9001").at("10.96.2.3_9001", "")
          .forwards("outbound|9001||tcp-echo.samples.svc.cluster.local", "10.244.1.17:9001 plain, 10.244.2.16:9001 plain")
          .because("PeerAuthentication tcp-echo-mixed: 9001 is DISABLE, endpoints lose tlsMode"),
  };
}

std::vector<Row> outbound_other_rows() {
  return {
      outbound("plain", "sleep", "10.96.4.1:80").at("0.0.0.0_80", "").http11().istio_only()
          .refused(Refusal::kNeedsHttp).because("listener 0.0.0.0_80: wildcard of the port; http/1.1 chain"),
      outbound("plain", "sleep", "10.96.4.1:80").at("0.0.0.0_80", "PassthroughFilterChain").plaintext().istio_only()
          .forwards("PassthroughCluster", "original 10.96.4.1:80 plain")
          .because("listener 0.0.0.0_80: not HTTP: default_filter_chain PassthroughFilterChain"),
      outbound("plain", "sleep", "10.96.1.1:9080").at("0.0.0.0_9080", "").waits().istio_only()
          .because("listener 0.0.0.0_9080: http_inspector waits for first bytes"),
      outbound("plain", "sleep", "10.96.1.1:9080").at("0.0.0.0_9080", "PassthroughFilterChain").tls().istio_only()
          .forwards("PassthroughCluster", "original 10.96.1.1:9080 plain")
          .because("listener 0.0.0.0_9080: TLS is not HTTP to http_inspector: default chain"),
      outbound("plain", "sleep", "93.184.216.34:80").at("0.0.0.0_80", "").http11().istio_only()
          .refused(Refusal::kNeedsHttp).because("listener 0.0.0.0_80: any address of port 80"),
      outbound("plain", "sleep", "93.184.216.34:443").at("virtualOutbound", "virtualOutbound-catchall-tcp")
          .forwards("PassthroughCluster", "original 93.184.216.34:443 plain")
          .because("virtualOutbound: no listener of that address or port; ALLOW_ANY"),
      outbound("plain", "sleep", "10.244.2.18:3306").at("virtualOutbound", "virtualOutbound-catchall-tcp")
          .forwards("PassthroughCluster", "original 10.244.2.18:3306 plain")
          .because("virtualOutbound: a pod's own address is no Service's: passthrough in plaintext"),
      outbound("plain", "sleep", "10.96.3.1:3307").at("virtualOutbound", "virtualOutbound-catchall-tcp")
          .forwards("PassthroughCluster", "original 10.96.3.1:3307 plain")
          .because("virtualOutbound: a port that the Service has not"),
      outbound("plain", "sleep", "[2001:db8::1]:443").at("virtualOutbound", "virtualOutbound-catchall-tcp")
          .forwards("PassthroughCluster", "original [2001:db8::1]:443 plain")
          .because("virtualOutbound: IPv6, ALLOW_ANY"),
      outbound("plain", "sleep", "[2001:db8::1]:80").at("virtualOutbound", "virtualOutbound-catchall-tcp")
          .forwards("PassthroughCluster", "original [2001:db8::1]:80 plain").istio_only()
          .because("virtualOutbound: 0.0.0.0_80 is the wildcard of IPv4 only"),
      outbound("plain", "sleep", "203.0.113.9:15001").at("virtualOutbound", "virtualOutbound-blackhole")
          .refused(Refusal::kBlackHole, "BlackHoleCluster")
          .because("virtualOutbound: destination_port 15001 takes virtualOutbound-blackhole"),
      outbound("plain", "sleep", "203.0.113.9:15006").at("virtualInbound", "virtualInbound-blackhole")
          .refused(Refusal::kBlackHole, "BlackHoleCluster")
          .because("use_original_dst hands over to 0.0.0.0:15006, virtualInbound: destination_port 15006"),
      outbound("plain", "sleep", "10.244.1.19:9042").at("10.244.1.19_9042", "")
          .forwards("outbound|9042||cassandra.data.svc.cluster.local", "original 10.244.1.19:9042 mtls")
          .because("listener 10.244.1.19_9042: a headless Service has one a pod address; ORIGINAL_DST with TLS"),
      outbound("plain", "mysql", "10.244.2.19:7000").at("10.244.2.19_7000", "")
          .forwards("outbound|7000||cassandra.data.svc.cluster.local", "original 10.244.2.19:7000 mtls")
          .because("listener 10.244.2.19_7000: headless, second port"),
      outbound("plain", "sleep", "10.244.1.21:80").at("0.0.0.0_80", "").http11().istio_only()
          .refused(Refusal::kNeedsHttp).because("listener 0.0.0.0_80: headless HTTP Services have none of their own"),
      outbound("headless", "sleep", "10.244.1.19:9042").at("10.244.1.19_9042", "").istio_only()
          .forwards("outbound|9042||cassandra.data.svc.cluster.local", "original 10.244.1.19:9042 mtls")
          .because("DestinationRule cassandra: ISTIO_MUTUAL on the ORIGINAL_DST cluster"),
      outbound("headless", "sleep", "10.244.1.20:7000").at("10.244.1.20_7000", "").istio_only()
          .forwards("outbound|7000||cassandra.data.svc.cluster.local", "original 10.244.1.20:7000 mtls")
          .because("listener 10.244.1.20_7000: the third pod of the StatefulSet"),
      outbound("headless", "cassandra-0", "10.244.2.19:7000").at("10.244.2.19_7000", "").istio_only()
          .forwards("outbound|7000||cassandra.data.svc.cluster.local", "original 10.244.2.19:7000 mtls")
          .because("listener 10.244.2.19_7000: one member to another"),
      outbound("headless", "sleep", "10.244.2.21:9042").at("virtualOutbound", "virtualOutbound-catchall-tcp")
          .forwards("PassthroughCluster", "original 10.244.2.21:9042 plain")
          .because("virtualOutbound: not an address of the headless Service"),
      outbound("tcp-routing", "sleep", "10.96.2.3:9000").at("10.96.2.3_9000", "").draws(0).istio_only()
          .forwards("outbound|9000|v1|tcp-echo.samples.svc.cluster.local", "10.244.1.17:9000 mtls")
          .because("VirtualService tcp-echo: weighted_clusters 80 and 20; 0 is of the first"),
      outbound("tcp-routing", "sleep", "10.96.2.3:9000").at("10.96.2.3_9000", "").draws(179).istio_only()
          .forwards("outbound|9000|v1|tcp-echo.samples.svc.cluster.local", "10.244.1.17:9000 mtls")
          .because("VirtualService tcp-echo: 179 modulo 100 is below 80"),
      outbound("tcp-routing", "sleep", "10.96.2.3:9000").at("10.96.2.3_9000", "").draws(80).istio_only()
          .forwards("outbound|9000|v2|tcp-echo.samples.svc.cluster.local", "10.244.2.16:9000 mtls")
          .because("VirtualService tcp-echo: 80 is of the second cluster"),
      outbound("tcp-routing", "sleep", "10.96.2.3:9001").at("10.96.2.3_9001", "").draws(7).istio_only()
          .forwards("outbound|9001|v2|tcp-echo.samples.svc.cluster.local", "10.244.2.16:9001 mtls")
          .because("VirtualService tcp-echo: port 9001 goes to subset v2"),
      outbound("tcp-routing", "sleep", "10.96.3.1:3306").at("10.96.3.1_3306", "")
          .forwards("outbound|3306||mysql.data.svc.cluster.local", "10.244.2.18:3306 mtls")
          .because("listener 10.96.3.1_3306: no VirtualService is about mysql"),
  };
}

// PERMISSIVE: every port has a chain for Istio's TLS, for plaintext, and for TLS of the application's own.
std::vector<Row> permissive_rows() {
  const std::string pod = "pod 10.244.2.18:3306", other = "pod 10.244.2.18:9999";
  return {
      inbound("plain", "mysql", "10.244.2.18:3306").tls(kIstio).as("samples/sleep").at("virtualInbound", "0.0.0.0_3306 mtls")
          .forwards("inbound|3306||", pod)
          .because("virtualInbound chain 0.0.0.0_3306: tls and application protocol istio; TLS is terminated"),
      inbound("plain", "mysql", "10.244.2.18:3306").at("virtualInbound", "").waits()
          .because("virtualInbound: tls_inspector is not disabled for 3306, though the server speaks first"),
      inbound("plain", "mysql", "10.244.2.18:3306").plaintext().at("virtualInbound", "0.0.0.0_3306")
          .forwards("inbound|3306||", pod).because("virtualInbound chain 0.0.0.0_3306: raw_buffer; PERMISSIVE"),
      inbound("plain", "mysql", "10.244.2.18:3306").tls({}, "db").at("virtualInbound", "0.0.0.0_3306")
          .forwards("inbound|3306||", pod)
          .because("virtualInbound chain 0.0.0.0_3306: tls without Istio's protocols is the application's own"),
      inbound("plain", "mysql", "10.244.2.18:3306").tls({"h2", "http/1.1"}).at("virtualInbound", "0.0.0.0_3306")
          .forwards("inbound|3306||", pod)
          .because("virtualInbound chain 0.0.0.0_3306: h2 is none of Istio's protocols"),
      inbound("plain", "mysql", "10.244.2.18:3306").tls({"istio-h2"}).as("samples/sleep")
          .at("virtualInbound", "0.0.0.0_3306 mtls").forwards("inbound|3306||", pod)
          .because("virtualInbound chain 0.0.0.0_3306: a TCP port takes Istio's HTTP protocols as TCP"),
      inbound("plain", "mysql", "10.244.2.18:3306").http11().at("virtualInbound", "0.0.0.0_3306")
          .forwards("inbound|3306||", pod)
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
          .forwards("InboundPassthroughCluster", other).because("virtualInbound chain virtualInbound: raw_buffer"),
      inbound("plain", "mysql", "10.244.2.18:9999").tls(kIstio).as("samples/sleep")
          .at("virtualInbound", "virtualInbound mtls").forwards("InboundPassthroughCluster", other)
          .because("virtualInbound chain virtualInbound: tls and istio"),
      inbound("plain", "mysql", "10.244.2.18:9999").tls({}).at("virtualInbound", "virtualInbound")
          .forwards("InboundPassthroughCluster", other).because("virtualInbound chain virtualInbound: tls, passed on"),
      inbound("plain", "mysql", "10.244.2.18:9999").http11().at("virtualInbound", "virtualInbound-catchall-http")
          .refused(Refusal::kNeedsHttp).istio_only()
          .because("virtualInbound-catchall-http: raw_buffer and http/1.1"),
      inbound("plain", "mysql", "10.244.2.18:9999").tls(kIstioHttp).as("samples/sleep")
          .at("virtualInbound", "virtualInbound-catchall-http mtls").refused(Refusal::kNeedsHttp).istio_only()
          .because("virtualInbound-catchall-http: the client's first protocol that a chain knows is istio-http/1.1"),
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
          .forwards("InboundPassthroughCluster", "pod 10.244.2.18:9999").because("virtualInbound chain virtualInbound: tls"),
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

std::vector<Row> allow_rows() {
  return {
      inbound("authz-l4", "mysql", "10.244.2.18:3306").tls(kIstio).as("bookinfo/bookinfo-ratings")
          .at("virtualInbound", "0.0.0.0_3306 mtls").forwards("inbound|3306||", "pod 10.244.2.18:3306", kMysqlRule)
          .because("rbac ALLOW mysql-clients: principal and port 3306 match"),
      inbound("authz-l4", "mysql", "10.244.2.18:3306").tls(kIstio).as("samples/sleep")
          .at("virtualInbound", "0.0.0.0_3306 mtls").refused(Refusal::kPolicyNotAllowed, kMysqlRule)
          .because("rbac ALLOW mysql-clients: another principal"),
      inbound("authz-l4", "mysql", "10.244.2.18:3306").tls(kIstio).as("bookinfo/bookinfo-ratings-v2")
          .at("virtualInbound", "0.0.0.0_3306 mtls").refused(Refusal::kPolicyNotAllowed, kMysqlRule)
          .because("rbac ALLOW mysql-clients: the principal is exact, not a prefix"),
      inbound("authz-l4", "mysql", "10.244.2.18:3306").plaintext().at("virtualInbound", "0.0.0.0_3306")
          .refused(Refusal::kPolicyNotAllowed, kMysqlRule)
          .because("rbac ALLOW mysql-clients: PERMISSIVE, but plaintext has no principal"),
      inbound("authz-l4", "mysql", "10.244.2.18:3306").tls({}).as("bookinfo/bookinfo-ratings")
          .at("virtualInbound", "0.0.0.0_3306").refused(Refusal::kPolicyNotAllowed, kMysqlRule)
          .because("rbac ALLOW mysql-clients: TLS that is passed through shows us no principal"),
      inbound("authz-l4", "mysql", "10.244.2.18:9999").tls(kIstio).as("bookinfo/bookinfo-ratings")
          .at("virtualInbound", "virtualInbound mtls").refused(Refusal::kPolicyNotAllowed, kMysqlRule)
          .because("rbac ALLOW mysql-clients: another port"),
      inbound("authz-l4", "mysql", "10.244.2.18:3306").tls(kIstio)
          .as("spiffe://other.local/ns/bookinfo/sa/bookinfo-ratings").at("virtualInbound", "0.0.0.0_3306 mtls")
          .refused(Refusal::kPeerNotTrusted).because("chain 0.0.0.0_3306: the trust domain is checked before policy"),
      inbound("authz-l4", "mysql", "10.244.2.18:3306").at("virtualInbound", "").waits()
          .because("virtualInbound: first the bytes, then the chain, then the policy"),
      inbound("authz-l4", "mysql", "10.244.2.18:15006").at("virtualInbound", "virtualInbound-blackhole")
          .refused(Refusal::kBlackHole, "BlackHoleCluster").because("virtualInbound-blackhole: has no rbac"),
      inbound("authz-address", "tcp-echo-v1", "10.244.1.17:9000").from("10.244.1.16:41000")
          .at("virtualInbound", "0.0.0.0_9000").forwards("inbound|9000||", "pod 10.244.1.17:9000", kByAddress).istio_only()
          .because("rbac ALLOW by-address: direct_remote_ip 10.244.1.0/24, destination_ip and port"),
      inbound("authz-address", "tcp-echo-v1", "10.244.1.17:9000").from("10.244.1.22:41000")
          .at("virtualInbound", "0.0.0.0_9000").refused(Refusal::kPolicyNotAllowed, kByAddress).istio_only()
          .because("rbac ALLOW by-address: not_id direct_remote_ip 10.244.1.22"),
      inbound("authz-address", "tcp-echo-v1", "10.244.1.17:9000").from("192.168.0.7:41000")
          .at("virtualInbound", "0.0.0.0_9000").refused(Refusal::kPolicyNotAllowed, kByAddress).istio_only()
          .because("rbac ALLOW by-address: outside 10.244.1.0/24"),
      inbound("authz-address", "tcp-echo-v1", "10.244.1.17:9000").from("10.244.2.18:41000")
          .at("virtualInbound", "0.0.0.0_9000").refused(Refusal::kPolicyDenied, kNotNodeB).istio_only()
          .because("rbac DENY not-node-b comes before ALLOW: direct_remote_ip 10.244.2.0/24"),
      inbound("authz-address", "tcp-echo-v1", "10.244.1.17:9001").from("10.244.1.16:41000")
          .at("virtualInbound", "0.0.0.0_9001").refused(Refusal::kPolicyNotAllowed, kByAddress).istio_only()
          .because("rbac ALLOW by-address: destination_port 9000 only"),
      inbound("authz-address", "tcp-echo-v1", "10.244.9.9:9000").from("10.244.1.16:41000")
          .at("virtualInbound", "0.0.0.0_9000").refused(Refusal::kPolicyNotAllowed, kByAddress).istio_only()
          .because("rbac ALLOW by-address: destination_ip is another address of the pod"),
      inbound("authz-address", "tcp-echo-v1", "[fd00::17]:9000").from("[fd00::16]:41000")
          .at("virtualInbound", "0.0.0.0_9000").refused(Refusal::kPolicyNotAllowed, kByAddress).istio_only()
          .because("rbac ALLOW by-address: IPv4 prefixes contain no IPv6 address"),
  };
}

std::vector<Row> deny_rows() {
  return {
      inbound("authz-l4", "tcp-echo-v1", "10.244.1.17:9000").tls(kIstio).as("legacy/default")
          .at("virtualInbound", "0.0.0.0_9000 mtls").refused(Refusal::kPolicyDenied, kEchoLegacy)
          .because("rbac DENY echo-deny rule 0: namespace legacy, safe_regex .*/ns/legacy/.*"),
      inbound("authz-l4", "tcp-echo-v1", "10.244.1.17:9000").tls(kIstio).as("bookinfo/bookinfo-ratings")
          .at("virtualInbound", "0.0.0.0_9000 mtls").forwards("inbound|9000||", "pod 10.244.1.17:9000")
          .because("rbac DENY echo-deny: neither rule matches, and there is no ALLOW policy"),
      inbound("authz-l4", "tcp-echo-v1", "10.244.1.17:9000").plaintext().at("virtualInbound", "0.0.0.0_9000")
          .forwards("inbound|9000||", "pod 10.244.1.17:9000")
          .because("rbac DENY echo-deny rule 0: plaintext has no namespace; rule 1 is about 9001"),
      inbound("authz-l4", "tcp-echo-v1", "10.244.1.17:9001").tls(kIstio).as("samples/sleep")
          .at("virtualInbound", "0.0.0.0_9001 mtls").forwards("inbound|9001||", "pod 10.244.1.17:9001")
          .because("rbac DENY echo-deny rule 1: not_id of prefix spiffe://cluster.local/ns/samples/sa/"),
      inbound("authz-l4", "tcp-echo-v1", "10.244.1.17:9001").tls(kIstio).as("bookinfo/bookinfo-ratings")
          .at("virtualInbound", "0.0.0.0_9001 mtls").refused(Refusal::kPolicyDenied, kEchoOthers)
          .because("rbac DENY echo-deny rule 1: port 9001 and not of samples"),
      inbound("authz-l4", "tcp-echo-v1", "10.244.1.17:9001").plaintext().at("virtualInbound", "0.0.0.0_9001")
          .refused(Refusal::kPolicyDenied, kEchoOthers)
          .because("rbac DENY echo-deny rule 1: who has no principal is not of samples"),
      inbound("authz-l4", "tcp-echo-v1", "10.244.1.17:9001").tls({}).at("virtualInbound", "0.0.0.0_9001")
          .refused(Refusal::kPolicyDenied, kEchoOthers)
          .because("rbac DENY echo-deny rule 1: TLS that is passed through has no principal here"),
      inbound("authz-l4", "tcp-echo-v1", "10.244.1.17:9001").tls(kIstio).as("legacy/default")
          .at("virtualInbound", "0.0.0.0_9001 mtls").refused(Refusal::kPolicyDenied, kEchoLegacy)
          .because("rbac DENY echo-deny: both rules match, the first by name is told"),
      inbound("authz-l4", "tcp-echo-v1", "10.244.1.17:9002").tls(kIstio).as("legacy/default")
          .at("virtualInbound", "0.0.0.0_9002 mtls").refused(Refusal::kPolicyDenied, kEchoLegacy)
          .because("rbac DENY echo-deny rule 0 on the TCP chain of a port without protocol"),
      inbound("authz-l4", "tcp-echo-v1", "10.244.1.17:9002").http11().at("virtualInbound", "0.0.0.0_9002")
          .refused(Refusal::kNeedsHttp).istio_only().because("virtualInbound chain 0.0.0.0_9002: HTTP is sniffed"),
      inbound("authz-l4", "tcp-echo-v1", "10.244.1.17:9999").tls(kIstio).as("legacy/default")
          .at("virtualInbound", "virtualInbound mtls").refused(Refusal::kPolicyDenied, kEchoLegacy)
          .because("rbac DENY echo-deny rule 0 holds for ports in no Service"),
      inbound("authz-l4", "tcp-echo-v1", "10.244.1.17:9999").tls(kIstio).as("bookinfo/bookinfo-ratings")
          .at("virtualInbound", "virtualInbound mtls")
          .forwards("InboundPassthroughCluster", "pod 10.244.1.17:9999")
          .because("rbac DENY echo-deny rule 1 is about 9001 only"),
  };
}

}  // namespace

const std::vector<Row>& decision_table() {
  static const std::vector<Row> table = [] {
    std::vector<Row> all;
    for (const auto& part : {outbound_service_rows(), outbound_other_rows(), permissive_rows(), mtls_mode_rows(),
                             allow_rows(), deny_rows()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return table;
}

}  // namespace weft::tests
