// AuthorizationPolicies as network RBAC filters, exactly as Istio translates them for TCP.
#pragma once

#include <envoy/config/listener/v3/listener_components.pb.h>

#include <vector>

#include "controlplane/config/object.h"
#include "controlplane/config/policy.h"

namespace weft::controlplane {

// In the order of judgement: CUSTOM, AUDIT, DENY, ALLOW; a filter only where a policy of that
// action exists. `policies`: those that apply to the workload.
std::vector<envoy::config::listener::v3::Filter> authorization_filters(
    const MeshConfig& mesh, const std::vector<Shared<AuthorizationPolicy>>& policies);

}  // namespace weft::controlplane
