// Connections from a pod. `because` cites the resource and the rule.
// Names of listeners, chains, clusters and policies are istiod's.
#include "tests/decisions/decision_rows.h"

namespace weft::tests {

using mesh::Refusal;

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
          .forwards("outbound|9001||tcp-echo.samples.svc.cluster.local",
                    "10.244.1.17:9001 plain, 10.244.2.16:9001 plain")
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
  };
}

std::vector<Row> outbound_headless_rows() {
  return {
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

}  // namespace weft::tests
