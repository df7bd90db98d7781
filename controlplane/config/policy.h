// Istio's security policies and mesh settings as plain values, checked. Field semantics: Istio's reference.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "controlplane/config/kubernetes.h"

namespace weft::controlplane {

enum class MtlsMode : std::uint8_t { kUnset, kDisable, kPermissive, kStrict };
std::string_view to_string(MtlsMode mode);  // "STRICT"

struct WorkloadSelector {
  Labels match_labels;
  // Every label is present with that value. An empty selector matches everything.
  bool matches(const Labels& labels) const;
  bool empty() const { return match_labels.empty(); }
  bool operator==(const WorkloadSelector&) const = default;
};

struct PeerAuthentication {
  ObjectMeta meta;
  WorkloadSelector selector;
  MtlsMode mtls = MtlsMode::kUnset;
  std::map<std::uint16_t, MtlsMode> port_level_mtls;  // by the workload's port, not the Service's
  bool operator==(const PeerAuthentication&) const = default;
};

struct TargetReference {
  std::string group;
  std::string kind;
  std::string name;
  bool operator==(const TargetReference&) const = default;
};

// String values may be exact, `prefix*`, `*suffix` or `*` (present).
struct AuthorizationSource {
  std::vector<std::string> principals, not_principals;
  std::vector<std::string> request_principals, not_request_principals;
  std::vector<std::string> namespaces, not_namespaces;
  std::vector<std::string> service_accounts, not_service_accounts;  // "ns/sa", or "sa" in the policy's own namespace
  std::vector<std::string> trust_domains, not_trust_domains;
  std::vector<IpPrefix> ip_blocks, not_ip_blocks;
  std::vector<IpPrefix> remote_ip_blocks, not_remote_ip_blocks;
  bool operator==(const AuthorizationSource&) const = default;
};

struct AuthorizationOperation {
  std::vector<std::string> hosts, not_hosts;
  std::vector<std::uint16_t> ports, not_ports;
  std::vector<std::string> methods, not_methods;
  std::vector<std::string> paths, not_paths;
  bool operator==(const AuthorizationOperation&) const = default;
};

struct AuthorizationCondition {
  std::string key;  // "source.ip", "destination.port", "request.headers[x]", ...
  std::vector<std::string> values, not_values;
  bool operator==(const AuthorizationCondition&) const = default;
};

// Matches if some `from` (or none is listed), some `to` (or none) and every `when` match.
struct AuthorizationRule {
  std::vector<AuthorizationSource> from;
  std::vector<AuthorizationOperation> to;
  std::vector<AuthorizationCondition> when;
  bool operator==(const AuthorizationRule&) const = default;
};

enum class AuthorizationAction : std::uint8_t { kAllow, kDeny, kAudit, kCustom };
std::string_view to_string(AuthorizationAction action);  // "ALLOW"

struct AuthorizationPolicy {
  ObjectMeta meta;
  WorkloadSelector selector;
  std::vector<TargetReference> target_refs;  // not empty: not for sidecars
  AuthorizationAction action = AuthorizationAction::kAllow;
  // CUSTOM only: the extension provider's name. The mesh has no usable provider in this version, so CUSTOM denies.
  std::string provider;
  std::vector<AuthorizationRule> rules;      // empty: never matches (ALLOW: nothing is allowed)
  bool dry_run = false;                      // annotation istio.io/dry-run: "true"
  bool operator==(const AuthorizationPolicy&) const = default;
};

// MeshConfig: the fields that we read, with istiod's defaults.
struct MeshConfig {
  std::string trust_domain = "cluster.local";
  std::vector<std::string> trust_domain_aliases;
  std::string root_namespace = "istio-system";
  Duration connect_timeout = Duration::seconds(10);
  Duration protocol_detection_timeout;       // zero: wait without limit
  bool enable_auto_mtls = true;
  enum class Outbound : std::uint8_t { kRegistryOnly, kAllowAny } outbound = Outbound::kAllowAny;
  enum class Inbound : std::uint8_t { kPassthrough, kLocalhost } inbound = Inbound::kPassthrough;
  std::uint16_t proxy_listen_port = 15001;
  std::uint16_t proxy_inbound_listen_port = 15006;
  std::vector<std::string> default_service_export_to = {"*"};
  bool operator==(const MeshConfig&) const = default;
};

}  // namespace weft::controlplane
