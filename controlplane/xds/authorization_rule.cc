#include "controlplane/xds/authorization_rule.h"

#include <envoy/config/rbac/v3/rbac.pb.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>


namespace weft::controlplane {
namespace {

namespace rbac = envoy::config::rbac::v3;
using envoy::type::matcher::v3::StringMatcher;
using Texts = std::vector<std::string>;
using Action = AuthorizationAction;

// One attribute of a rule with its values: `make` turns a value into a matcher, or says that TCP cannot judge it.
template <typename Matcher>
struct Term {
  Texts values, not_values;
  std::function<std::optional<Matcher>(const std::string&)> make;
};
using PrincipalTerm = Term<rbac::Principal>;
using PermissionTerm = Term<rbac::Permission>;

template <typename Matcher>
std::optional<Matcher> http_only(const std::string&) { return std::nullopt; }

// RE2 reads `\\c` as c for every c that is not a letter or digit.
std::string quote(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80);
    if (!plain && c != '_' && c != '-' && c != '/' && c != ':') out += '\\';
    out += c;
  }
  return out;
}

StringMatcher regex(const std::string& pattern) {
  StringMatcher out;
  out.mutable_safe_regex()->set_regex(pattern);
  return out;
}

// `*`, `prefix*`, `*suffix` or exact, each behind `scheme`.
StringMatcher text_matcher(const std::string& value, const std::string& scheme) {
  StringMatcher out;
  if (value == "*") return regex(".+");
  if (value.starts_with('*')) {
    if (!scheme.empty()) return regex(quote(scheme) + ".*" + quote(value.substr(1)));
    out.set_suffix(value.substr(1));
  } else if (value.ends_with('*')) {
    out.set_prefix(scheme + value.substr(0, value.size() - 1));
  } else {
    out.set_exact(scheme + value);
  }
  return out;
}

rbac::Principal authenticated(StringMatcher matcher) {
  rbac::Principal out;
  *out.mutable_authenticated()->mutable_principal_name() = std::move(matcher);
  return out;
}

std::optional<rbac::Principal> principal_named(const std::string& value) {
  return authenticated(text_matcher(value, "spiffe://"));
}

// A namespace may hold `*` at either end; it stands between fixed segments of the SPIFFE ID.
std::string with_wildcards(const std::string& value) {
  std::string out;
  for (const char c : value) out += c == '*' ? ".*" : quote(std::string_view(&c, 1));
  return out;
}

std::optional<rbac::Principal> in_namespace(const std::string& value) {
  // Names of namespaces need no quoting, so that the pattern reads as istiod's.
  std::string pattern;
  for (const char c : value) pattern += c == '*' ? ".*" : std::string(1, c);
  return authenticated(regex(".*/ns/" + pattern + "/.*"));
}

std::optional<rbac::Principal> in_trust_domain(const std::string& value) {
  return authenticated(regex("spiffe://" + with_wildcards(value) + "/.*"));
}

std::optional<rbac::Principal> of_account(const std::string& value) {
  const std::size_t slash = value.find('/');
  if (slash == std::string::npos) return std::nullopt;
  return authenticated(regex("spiffe://.*/ns/" + with_wildcards(value.substr(0, slash)) + "/sa/" +
                             with_wildcards(value.substr(slash + 1))));
}

bool set_prefix(const std::string& value, envoy::config::core::v3::CidrRange* out) {
  const auto prefix = IpPrefix::parse(value);
  if (!prefix) return false;
  out->set_address_prefix(prefix->address.to_string());
  out->mutable_prefix_len()->set_value(static_cast<std::uint32_t>(prefix->length));
  return true;
}

std::optional<rbac::Principal> direct_address(const std::string& value) {
  rbac::Principal out;
  if (!set_prefix(value, out.mutable_direct_remote_ip())) return std::nullopt;
  return out;
}
std::optional<rbac::Principal> remote_address(const std::string& value) {
  rbac::Principal out;
  if (!set_prefix(value, out.mutable_remote_ip())) return std::nullopt;
  return out;
}
std::optional<rbac::Permission> destination_address(const std::string& value) {
  rbac::Permission out;
  if (!set_prefix(value, out.mutable_destination_ip())) return std::nullopt;
  return out;
}
std::optional<rbac::Permission> destination_port(const std::string& value) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
  if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
  rbac::Permission out;
  out.set_destination_port(port);
  return out;
}
std::optional<rbac::Permission> server_name(const std::string& value) {
  rbac::Permission out;
  *out.mutable_requested_server_name() = text_matcher(value, "");
  return out;
}

