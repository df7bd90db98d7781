// Reads envoy.filters.network.rbac. Only mesh/xds_*.cc include this.
#pragma once

#include <string_view>

#include "envoy/extensions/filters/network/rbac/v3/rbac.pb.h"
#include "mesh/authorization.h"

namespace weft::mesh {

// REQUIRES: require_supported(filter).
NetworkRbac read_network_rbac(const envoy::extensions::filters::network::rbac::v3::RBAC& filter,
                              std::string_view path);

}  // namespace weft::mesh
