// The words in which rows are written, and in which decisions are described to be compared with them.
#include <algorithm>

#include "tests/decisions/decision_table.h"

namespace weft::tests {

using FirstBytes = mesh::DecisionInput::FirstBytes;

namespace {

std::string join(std::vector<std::string> parts) {
  std::ranges::sort(parts);
  std::string joined;
  for (const std::string& part : parts) joined += (joined.empty() ? "" : ", ") + part;
  return joined;
}

std::string dress(const mesh::TransportSocket& socket) {
  if (std::holds_alternative<mesh::RawBuffer>(socket)) return " plain";
  return std::holds_alternative<mesh::UpstreamTls>(socket) ? " mtls" : " hbone";
}

}  // namespace

Row Row::from(std::string endpoint) && { return source = std::move(endpoint), std::move(*this); }
Row Row::plaintext() && { return first_bytes = FirstBytes::kUnknown, std::move(*this); }
Row Row::http11() && { return first_bytes = FirstBytes::kHttp11, std::move(*this); }
Row Row::http10() && { return first_bytes = FirstBytes::kHttp10, std::move(*this); }
Row Row::h2c() && { return first_bytes = FirstBytes::kH2Preface, std::move(*this); }
Row Row::after_timeout() && { return timed_out = true, std::move(*this); }
Row Row::draws(std::uint64_t value) && { return random = value, std::move(*this); }
Row Row::because(std::string rule) && { return cites = std::move(rule), std::move(*this); }
Row Row::istio_only() && { return comparable = false, std::move(*this); }

Row Row::tls(std::vector<std::string> protocols, std::string sni) && {
  first_bytes = FirstBytes::kTls;
  alpn = std::move(protocols);
  server_name = std::move(sni);
  return std::move(*this);
}

Row Row::as(std::string account) && {
  std::size_t slash = account.find('/');
  bool uri = account.find("://") != account.npos;
  peer = {uri ? account
              : "spiffe://cluster.local/ns/" + account.substr(0, slash) + "/sa/" + account.substr(slash + 1)};
  return std::move(*this);
}

Row Row::at(std::string listener_name, std::string chain_name) && {
  listener = std::move(listener_name);
  chain = std::move(chain_name);
  return std::move(*this);
}

Row Row::forwards(std::string cluster_name, std::string where, std::string by_policy) && {
  outcome = mesh::Decision::Outcome::kForward;
  cluster = std::move(cluster_name);
  hosts = std::move(where);
  policy = std::move(by_policy);
  return std::move(*this);
}

Row Row::waits() && {
  outcome = mesh::Decision::Outcome::kWaitForFirstBytes;
  chain = "-";
  return std::move(*this);
}

Row Row::refused(mesh::Refusal why, std::string by) && {
  outcome = mesh::Decision::Outcome::kRefuse;
  refusal = why;
  bool by_policy = why == mesh::Refusal::kPolicyDenied || why == mesh::Refusal::kPolicyNotAllowed;
  (by_policy ? policy : cluster) = std::move(by);
  return std::move(*this);
}

mesh::DecisionInput input_of(const Row& row, std::vector<std::string_view>& storage) {
  mesh::DecisionInput input;
  input.direction = row.direction;
  input.source = Endpoint::parse(row.source).value_or(Endpoint{});
  input.destination = Endpoint::parse(row.destination).value_or(Endpoint{});
  input.first_bytes = row.first_bytes;
  input.server_name = row.server_name;
  input.alpn.assign(row.alpn.begin(), row.alpn.end());
  storage.assign(row.peer.begin(), row.peer.end());
  input.peer_uri_sans = storage;
  input.timed_out = row.timed_out;
  input.random = row.random;
  return input;
}

std::string describe_hosts(const mesh::Cluster& cluster, const std::string& destination) {
  if (cluster.deliver_to_pod) return "pod " + destination;
  if (cluster.type == mesh::ClusterType::kOriginalDst)
    return "original " + destination + dress(cluster.transport_sockets[cluster.original_dst_socket]);
  std::vector<std::string> hosts;
  for (const mesh::Priority& priority : cluster.priorities)
    for (std::uint32_t index : priority.eligible) {
      const mesh::UpstreamHost& host = priority.hosts[index];
      std::string dressed = host.address.to_string() + dress(cluster.transport_sockets[host.transport_socket]);
      hosts.push_back(host.needs_hbone ? "internal hbone" : dressed);
    }
  return join(std::move(hosts));
}

std::string describe_chain(const mesh::FilterChain* chain) {
  if (!chain) return "-";
  return chain->name + (chain->tls ? " mtls" : "");
}

std::string describe_policy(const mesh::Decision& decision) {
  if (!decision.verdict.policy.empty()) return std::string(decision.verdict.policy);
  return join({decision.verdict.unmatched_allow.begin(), decision.verdict.unmatched_allow.end()});
}

}  // namespace weft::tests
