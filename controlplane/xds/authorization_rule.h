// One rule of an AuthorizationPolicy as an RBAC policy, as Istio translates it for TCP. Only this
// room's .cc files include this.
#pragma once

#include <envoy/config/rbac/v3/rbac.pb.h>

#include <optional>
#include <string>

#include "controlplane/config/policy.h"

namespace weft::controlplane {

// nullopt: an ALLOW rule with a condition that TCP cannot judge, which never matches. `name_space`: the policy's.
std::optional<envoy::config::rbac::v3::Policy> authorization_rule(const AuthorizationRule& rule, const MeshConfig& mesh,
                                                                  const std::string& name_space,
                                                                  AuthorizationAction action);

}  // namespace weft::controlplane
