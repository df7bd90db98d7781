// Network RBAC as Envoy judges it: filters in a row, each a set of named policies with one action. Pure tables; judging
// allocates only to explain.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "mesh/string_matcher.h"

namespace weft::mesh {

// What is known of a connection and of who opened it. Views are read during the call only.
struct PeerFacts {
  bool tls = false;  // terminated by us (or passed as a value between two local pods)
  std::span<const std::string_view> uri_sans;  // of the verified client certificate; empty: none was presented
  std::span<const std::string_view> dns_sans;
  std::string_view subject;
  Endpoint source;       // who connected
  Endpoint destination;  // the original destination
  std::string_view server_name;
};

// A permission or a principal: one algebra (Envoy keeps two messages with the same connectives).
struct RbacCondition {
  enum class Kind : std::uint8_t {
    kAny,                // everything
    kAnd, kOr, kNot,     // of `children` (kNot: the first)
    kDestinationIp,      // prefix
    kDestinationPort,    // [port_begin, port_end)
    kServerName,         // text
    kAuthenticated,      // a certificate, and if has_text, a SAN (URI, else DNS, else the subject) that matches
    kSourceIp,           // source_ip, direct_remote_ip and remote_ip: one address, there is no proxy protocol here
  };
  Kind kind = Kind::kAny;
  bool has_text = false;
  std::uint32_t port_begin = 0, port_end = 0;
  IpPrefix prefix;
  StringMatcher text;
  std::vector<RbacCondition> children;

  bool matches(const PeerFacts& facts) const;
};

struct RbacPolicy {
  std::string name;  // "ns[samples]-policy[echo-deny]-rule[1]"
  std::vector<RbacCondition> permissions;  // one must match
  std::vector<RbacCondition> principals;   // and one of these
  bool matches(const PeerFacts& facts) const;
};

enum class RbacAction : std::uint8_t { kAllow, kDeny, kLog };

// One set of rules. Invariant: policies are sorted by name; the first that matches decides and is named.
struct RbacRules {
  RbacAction action = RbacAction::kAllow;
  std::vector<RbacPolicy> policies;
  const RbacPolicy* find_match(const PeerFacts& facts) const;
};

// One envoy.filters.network.rbac. Absent rules judge nothing.
struct NetworkRbac {
  std::shared_ptr<const RbacRules> rules;
  std::shared_ptr<const RbacRules> shadow_rules;  // judged, told, never enforced
  std::string shadow_prefix;
};

struct RbacVerdict {
  bool allowed = true;
  RbacAction action = RbacAction::kAllow;  // of the rules that decided, when a policy or its absence did
  // The DENY policy that refused, or the last ALLOW policy that matched; empty: none had to.
  // Views into the rules: they live as long as the PodConfig that was asked.
  std::string_view policy;
  // After a refusal for want of an ALLOW: the ALLOW policies that applied and did not match.
  std::vector<std::string_view> unmatched_allow;
  // "istio_dry_run_deny_ ns[x]-policy[y]-rule[0]": what the shadow rules would have refused.
  std::vector<std::string> shadow_denied;
  std::vector<std::string_view> logged;  // LOG policies that matched
};

// All filters must let it pass, in order; the first that does not is the verdict.
RbacVerdict judge(std::span<const NetworkRbac> filters, const PeerFacts& facts);

}  // namespace weft::mesh
