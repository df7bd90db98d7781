#include "mesh/filter_chain.h"

#include <algorithm>

#include "mesh/filter_chain_index.h"

namespace weft::mesh {

Listener::Listener() = default;
Listener::~Listener() = default;

const std::string& TcpProxy::pick(std::uint64_t random) const {
  std::uint64_t at = total_weight ? random % total_weight : 0;
  for (const WeightedCluster& cluster : clusters) {
    if (at < cluster.weight) return cluster.name;
    at -= cluster.weight;
  }
  return clusters.front().name;
}

bool PortPredicate::matches(std::uint16_t destination_port) const {
  auto holds = [&](const PortPredicate& child) { return child.matches(destination_port); };
  switch (kind) {
    case Kind::kNever: return false;
    case Kind::kAny: return true;
    case Kind::kOr: return std::ranges::any_of(children, holds);
    case Kind::kAnd: return std::ranges::all_of(children, holds);
    case Kind::kNot: return !children.front().matches(destination_port);
    case Kind::kPortRange: return destination_port >= port_begin && destination_port < port_end;
  }
  return false;
}

Inspection Listener::inspection(const Endpoint& original_destination) const {
  auto wanted = [&](const std::optional<PortPredicate>& disabled) {
    return disabled && !disabled->matches(original_destination.port);
  };
  return {wanted(tls_inspector_disabled), wanted(http_inspector_disabled), inspection_timeout, continue_on_timeout};
}

const FilterChain* Listener::match(const ConnectionFacts& facts) const {
  const FilterChain* chain = index ? index->find(facts) : nullptr;
  return chain ? chain : default_chain.get();
}

}  // namespace weft::mesh