template <typename T>
Texts to_texts(const std::vector<T>& values) {
  Texts out;
  for (const T& value : values) {
    if constexpr (requires { value.to_string(); }) {
      out.push_back(value.to_string());
    } else {
      out.push_back(std::to_string(value));
    }
  }
  return out;
}

// A principal in one of the mesh's trust domains (`cluster.local` stands for the mesh's own) means all of them.
Texts in_all_trust_domains(const Texts& principals, const MeshConfig& mesh) {
  Texts domains{mesh.trust_domain};
  domains.insert(domains.end(), mesh.trust_domain_aliases.begin(), mesh.trust_domain_aliases.end());
  Texts out;
  for (const std::string& principal : principals) {
    const std::size_t slash = principal.find('/');
    const std::string domain = principal.substr(0, slash);
    const bool ours = domain == "cluster.local" ||
                      std::find(domains.begin(), domains.end(), domain) != domains.end();
    if (slash == std::string::npos || !ours) {
      out.push_back(principal);
      continue;
    }
    for (const std::string& each : domains) out.push_back(each + principal.substr(slash));
  }
  return out;
}

Texts in_policy_namespace(Texts accounts, const std::string& name_space) {
  for (std::string& account : accounts) {
    if (account.find('/') == std::string::npos) account = name_space + "/" + account;
  }
  return accounts;
}

// A rule in Istio's order: what stands in `from` and `to` first, then `when`.
struct RuleModel {
  std::vector<std::vector<PrincipalTerm>> principals;
  std::vector<std::vector<PermissionTerm>> permissions;
};

std::vector<PrincipalTerm> source_terms(const AuthorizationSource& s, const MeshConfig& mesh,
                                        const std::string& name_space) {
  return {
      {in_all_trust_domains(s.principals, mesh), in_all_trust_domains(s.not_principals, mesh), principal_named},
      {s.request_principals, s.not_request_principals, http_only<rbac::Principal>},
      {s.trust_domains, s.not_trust_domains, in_trust_domain},
      {in_policy_namespace(s.service_accounts, name_space), in_policy_namespace(s.not_service_accounts, name_space),
       of_account},
      {s.namespaces, s.not_namespaces, in_namespace},
      {to_texts(s.remote_ip_blocks), to_texts(s.not_remote_ip_blocks), remote_address},
      {to_texts(s.ip_blocks), to_texts(s.not_ip_blocks), direct_address},
  };
}

std::vector<PermissionTerm> operation_terms(const AuthorizationOperation& o) {
  return {
      {o.hosts, o.not_hosts, http_only<rbac::Permission>},
      {o.methods, o.not_methods, http_only<rbac::Permission>},
      {o.paths, o.not_paths, http_only<rbac::Permission>},
      {to_texts(o.ports), to_texts(o.not_ports), destination_port},
  };
}

void add_condition(const AuthorizationCondition& when, const MeshConfig& mesh, const std::string& name_space,
                   std::vector<PrincipalTerm>* principals, std::vector<PermissionTerm>* permissions) {
  const std::string& key = when.key;
  const auto principal = [&](auto make) { principals->push_back({when.values, when.not_values, make}); };
  const auto permission = [&](auto make) { permissions->push_back({when.values, when.not_values, make}); };
  if (key == "source.ip") return principal(direct_address);
  if (key == "remote.ip") return principal(remote_address);
  if (key == "source.namespace") return principal(in_namespace);
  if (key == "source.trustDomain") return principal(in_trust_domain);
  if (key == "destination.ip") return permission(destination_address);
  if (key == "destination.port") return permission(destination_port);
  if (key == "connection.sni") return permission(server_name);
  if (key == "source.principal") {
    principals->push_back(
        {in_all_trust_domains(when.values, mesh), in_all_trust_domains(when.not_values, mesh), principal_named});
  } else if (key == "source.serviceAccount") {
    principals->push_back({in_policy_namespace(when.values, name_space),
                           in_policy_namespace(when.not_values, name_space), of_account});
  } else {
    principal(http_only<rbac::Principal>);  // request.*, and filters' metadata
  }
}

