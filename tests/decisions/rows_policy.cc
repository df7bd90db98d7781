// Who may connect to a pod. `because` cites the resource and the rule.
// Names of listeners, chains, clusters and policies are istiod's.
#include "tests/decisions/decision_rows.h"

namespace weft::tests {

using mesh::Refusal;

namespace {

const std::string kMysqlRule = "ns[data]-policy[mysql-clients]-rule[0]";
const std::string kEchoLegacy = "ns[samples]-policy[echo-deny]-rule[0]";
const std::string kEchoOthers = "ns[samples]-policy[echo-deny]-rule[1]";
const std::string kNotNodeB = "ns[samples]-policy[not-node-b]-rule[0]";
const std::string kByAddress = "ns[samples]-policy[by-address]-rule[0]";

}  // namespace

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
          .at("virtualInbound", "0.0.0.0_9000").forwards("inbound|9000||", "pod 10.244.1.17:9000", kByAddress)
          .istio_only()
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

}  // namespace weft::tests
