// Which host of a cluster a connection goes to: priority, then locality, then the cluster's policy, as Envoy does.
#pragma once

#include "base/random.h"
#include "dataplane/proxy/cluster_state.h"
#include "mesh/cluster.h"

namespace weft::proxy {

// nullptr: no host can be used. The pointer lives as long as the cluster.
const mesh::UpstreamHost* choose_host(const mesh::Cluster& cluster, ClusterState& state, Random& random, bool v6);

}  // namespace weft::proxy
