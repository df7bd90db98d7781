#include "mesh/xds_read_rbac.h"

#include <algorithm>

#include "mesh/xds_read.h"

namespace weft::mesh {

namespace rbac = envoy::config::rbac::v3;
using Kind = RbacCondition::Kind;

namespace {

RbacCondition condition(Kind kind) {
  RbacCondition made;
  made.kind = kind;
  return made;
}

RbacCondition ports(std::uint32_t begin, std::uint32_t end, std::string_view path) {
  if (begin >= end || end > 65536) nack(std::string(path), "is an empty range of ports");
  RbacCondition made = condition(Kind::kDestinationPort);
  made.port_begin = begin;
  made.port_end = end;
  return made;
}

RbacCondition address(Kind kind, const envoy::config::core::v3::CidrRange& range, std::string_view path) {
  RbacCondition made = condition(kind);
  made.prefix = read_prefix(range, path);
  return made;
}

RbacCondition text(Kind kind, const envoy::type::matcher::v3::StringMatcher& matcher, std::string_view path) {
  RbacCondition made = condition(kind);
  made.has_text = true;
  made.text = read_string_matcher(matcher, path);
  return made;
}

// `read` reads one element of `set`; an empty set is refused, as Envoy's own validation does.
template <typename Set, typename Read>
RbacCondition group(Kind kind, const Set& set, std::string_view path, Read read) {
  if (set.empty()) nack(std::string(path), "is empty");
  RbacCondition made = condition(kind);
  for (int i = 0; i < set.size(); ++i)
    made.children.push_back(read(set.Get(i), std::string(path) + "[" + std::to_string(i) + "]"));
  return made;
}

RbacCondition read_any(bool value, std::string_view path) {
  if (!value) nack(std::string(path), "must be true");
  return condition(Kind::kAny);
}

RbacCondition read_permission(const rbac::Permission& permission, const std::string& path) {
  using Proto = rbac::Permission;
  switch (permission.rule_case()) {
    case Proto::kAny: return read_any(permission.any(), join(path, "any"));
    case Proto::kAndRules: return group(Kind::kAnd, permission.and_rules().rules(), join(path, "and_rules.rules"),
                                        read_permission);
    case Proto::kOrRules: return group(Kind::kOr, permission.or_rules().rules(), join(path, "or_rules.rules"),
                                       read_permission);
    case Proto::kNotRule: {
      RbacCondition made = condition(Kind::kNot);
      made.children.push_back(read_permission(permission.not_rule(), join(path, "not_rule")));
      return made;
    }
    case Proto::kDestinationIp:
      return address(Kind::kDestinationIp, permission.destination_ip(), join(path, "destination_ip"));
    case Proto::kDestinationPort: {
      std::uint32_t port = read_port(permission.destination_port(), join(path, "destination_port"));
      return ports(port, port + 1, path);
    }
    case Proto::kDestinationPortRange: {
      const auto& range = permission.destination_port_range();
      if (range.start() < 0 || range.end() < 0) nack(join(path, "destination_port_range"), "is negative");
      return ports(static_cast<std::uint32_t>(range.start()), static_cast<std::uint32_t>(range.end()),
                   join(path, "destination_port_range"));
    }
    case Proto::kRequestedServerName:
      return text(Kind::kServerName, permission.requested_server_name(), join(path, "requested_server_name"));
    default: nack(path, "has no rule that a network filter can judge");
  }
}

RbacCondition read_principal(const rbac::Principal& principal, const std::string& path) {
  using Proto = rbac::Principal;
  switch (principal.identifier_case()) {
    case Proto::kAny: return read_any(principal.any(), join(path, "any"));
    case Proto::kAndIds: return group(Kind::kAnd, principal.and_ids().ids(), join(path, "and_ids.ids"), read_principal);
    case Proto::kOrIds: return group(Kind::kOr, principal.or_ids().ids(), join(path, "or_ids.ids"), read_principal);
    case Proto::kNotId: {
      RbacCondition made = condition(Kind::kNot);
      made.children.push_back(read_principal(principal.not_id(), join(path, "not_id")));
      return made;
    }
    case Proto::kAuthenticated:
      if (!principal.authenticated().has_principal_name()) return condition(Kind::kAuthenticated);
      return text(Kind::kAuthenticated, principal.authenticated().principal_name(),
                  join(path, "authenticated.principal_name"));
    case Proto::kSourceIp: return address(Kind::kSourceIp, principal.source_ip(), join(path, "source_ip"));
    case Proto::kDirectRemoteIp:
      return address(Kind::kSourceIp, principal.direct_remote_ip(), join(path, "direct_remote_ip"));
    case Proto::kRemoteIp: return address(Kind::kSourceIp, principal.remote_ip(), join(path, "remote_ip"));
    default: nack(path, "has no identifier that a network filter can judge");
  }
}

RbacAction read_action(rbac::RBAC::Action action, std::string_view path) {
  switch (action) {
    case rbac::RBAC::ALLOW: return RbacAction::kAllow;
    case rbac::RBAC::DENY: return RbacAction::kDeny;
    case rbac::RBAC::LOG: return RbacAction::kLog;
    default: nack(std::string(path), "is not an action we know");
  }
}

std::shared_ptr<const RbacRules> read_rules(const rbac::RBAC& rules, const std::string& path) {
  auto made = std::make_shared<RbacRules>();
  made->action = read_action(rules.action(), join(path, "action"));
  for (const auto& [name, policy] : rules.policies()) {
    std::string where = join(path, "policies[\"" + name + "\"]");
    RbacPolicy read{name, {}, {}};
    read.permissions = group(Kind::kOr, policy.permissions(), join(where, "permissions"), read_permission).children;
    read.principals = group(Kind::kOr, policy.principals(), join(where, "principals"), read_principal).children;
    made->policies.push_back(std::move(read));
  }
  std::ranges::sort(made->policies, {}, &RbacPolicy::name);
  return made;
}

}  // namespace

NetworkRbac read_network_rbac(const envoy::extensions::filters::network::rbac::v3::RBAC& filter,
                              std::string_view path) {
  NetworkRbac made;
  if (filter.has_rules()) made.rules = read_rules(filter.rules(), join(path, "rules"));
  if (filter.has_shadow_rules()) made.shadow_rules = read_rules(filter.shadow_rules(), join(path, "shadow_rules"));
  made.shadow_prefix = filter.shadow_rules_stat_prefix();
  return made;
}

}  // namespace weft::mesh
