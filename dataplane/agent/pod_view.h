// One attached pod as the agent understands it: CNI's attachment joined with the cluster's Pod object. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/agent/bootstrap.h"
#include "dataplane/agent/cluster.h"
#include "dataplane/agent/pod_state.h"

namespace weft::agent {

struct PodView {
  AttachedPod attached;
  std::optional<PodObject> object;   // of this very pod: same uid, same node
  bool in_mesh = true;               // unknown pods are taken for mesh pods: nothing of theirs passes unjudged
  std::string identity;              // SPIFFE id; empty: unknown or not in the mesh
  std::vector<IpAddress> addresses;  // CNI's, else the object's
  std::vector<std::uint16_t> excluded_inbound_ports, excluded_outbound_ports;
  std::vector<std::string> lacks;     // what stands before certificate and configuration
  std::vector<std::string> problems;  // annotations that cannot be read
};

PodView view_pod(const AttachedPod& attached, const Cluster& cluster, const NodeOptions& node, const MeshOptions& mesh);

}  // namespace weft::agent
