// PeerAuthentication and AuthorizationPolicy: protobuf JSON mapping, then the checks of istiod's webhook, then our
// value.
#include <charconv>
#include <string>

#include "controlplane/config/decode_kinds.h"
#include "controlplane/config/policy_checks.h"
#include "controlplane/config/proto_json.h"
#include "security/v1beta1/authorization_policy.pb.h"
#include "security/v1beta1/peer_authentication.pb.h"

namespace weft::controlplane {
namespace {

namespace security = istio::security::v1beta1;
using Strings = google::protobuf::RepeatedPtrField<std::string>;

std::vector<std::string> texts(const Strings& from) { return {from.begin(), from.end()}; }

// REQUIRES: checked.
std::vector<IpPrefix> prefixes(const Strings& from) {
  std::vector<IpPrefix> all;
  for (const std::string& text : from) {
    if (auto prefix = IpPrefix::parse(text)) all.push_back(*prefix);
  }
  return all;
}

std::vector<std::uint16_t> ports(const Strings& from) {
  std::vector<std::uint16_t> all;
  for (const std::string& text : from) {
    std::uint16_t port = 0;
    std::from_chars(text.data(), text.data() + text.size(), port);
    all.push_back(port);
  }
  return all;
}

WorkloadSelector selector_of(const istio::type::v1beta1::WorkloadSelector& from) {
  return {Labels(from.match_labels().begin(), from.match_labels().end())};
}

MtlsMode mode_of(security::PeerAuthentication::MutualTLS::Mode mode) {
  switch (mode) {
    case security::PeerAuthentication::MutualTLS::DISABLE: return MtlsMode::kDisable;
    case security::PeerAuthentication::MutualTLS::PERMISSIVE: return MtlsMode::kPermissive;
    case security::PeerAuthentication::MutualTLS::STRICT: return MtlsMode::kStrict;
    default: return MtlsMode::kUnset;
  }
}

AuthorizationAction action_of(security::AuthorizationPolicy::Action action) {
  switch (action) {
    case security::AuthorizationPolicy::DENY: return AuthorizationAction::kDeny;
    case security::AuthorizationPolicy::AUDIT: return AuthorizationAction::kAudit;
    case security::AuthorizationPolicy::CUSTOM: return AuthorizationAction::kCustom;
    default: return AuthorizationAction::kAllow;
  }
}

AuthorizationSource source_of(const security::Source& from) {
  AuthorizationSource source;
  source.principals = texts(from.principals());
  source.not_principals = texts(from.not_principals());
  source.request_principals = texts(from.request_principals());
  source.not_request_principals = texts(from.not_request_principals());
  source.namespaces = texts(from.namespaces());
  source.not_namespaces = texts(from.not_namespaces());
  source.service_accounts = texts(from.service_accounts());
  source.not_service_accounts = texts(from.not_service_accounts());
  source.trust_domains = texts(from.trust_domains());
  source.not_trust_domains = texts(from.not_trust_domains());
  source.ip_blocks = prefixes(from.ip_blocks());
  source.not_ip_blocks = prefixes(from.not_ip_blocks());
  source.remote_ip_blocks = prefixes(from.remote_ip_blocks());
  source.not_remote_ip_blocks = prefixes(from.not_remote_ip_blocks());
  return source;
}

AuthorizationOperation operation_of(const security::Operation& from) {
  AuthorizationOperation operation;
  operation.hosts = texts(from.hosts());
  operation.not_hosts = texts(from.not_hosts());
  operation.ports = ports(from.ports());
  operation.not_ports = ports(from.not_ports());
  operation.methods = texts(from.methods());
  operation.not_methods = texts(from.not_methods());
  operation.paths = texts(from.paths());
  operation.not_paths = texts(from.not_paths());
  return operation;
}

AuthorizationRule rule_of(const security::Rule& from) {
  AuthorizationRule rule;
  for (const auto& entry : from.from()) rule.from.push_back(source_of(entry.source()));
  for (const auto& entry : from.to()) rule.to.push_back(operation_of(entry.operation()));
  for (const auto& entry : from.when()) {
    rule.when.push_back({entry.key(), texts(entry.values()), texts(entry.not_values())});
  }
  return rule;
}

// An absent spec is an empty one: for an AuthorizationPolicy it denies everything.
bool read_spec(const Value& root, google::protobuf::Message& spec, FieldProblems& problems) {
  const Value* value = root.find("spec");
  if (!value || value->type == Value::Type::kNull) return true;
  return read_message(*value, "spec", {}, spec, problems);
}

bool is_dry_run(const ObjectMeta& meta, const Value& root, FieldProblems& problems) {
  auto found = meta.annotations.find("istio.io/dry-run");
  if (found == meta.annotations.end()) return false;
  const std::string& text = found->second;  // Go's ParseBool
  for (const char* word : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == word) return true;
  }
  for (const char* word : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == word) return false;
  }
  problems.push_back({ProblemCode::kNoEffect, locate(root, "metadata.annotations"),
                      "metadata.annotations[istio.io/dry-run]",
                      "not a boolean: \"" + text + "\"; the policy is enforced"});
  return false;
}

}  // namespace

PeerAuthentication read_peer_authentication(ObjectMeta meta, const Value& root, FieldProblems& problems) {
  PeerAuthentication policy;
  policy.meta = std::move(meta);
  security::PeerAuthentication spec;
  if (!read_spec(root, spec, problems)) return policy;
  PolicyReport report(root, problems);
  check_peer_authentication(spec, report);
  if (has_errors(problems)) return policy;
  policy.selector = selector_of(spec.selector());
  policy.mtls = mode_of(spec.mtls().mode());
  for (const auto& [port, mtls] : spec.port_level_mtls()) {
    policy.port_level_mtls[static_cast<std::uint16_t>(port)] = mode_of(mtls.mode());
  }
  return policy;
}

AuthorizationPolicy read_authorization_policy(ObjectMeta meta, const Value& root, FieldProblems& problems) {
  AuthorizationPolicy policy;
  policy.meta = std::move(meta);
  security::AuthorizationPolicy spec;
  if (!read_spec(root, spec, problems)) return policy;
  PolicyReport report(root, problems);
  check_authorization_policy(spec, report);
  if (has_errors(problems)) return policy;
  policy.selector = selector_of(spec.selector());
  for (const auto& target : spec.targetrefs()) {
    policy.target_refs.push_back({target.group(), target.kind(), target.name()});
  }
  if (spec.has_targetref() && policy.target_refs.empty()) {
    policy.target_refs.push_back({spec.targetref().group(), spec.targetref().kind(), spec.targetref().name()});
  }
  policy.action = action_of(spec.action());
  policy.provider = spec.provider().name();
  for (const auto& rule : spec.rules()) policy.rules.push_back(rule_of(rule));
  policy.dry_run = is_dry_run(policy.meta, root, problems);
  return policy;
}

}  // namespace weft::controlplane
