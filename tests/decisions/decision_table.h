// Connections, and what the resources that istiod sent say about them. Used for the recorded resources of a real
// istiod, and for those that our own control plane makes of the same Kubernetes objects.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mesh/decision.h"

namespace weft::tests {

// One row. Built by the words below, which read as a sentence.
struct Row {
  std::string scenario, pod;
  mesh::Direction direction;
  std::string source, destination;
  mesh::DecisionInput::FirstBytes first_bytes = mesh::DecisionInput::FirstBytes::kNone;
  std::string server_name;
  std::vector<std::string> alpn;
  std::vector<std::string> peer;
  bool timed_out = false;
  std::uint64_t random = 0;

  mesh::Decision::Outcome outcome = mesh::Decision::Outcome::kRefuse;
  mesh::Refusal refusal = mesh::Refusal::kNone;
  std::string listener;
  std::string chain;    // its name, with " mtls" where it terminates TLS and " -" where none was chosen
  std::string cluster;  // empty: none was asked
  std::string hosts;    // as describe_hosts() says; empty: none
  std::string policy;   // the RBAC policy that decided; ALLOW policies that did not match, for want of one
  std::string cites;    // the resource and the rule that decide it

  // Decided by a TCP port and by no VirtualService or DestinationRule: our control plane must come to the same.
  bool comparable = true;

  Row from(std::string endpoint) &&;
  Row plaintext() &&;                                   // bytes that are neither TLS nor HTTP
  Row http11() &&;
  Row http10() &&;
  Row h2c() &&;
  Row tls(std::vector<std::string> protocols = {}, std::string sni = "") &&;
  Row as(std::string account) &&;                       // "samples/sleep" of cluster.local, or a whole URI
  Row after_timeout() &&;
  Row draws(std::uint64_t value) &&;
  Row at(std::string listener_name, std::string chain_name) &&;
  Row forwards(std::string cluster_name, std::string where, std::string by_policy = "") &&;
  Row waits() &&;
  Row refused(mesh::Refusal why, std::string by = "") &&;  // `by`: cluster, or policy
  Row because(std::string rule) &&;
  Row istio_only() &&;                                  // not comparable
};

const std::vector<Row>& decision_table();

mesh::DecisionInput input_of(const Row& row, std::vector<std::string_view>& storage);

// "10.244.1.17:9000 mtls, 10.244.2.16:9000 plain" of the hosts that may be picked, sorted;
// "original 10.0.0.1:80 plain";
// "pod 10.244.1.17:9000".
std::string describe_hosts(const mesh::Cluster& cluster, const std::string& destination);
std::string describe_chain(const mesh::FilterChain* chain);
std::string describe_policy(const mesh::Decision& decision);

}  // namespace weft::tests
