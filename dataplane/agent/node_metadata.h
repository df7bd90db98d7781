// What a pod's xDS stream says about the pod: the Node message that Istio's own agent would send for it.
#pragma once

#include <string>

#include "dataplane/agent/pod_view.h"

namespace weft::agent {

// `sidecar~<ip>~<pod>.<namespace>~<namespace>.svc.<domain>`. REQUIRES: view.object and an address.
std::string xds_node_id(const PodView& view, const MeshOptions& mesh);

// A serialized envoy.config.core.v3.Node; equal for equal input. `node` may be null (no locality then).
std::string xds_node(const PodView& view, const Bootstrap& config, const NodeObject* node);

}  // namespace weft::agent
