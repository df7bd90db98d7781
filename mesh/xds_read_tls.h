// Reads transport sockets. Only mesh/xds_*.cc include this.
#pragma once

#include <optional>
#include <string_view>

#include "envoy/config/core/v3/base.pb.h"
#include "mesh/cluster.h"
#include "mesh/tls_settings.h"

namespace weft::mesh {

// nullopt: plaintext.
std::optional<DownstreamTls> read_downstream_socket(const envoy::config::core::v3::TransportSocket& socket,
                                                    std::string_view path);
TransportSocket read_upstream_socket(const envoy::config::core::v3::TransportSocket& socket, std::string_view path);

}  // namespace weft::mesh
