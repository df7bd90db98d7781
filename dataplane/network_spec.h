// From what the node serves (mesh/) and the devices it has to what the packet layer looks up (net/).
#pragma once

#include <vector>

#include "dataplane/net/network.h"
#include "mesh/node.h"

namespace weft::dataplane {

// Routes by an interface that is not there yet, and pods without a port, are left out: they come with the next version.
net::NetworkSpec make_network_spec(const mesh::NodeSnapshot& node, std::vector<net::Interface> interfaces,
                                   bool host_bypasses_mesh);

}  // namespace weft::dataplane
