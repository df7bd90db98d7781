// The name table that answers DNS in the pod's place (NDS): every Service and its addresses.
#pragma once

#include "controlplane/registry/index.h"
#include "controlplane/xds/resource.h"

namespace weft::controlplane {

// One resource with an empty name, as istiod names it.
ResourcePtr name_table(const Index& index);

}  // namespace weft::controlplane
