#include "mesh/authorization.h"

#include <algorithm>

namespace weft::mesh {

namespace {

// Envoy's `authenticated` principal: URI SANs first, then DNS SANs, then the subject.
bool authenticated(const RbacCondition& condition, const PeerFacts& facts) {
  if (!facts.tls) return false;
  bool presented = !facts.uri_sans.empty() || !facts.dns_sans.empty() || !facts.subject.empty();
  if (!condition.has_text) return presented;
  auto matches = [&](std::string_view name) { return condition.text.matches(name); };
  return std::ranges::any_of(facts.uri_sans, matches) || std::ranges::any_of(facts.dns_sans, matches) ||
         condition.text.matches(facts.subject);
}

bool any_matches(const std::vector<RbacCondition>& conditions, const PeerFacts& facts) {
  return std::ranges::any_of(conditions, [&](const RbacCondition& c) { return c.matches(facts); });
}

void note_shadow(const NetworkRbac& filter, const PeerFacts& facts, RbacVerdict& verdict) {
  const RbacPolicy* policy = filter.shadow_rules->find_match(facts);
  RbacAction action = filter.shadow_rules->action;
  if (action == RbacAction::kDeny && policy) verdict.shadow_denied.push_back(filter.shadow_prefix + policy->name);
  if (action == RbacAction::kAllow && !policy) verdict.shadow_denied.push_back(filter.shadow_prefix + "no policy");
}

// False: refused, and the verdict says by what.
bool enforce(const RbacRules& rules, const PeerFacts& facts, RbacVerdict& verdict) {
  const RbacPolicy* policy = rules.find_match(facts);
  if (rules.action == RbacAction::kLog) {
    if (policy) verdict.logged.push_back(policy->name);
    return true;
  }
  bool passes = (rules.action == RbacAction::kAllow) == (policy != nullptr);
  if (passes && !policy) return true;
  verdict.allowed = passes;
  verdict.action = rules.action;
  verdict.policy = policy ? std::string_view(policy->name) : std::string_view();
  if (!policy)
    for (const RbacPolicy& unmatched : rules.policies) verdict.unmatched_allow.push_back(unmatched.name);
  return passes;
}

}  // namespace

bool RbacCondition::matches(const PeerFacts& facts) const {
  auto holds = [&](const RbacCondition& child) { return child.matches(facts); };
  switch (kind) {
    case Kind::kAny: return true;
    case Kind::kAnd: return std::ranges::all_of(children, holds);
    case Kind::kOr: return std::ranges::any_of(children, holds);
    case Kind::kNot: return !children.front().matches(facts);
    case Kind::kDestinationIp: return prefix.contains(facts.destination.address);
    case Kind::kDestinationPort:
      return facts.destination.port >= port_begin && facts.destination.port < port_end;
    case Kind::kServerName: return text.matches(facts.server_name);
    case Kind::kAuthenticated: return authenticated(*this, facts);
    case Kind::kSourceIp: return prefix.contains(facts.source.address);
  }
  return false;
}

bool RbacPolicy::matches(const PeerFacts& facts) const {
  return any_matches(permissions, facts) && any_matches(principals, facts);
}

const RbacPolicy* RbacRules::find_match(const PeerFacts& facts) const {
  auto found = std::ranges::find_if(policies, [&](const RbacPolicy& policy) { return policy.matches(facts); });
  return found == policies.end() ? nullptr : &*found;
}

RbacVerdict judge(std::span<const NetworkRbac> filters, const PeerFacts& facts) {
  RbacVerdict verdict;
  for (const NetworkRbac& filter : filters) {
    if (filter.shadow_rules) note_shadow(filter, facts, verdict);
    if (filter.rules && !enforce(*filter.rules, facts, verdict)) break;
  }
  return verdict;
}

}  // namespace weft::mesh
