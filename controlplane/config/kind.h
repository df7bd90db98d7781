// The kinds of object that a source may bring: which we read, and which we know but do not read yet.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::controlplane {

// X(enumerator, group, kind, served versions, scope)
#define WEFT_READ_KINDS(X)                                                            \
  X(kNamespace, "", "Namespace", "v1", kCluster)                                      \
  X(kNode, "", "Node", "v1", kCluster)                                                \
  X(kPod, "", "Pod", "v1", kNamespaced)                                               \
  X(kService, "", "Service", "v1", kNamespaced)                                       \
  X(kServiceAccount, "", "ServiceAccount", "v1", kNamespaced)                         \
  X(kSecret, "", "Secret", "v1", kNamespaced)                                         \
  X(kConfigMap, "", "ConfigMap", "v1", kNamespaced)                                   \
  X(kEndpointSlice, "discovery.k8s.io", "EndpointSlice", "v1", kNamespaced)           \
  X(kPeerAuthentication, "security.istio.io", "PeerAuthentication", "v1 v1beta1", kNamespaced) \
  X(kAuthorizationPolicy, "security.istio.io", "AuthorizationPolicy", "v1 v1beta1", kNamespaced)

enum class Kind : std::uint8_t {
#define WEFT_KIND(name, ...) name,
  WEFT_READ_KINDS(WEFT_KIND)
#undef WEFT_KIND
};
inline constexpr std::size_t kKindCount = 10;

enum class Scope : std::uint8_t { kCluster, kNamespaced };

std::string_view to_string(Kind kind);  // "AuthorizationPolicy"
Scope scope_of(Kind kind);

// What an (apiVersion, kind) pair means to us.
struct KindLookup {
  enum class Result : std::uint8_t {
    kRead,            // `kind` says which
    kKnown,           // one of Istio, Kubernetes or a third party without effect yet: a warning by name
    kWrongVersion,    // a kind that we read, in a version that was never served
    kUnknown,         // a group of ours has no such kind: a typing error
  };
  Result result = Result::kUnknown;
  Kind kind = Kind::kNamespace;
};
KindLookup lookup_kind(std::string_view api_version, std::string_view kind);

// One object of the cluster. `name_space` is empty for cluster-scoped kinds.
struct ObjectKey {
  Kind kind = Kind::kNamespace;
  std::string name_space;
  std::string name;

  std::string to_string() const;  // "AuthorizationPolicy data/mysql-clients"
  auto operator<=>(const ObjectKey&) const = default;
};

}  // namespace weft::controlplane
