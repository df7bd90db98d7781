// Reads envoy.config.listener.v3.Listener. Only mesh/xds_*.cc include this.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "envoy/config/listener/v3/listener.pb.h"
#include "mesh/filter_chain.h"

namespace weft::mesh {

// Throws Nack.
std::shared_ptr<const Listener> read_listener(const envoy::config::listener::v3::Listener& message);

// What stands in for a listener that was NACKed and has no earlier version; null where it has no address to hold.
std::shared_ptr<const Listener> rejected_listener(const envoy::config::listener::v3::Listener& message,
                                                  std::string reason);

// Names of the clusters that its chains lead to, with repetitions.
std::vector<std::string> clusters_of(const Listener& listener);

}  // namespace weft::mesh
