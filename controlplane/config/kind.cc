#include "controlplane/config/kind.h"

#include <array>

namespace weft::controlplane {
namespace {

struct ReadKind {
  std::string_view group, kind, versions;
  Scope scope;
};

constexpr Scope kCluster = Scope::kCluster;
constexpr Scope kNamespaced = Scope::kNamespaced;
constexpr std::array<ReadKind, kKindCount> kReadKinds = {{
#define WEFT_KIND(name, group, kind, versions, scope) {group, kind, versions, scope},
    WEFT_READ_KINDS(WEFT_KIND)
#undef WEFT_KIND
}};

// Kinds of Istio's that a file may hold and that have no effect yet. Any other kind of these groups is a typing error.
struct KnownGroup {
  std::string_view group, kinds;
};
constexpr KnownGroup kStrictGroups[] = {
    {"networking.istio.io",
     "VirtualService DestinationRule Gateway ServiceEntry WorkloadEntry WorkloadGroup Sidecar EnvoyFilter ProxyConfig"},
    {"security.istio.io", "RequestAuthentication"},
    {"telemetry.istio.io", "Telemetry"},
    {"extensions.istio.io", "WasmPlugin TrafficExtension"},
    {"discovery.k8s.io", ""},
    {"",
     "Binding ComponentStatus Endpoints Event LimitRange PersistentVolume PersistentVolumeClaim PodTemplate "
     "ReplicationController ResourceQuota"},
};

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::string_view head = words.substr(0, words.find(' '));
    if (head == word) return true;
    words.remove_prefix(std::min(words.size(), head.size() + 1));
  }
  return false;
}

}  // namespace

std::string_view to_string(Kind kind) { return kReadKinds[static_cast<std::size_t>(kind)].kind; }
Scope scope_of(Kind kind) { return kReadKinds[static_cast<std::size_t>(kind)].scope; }

KindLookup lookup_kind(std::string_view api_version, std::string_view kind) {
  const std::size_t slash = api_version.find('/');
  const std::string_view group = slash == api_version.npos ? std::string_view() : api_version.substr(0, slash);
  const std::string_view version = slash == api_version.npos ? api_version : api_version.substr(slash + 1);
  using Result = KindLookup::Result;
  for (std::size_t i = 0; i < kReadKinds.size(); ++i) {
    const ReadKind& known = kReadKinds[i];
    if (known.group != group || known.kind != kind) continue;
    return {has_word(known.versions, version) ? Result::kRead : Result::kWrongVersion, static_cast<Kind>(i)};
  }
  for (const KnownGroup& known : kStrictGroups) {
    if (known.group == group) return {has_word(known.kinds, kind) ? Result::kKnown : Result::kUnknown};
  }
  return {group.ends_with(".istio.io") ? Result::kUnknown : Result::kKnown};
}

std::string ObjectKey::to_string() const {
  std::string text(weft::controlplane::to_string(kind));
  text += ' ';
  if (!name_space.empty()) text += name_space + '/';
  return text + name;
}

}  // namespace weft::controlplane