RuleModel model_of(const AuthorizationRule& rule, const MeshConfig& mesh, const std::string& name_space) {
  std::vector<PrincipalTerm> principals;
  std::vector<PermissionTerm> permissions;
  for (const AuthorizationCondition& when : rule.when) {
    add_condition(when, mesh, name_space, &principals, &permissions);
  }
  RuleModel out;
  for (const AuthorizationSource& source : rule.from) {
    out.principals.push_back(source_terms(source, mesh, name_space));
    out.principals.back().insert(out.principals.back().end(), principals.begin(), principals.end());
  }
  for (const AuthorizationOperation& operation : rule.to) {
    out.permissions.push_back(operation_terms(operation));
    out.permissions.back().insert(out.permissions.back().end(), permissions.begin(), permissions.end());
  }
  if (rule.from.empty()) out.principals.push_back(principals);
  if (rule.to.empty()) out.permissions.push_back(permissions);
  return out;
}

// Protobuf gives the two kinds of matcher different names for the same three operations.
struct PrincipalOps {
  static rbac::Principal* add_and(rbac::Principal* p) { return p->mutable_and_ids()->add_ids(); }
  static rbac::Principal* add_or(rbac::Principal* p) { return p->mutable_or_ids()->add_ids(); }
  static rbac::Principal* negated(rbac::Principal* p) { return p->mutable_not_id(); }
  static bool is_unset(const rbac::Principal& p) { return p.identifier_case() == rbac::Principal::IDENTIFIER_NOT_SET; }
};
struct PermissionOps {
  static rbac::Permission* add_and(rbac::Permission* p) { return p->mutable_and_rules()->add_rules(); }
  static rbac::Permission* add_or(rbac::Permission* p) { return p->mutable_or_rules()->add_rules(); }
  static rbac::Permission* negated(rbac::Permission* p) { return p->mutable_not_rule(); }
  static bool is_unset(const rbac::Permission& p) { return p.rule_case() == rbac::Permission::RULE_NOT_SET; }
};

// False: TCP cannot judge one of the values. The others are still there.
template <typename Ops, typename Matcher>
bool add_alternatives(const Texts& values, const Term<Matcher>& term, bool negative, Matcher* conjunction) {
  Matcher alternatives;
  bool all = true, any = false;
  for (const std::string& value : values) {
    auto matcher = term.make(value);
    all = all && matcher.has_value();
    if (!matcher) continue;
    any = true;
    *Ops::add_or(&alternatives) = std::move(*matcher);
  }
  if (any) {
    Matcher* slot = Ops::add_and(conjunction);
    *(negative ? Ops::negated(slot) : slot) = std::move(alternatives);
  }
  return all;
}

// nullopt: an ALLOW rule with a condition that TCP cannot judge, which therefore never matches.
// With any other action the condition is left out and the rule gets wider: a DENY must not be
// evaded by speaking TCP.
template <typename Ops, typename Matcher>
std::optional<Matcher> conjunction_of(const std::vector<Term<Matcher>>& terms, Action action) {
  Matcher out;
  bool judged = true;
  for (const Term<Matcher>& term : terms) {
    const bool positive = add_alternatives<Ops>(term.values, term, false, &out);
    const bool negative = add_alternatives<Ops>(term.not_values, term, true, &out);
    judged = judged && positive && negative;
  }
  if (!judged && action == Action::kAllow) return std::nullopt;
  if (Ops::is_unset(out)) Ops::add_and(&out)->set_any(true);
  return out;
}

}  // namespace

std::optional<rbac::Policy> authorization_rule(const AuthorizationRule& rule, const MeshConfig& mesh,
                                               const std::string& name_space, Action action) {
  const RuleModel model = model_of(rule, mesh, name_space);
  rbac::Policy out;
  for (const auto& terms : model.permissions) {
    auto permission = conjunction_of<PermissionOps>(terms, action);
    if (!permission) return std::nullopt;
    *out.add_permissions() = std::move(*permission);
  }
  for (const auto& terms : model.principals) {
    auto principal = conjunction_of<PrincipalOps>(terms, action);
    if (!principal) return std::nullopt;
    *out.add_principals() = std::move(*principal);
  }
  return out;
}

}  // namespace weft::controlplane
