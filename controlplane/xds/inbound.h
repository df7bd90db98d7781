// What one proxy needs of its own: the virtual listeners and the clusters behind the inbound one.
#pragma once

#include <vector>

#include "controlplane/registry/index.h"
#include "controlplane/xds/proxy.h"
#include "controlplane/xds/resource.h"

namespace weft::controlplane {

struct OwnResources {
  std::vector<ResourcePtr> clusters;
  std::vector<ResourcePtr> listeners;
};

OwnResources own_resources(const Index& index, const Proxy& proxy);

// Whether a change can make own_resources() differ.
bool own_resources_depend_on(const IndexDelta& delta, const Index& index, const Proxy& proxy);

}  // namespace weft::controlplane
