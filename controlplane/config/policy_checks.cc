#include "controlplane/config/policy_checks.h"

#include <google/protobuf/repeated_ptr_field.h>

#include "security/v1beta1/authorization_policy.pb.h"
#include "security/v1beta1/peer_authentication.pb.h"

namespace weft::controlplane {
namespace {

namespace security = istio::security::v1beta1;
using Strings = google::protobuf::RepeatedPtrField<std::string>;
using Check = Wrong (*)(std::string_view);

std::string at(const std::string& list, int index) { return list + '[' + std::to_string(index) + ']'; }

void check_each(const Strings& values, const std::string& path, Check check, PolicyReport& report) {
  for (int i = 0; i < values.size(); ++i) report.check(at(path, i), check(values[i]));
}

// One list of a Source or Operation: its values, its name, how a value is checked, and whether TCP can judge it.
struct ListField {
  const Strings& values;
  const char* name;
  Check check;
  bool tcp;
};

void check_selector(const istio::type::v1beta1::WorkloadSelector& selector, PolicyReport& report) {
  const std::string path = "spec.selector.matchLabels";
  for (const auto& [key, value] : selector.match_labels()) {
    const std::string label = key + '=' + value;
    if (key.empty()) report.error(path, "an empty key: \"" + label + '"');
    if (label.find('*') != label.npos) report.error(path, "wildcards are not supported: \"" + label + '"');
    if (value.size() > 63) report.error(path, "a label value has at most 63 characters: \"" + label + '"');
  }
  if (selector.match_labels().empty()) {
    report.warning(ProblemCode::kSuspicious, "spec.selector", "no labels: it selects every workload");
  }
}

void check_target(const istio::type::v1beta1::PolicyTargetReference& target, const std::string& path,
                  PolicyReport& report) {
  if (target.name().empty()) report.error(path + ".name", "a target needs a name");
  if (!target.namespace_().empty()) report.error(path + ".namespace", "targets in other namespaces are not supported");
  const std::string kind = target.group() + '/' + target.kind();
  for (const char* allowed : {"gateway.networking.k8s.io/Gateway", "gateway.networking.k8s.io/GatewayClass",
                              "/Service", "core/Service", "networking.istio.io/ServiceEntry"}) {
    if (kind == allowed) return;
  }
  report.error(path + ".kind", "expected a Gateway, GatewayClass, Service or ServiceEntry with its group, got " + kind);
}

void check_attachment(const security::AuthorizationPolicy& spec, PolicyReport& report) {
  if (spec.has_selector()) check_selector(spec.selector(), report);
  if (spec.has_targetref()) check_target(spec.targetref(), "spec.targetRef", report);
  for (int i = 0; i < spec.targetrefs_size(); ++i) check_target(spec.targetrefs(i), at("spec.targetRefs", i), report);
  if (spec.targetrefs_size() > 16) report.error("spec.targetRefs", "at most 16");
  const int ways = spec.has_selector() + spec.has_targetref() + (spec.targetrefs_size() > 0);
  if (ways > 1) report.error("spec.selector", "only one of selector, targetRef and targetRefs can be set");
  if (ways == 1 && !spec.has_selector()) {
    report.warning(ProblemCode::kNoEffect, spec.has_targetref() ? "spec.targetRef" : "spec.targetRefs",
                   "a policy with a target is for gateways and waypoints; no workload is judged by it");
  }
}

void check_action(const security::AuthorizationPolicy& spec, PolicyReport& report) {
  const std::string& action = security::AuthorizationPolicy::Action_Name(spec.action());
  const bool custom = spec.action() == security::AuthorizationPolicy::CUSTOM;
  if ((custom || spec.action() == security::AuthorizationPolicy::DENY) && spec.rules_size() == 0) {
    report.error("spec.rules", action + " without rules is never triggered; an empty rule `{}` matches everything");
  }
  if (spec.has_provider() && !custom) report.error("spec.provider", "only for action CUSTOM, not " + action);
  if (!custom) {
    if (spec.action() == security::AuthorizationPolicy::AUDIT) {
      report.warning(ProblemCode::kNoEffect, "spec.action", "AUDIT neither allows nor denies; nothing records it yet");
    }
    return;
  }
  if (spec.provider().name().empty()) {
    report.error("spec.provider.name", "CUSTOM needs a provider");
  } else {
    report.warning(ProblemCode::kFailsClosed, "spec.provider",
                   "extension providers are not served yet: the workloads of this policy refuse every connection");
  }
}

struct RuleSeen {
  bool any = false;
  bool tcp = false;
};

RuleSeen check_lists(std::initializer_list<ListField> lists, const std::string& path, PolicyReport& report) {
  RuleSeen seen;
  for (const ListField& list : lists) {
    check_each(list.values, path + '.' + list.name, list.check, report);
    seen.any |= !list.values.empty();
    seen.tcp |= list.tcp && !list.values.empty();
  }
  if (!seen.any) report.error(path, "must not be empty");
  return seen;
}

bool check_source(const security::Source& s, const std::string& path, PolicyReport& report) {
  const Check text = check_not_empty, ip = check_ip_block, account = check_service_account, td = check_trust_domain;
  const RuleSeen seen = check_lists(
      {{s.principals(), "principals", text, true}, {s.not_principals(), "notPrincipals", text, true},
       {s.request_principals(), "requestPrincipals", text, false},
       {s.not_request_principals(), "notRequestPrincipals", text, false},
       {s.namespaces(), "namespaces", text, true}, {s.not_namespaces(), "notNamespaces", text, true},
       {s.service_accounts(), "serviceAccounts", account, true},
       {s.not_service_accounts(), "notServiceAccounts", account, true},
       {s.trust_domains(), "trustDomains", td, true}, {s.not_trust_domains(), "notTrustDomains", td, true},
       {s.ip_blocks(), "ipBlocks", ip, true}, {s.not_ip_blocks(), "notIpBlocks", ip, true},
       {s.remote_ip_blocks(), "remoteIpBlocks", ip, true}, {s.not_remote_ip_blocks(), "notRemoteIpBlocks", ip, true}},
      path, report);
  const int accounts = s.service_accounts_size() + s.not_service_accounts_size();
  const int others = s.principals_size() + s.not_principals_size() + s.namespaces_size() + s.not_namespaces_size();
  if (accounts > 0 && others > 0) report.error(path, "serviceAccounts cannot stand beside principals or namespaces");
  if (s.service_accounts_size() > 16 || s.not_service_accounts_size() > 16) {
    report.error(path + ".serviceAccounts", "at most 16");
  }
  return seen.tcp;
}

bool check_operation(const security::Operation& o, const std::string& path, PolicyReport& report) {
  const Check text = check_not_empty;
  const RuleSeen seen = check_lists(
      {{o.ports(), "ports", check_port, true}, {o.not_ports(), "notPorts", check_port, true},
       {o.hosts(), "hosts", text, false}, {o.not_hosts(), "notHosts", text, false},
       {o.methods(), "methods", text, false}, {o.not_methods(), "notMethods", text, false},
       {o.paths(), "paths", text, false}, {o.not_paths(), "notPaths", text, false}},
      path, report);
  check_each(o.paths(), path + ".paths", check_path_template, report);
  check_each(o.not_paths(), path + ".notPaths", check_path_template, report);
  return seen.tcp;
}

void check_condition(const security::Condition& condition, const std::string& path, PolicyReport& report) {
  const std::string& key = condition.key();
  if (auto wrong = check_condition_key(key)) return report.error(path + ".key", *wrong);
  if (condition.values().empty() && condition.not_values().empty()) {
    return report.error(path, "needs values or notValues for " + key);
  }
  for (int i = 0; i < condition.values_size(); ++i) {
    report.check(at(path + ".values", i), check_condition_value(key, condition.values(i)));
  }
  for (int i = 0; i < condition.not_values_size(); ++i) {
    report.check(at(path + ".notValues", i), check_condition_value(key, condition.not_values(i)));
  }
}

// CUSTOM hands the request to a provider before the caller's identity is judged, so istiod refuses to match on it.
void check_custom_rule(const security::Rule& rule, const std::string& path, PolicyReport& report) {
  for (int i = 0; i < rule.from_size(); ++i) {
    const security::Source& s = rule.from(i).source();
    const int identity = s.namespaces_size() + s.not_namespaces_size() + s.principals_size() +
                         s.not_principals_size() + s.request_principals_size() + s.not_request_principals_size() +
                         s.service_accounts_size() + s.not_service_accounts_size() + s.trust_domains_size() +
                         s.not_trust_domains_size();
    if (identity > 0) report.error(at(path + ".from", i) + ".source", "CUSTOM cannot match on identities");
  }
  for (int i = 0; i < rule.when_size(); ++i) {
    const std::string& key = rule.when(i).key();
    const bool identity = key == "source.namespace" || key == "source.serviceAccount" || key == "source.trustDomain" ||
                          key == "source.principal" || key.starts_with("request.auth.");
    if (identity) report.error(at(path + ".when", i) + ".key", "CUSTOM cannot match on " + key);
  }
}

void check_rule(const security::Rule& rule, security::AuthorizationPolicy::Action action, const std::string& path,
                PolicyReport& report) {
  // `from: []` would match any source, where "no source" may have been meant.
  for (const char* list : {".from", ".to", ".when"}) {
    if (report.is_given_empty(path + list))
      report.error(path + list, "must not be empty; leave it out to match anything");
  }
  bool from_tcp = false, to_tcp = false;
  for (int i = 0; i < rule.from_size(); ++i) {
    const std::string source = at(path + ".from", i) + ".source";
    if (rule.from(i).has_source()) {
      from_tcp |= check_source(rule.from(i).source(), source, report);
    } else {
      report.error(at(path + ".from", i), "needs a source");
    }
  }
  for (int i = 0; i < rule.to_size(); ++i) {
    const std::string operation = at(path + ".to", i) + ".operation";
    if (rule.to(i).has_operation()) {
      to_tcp |= check_operation(rule.to(i).operation(), operation, report);
    } else {
      report.error(at(path + ".to", i), "needs an operation");
    }
  }
  for (int i = 0; i < rule.when_size(); ++i) check_condition(rule.when(i), at(path + ".when", i), report);
  if (action == security::AuthorizationPolicy::CUSTOM) check_custom_rule(rule, path, report);
  const bool only_http = (rule.from_size() > 0 && rule.to_size() == 0 && !from_tcp) || (rule.to_size() > 0 && !to_tcp);
  if (only_http && action == security::AuthorizationPolicy::DENY) {
    report.warning(ProblemCode::kSuspicious, path,
                   "a DENY rule with HTTP attributes alone denies all TCP traffic in its scope; name the ports");
  }
}

}  // namespace

bool PolicyReport::is_given_empty(const std::string& path) const {
  const Value* value = find_value(root_, path);
  const bool container = value && (value->type == Value::Type::kList || value->type == Value::Type::kMap);
  return container && value->items.empty() && value->members.empty();
}

void check_peer_authentication(const security::PeerAuthentication& spec, PolicyReport& report) {
  if (spec.has_selector()) check_selector(spec.selector(), report);
  const std::string path = "spec.portLevelMtls";
  if (spec.selector().match_labels().empty() && spec.port_level_mtls_size() > 0) {
    report.error(path, "needs a selector: a mesh or namespace policy has no ports");
  }
  if (report.is_given_empty(path)) report.error(path, "must have at least one port");
  for (const auto& [port, mtls] : spec.port_level_mtls()) {
    if (port == 0 || port > 65535) report.error(path, "port " + std::to_string(port) + " is not in 1 to 65535");
  }
}

void check_authorization_policy(const security::AuthorizationPolicy& spec, PolicyReport& report) {
  check_attachment(spec, report);
  check_action(spec, report);
  for (int i = 0; i < spec.rules_size(); ++i) check_rule(spec.rules(i), spec.action(), at("spec.rules", i), report);
}

}  // namespace weft::controlplane
