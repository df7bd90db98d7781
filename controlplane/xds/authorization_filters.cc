#include "controlplane/xds/authorization_filters.h"

#include <envoy/config/rbac/v3/rbac.pb.h>
#include <envoy/extensions/filters/network/rbac/v3/rbac.pb.h>

#include "base/log.h"
#include "controlplane/xds/authorization_rule.h"
#include "controlplane/xds/resource.h"

namespace weft::controlplane {
namespace {

namespace rbac = envoy::config::rbac::v3;
using Action = AuthorizationAction;

rbac::RBAC::Action envoy_action(Action action) {
  switch (action) {
    case Action::kAllow: return rbac::RBAC::ALLOW;
    case Action::kAudit: return rbac::RBAC::LOG;
    case Action::kDeny:
    case Action::kCustom: break;
  }
  return rbac::RBAC::DENY;
}

void add_policy(const AuthorizationPolicy& policy, const MeshConfig& mesh, rbac::RBAC* out) {
  const std::string& name_space = policy.meta.name_space;
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    auto rule = authorization_rule(policy.rules[i], mesh, name_space, policy.action);
    const std::string name =
        "ns[" + name_space + "]-policy[" + policy.meta.name + "]-rule[" + std::to_string(i) + "]";
    if (rule) {
      (*out->mutable_policies())[name] = std::move(*rule);
    } else {
      log_debug("xds", name + " has a condition that TCP cannot judge and allows nothing there");
    }
  }
}

// A CUSTOM policy asks an extension provider. This control plane has none to offer, so whoever such a policy applies to
// is refused, as istiod does when the provider is missing.
rbac::RBAC deny_all() {
  rbac::RBAC out;
  out.set_action(rbac::RBAC::DENY);
  auto& policy = (*out.mutable_policies())["default-deny-all-due-to-bad-CUSTOM-action"];
  policy.add_permissions()->set_any(true);
  policy.add_principals()->set_any(true);
  return out;
}

envoy::config::listener::v3::Filter to_filter(const rbac::RBAC* rules, const rbac::RBAC* shadow_rules) {
  envoy::extensions::filters::network::rbac::v3::RBAC config;
  if (rules) *config.mutable_rules() = *rules;
  if (shadow_rules) *config.mutable_shadow_rules() = *shadow_rules;
  const bool denies = shadow_rules && shadow_rules->action() == rbac::RBAC::DENY;
  config.set_shadow_rules_stat_prefix(denies ? "istio_dry_run_deny_" : "istio_dry_run_allow_");
  config.set_stat_prefix("tcp.");
  envoy::config::listener::v3::Filter out;
  out.set_name("envoy.filters.network.rbac");
  pack_deterministic(config, out.mutable_typed_config());
  return out;
}

}  // namespace

std::vector<envoy::config::listener::v3::Filter> authorization_filters(
    const MeshConfig& mesh, const std::vector<Shared<AuthorizationPolicy>>& policies) {
  std::vector<envoy::config::listener::v3::Filter> out;
  for (const Action action : {Action::kCustom, Action::kAudit, Action::kDeny, Action::kAllow}) {
    rbac::RBAC enforced, dry_run;
    bool has_enforced = false, has_dry_run = false;
    for (const auto& policy : policies) {
      if (policy->action != action) continue;
      (policy->dry_run ? has_dry_run : has_enforced) = true;
      add_policy(*policy, mesh, policy->dry_run ? &dry_run : &enforced);
    }
    enforced.set_action(envoy_action(action));
    dry_run.set_action(envoy_action(action));
    if (action == Action::kCustom) {
      if (has_enforced) enforced = deny_all();
      has_dry_run = false;
    }
    if (has_enforced || has_dry_run) {
      out.push_back(to_filter(has_enforced ? &enforced : nullptr, has_dry_run ? &dry_run : nullptr));
    }
  }
  return out;
}

}  // namespace weft::controlplane
