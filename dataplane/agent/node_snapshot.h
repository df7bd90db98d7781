// The snapshot that workers get: attached pods, routes and Services of this node. Pure.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dataplane/agent/pod_view.h"

namespace weft::agent {

// A pod with what certificate and xDS add to its view.
struct ServedPod {
  PodView view;
  std::vector<std::string> lacks;                 // everything; empty: ready
  std::shared_ptr<const mesh::PodConfig> config;  // null: never had one
};

mesh::NodeSnapshot make_node_snapshot(std::uint64_t version, const Bootstrap& config, const Cluster& cluster,
                                      const std::vector<ServedPod>& pods);

}  // namespace weft::agent
