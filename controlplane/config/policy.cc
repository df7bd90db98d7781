#include "controlplane/config/policy.h"

namespace weft::controlplane {

std::string_view to_string(MtlsMode mode) {
  switch (mode) {
    case MtlsMode::kUnset: return "UNSET";
    case MtlsMode::kDisable: return "DISABLE";
    case MtlsMode::kPermissive: return "PERMISSIVE";
    case MtlsMode::kStrict: return "STRICT";
  }
  return "?";
}

std::string_view to_string(AuthorizationAction action) {
  switch (action) {
    case AuthorizationAction::kAllow: return "ALLOW";
    case AuthorizationAction::kDeny: return "DENY";
    case AuthorizationAction::kAudit: return "AUDIT";
    case AuthorizationAction::kCustom: return "CUSTOM";
  }
  return "?";
}

bool WorkloadSelector::matches(const Labels& labels) const {
  for (const auto& [key, value] : match_labels) {
    auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return false;
  }
  return true;
}

}  // namespace weft::controlplane
