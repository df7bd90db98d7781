// Reads one filter chain and its match. Only mesh/xds_*.cc include this.
#pragma once

#include <memory>
#include <string_view>

#include "envoy/config/listener/v3/listener_components.pb.h"
#include "mesh/filter_chain.h"

namespace weft::mesh {

std::unique_ptr<const FilterChain> read_filter_chain(const envoy::config::listener::v3::FilterChain& message,
                                                     std::string_view path);
FilterChainMatch read_filter_chain_match(const envoy::config::listener::v3::FilterChainMatch& message,
                                         std::string_view path);

}  // namespace weft::mesh
