// Everything one pod's proxy receives, made from the index in one go. Streams use World (world.h), which makes the same
// resources once for all proxies; this is for tests and for looking at what a pod would get.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "controlplane/registry/index.h"
#include "controlplane/xds/proxy.h"
#include "controlplane/xds/resource.h"

namespace weft::controlplane {

// By type; each list sorted by name. `Resource::body` is the serialized message of that type.
using GeneratedResources = std::map<XdsType, std::vector<ResourcePtr>>;

GeneratedResources generate_resources(const std::shared_ptr<const Index>& index, const Proxy& proxy);
GeneratedResources generate_resources(const std::shared_ptr<const Index>& index, const Workload& workload);

}  // namespace weft::controlplane
