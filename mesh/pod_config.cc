#include "mesh/pod_config.h"

#include <algorithm>

namespace weft::mesh {

namespace {

// The names istiod gives the two listeners that all connections reach first. Where a mesh has several candidates (it
// has not), the well-known name wins, else the first by name.
bool is_better(const Listener* current, const Listener& candidate, std::string_view well_known) {
  return !current || (candidate.name == well_known && current->name != well_known);
}

}  // namespace

PodConfig::PodConfig(std::uint64_t version, Listeners listeners, Clusters clusters)
    : version_(version), listeners_(std::move(listeners)), clusters_(std::move(clusters)) {
  std::ranges::sort(listeners_, {}, [](const auto& listener) -> const std::string& { return listener->name; });
  for (const auto& listener : listeners_) {
    for (const Endpoint& address : listener->addresses) {
      const Listener*& bound = bound_[address];
      if (!bound || !bound->rejected.empty()) bound = listener.get();
    }
    if (!listener->restores_original_dst || listener->internal || !listener->direction) continue;
    bool outbound = *listener->direction == Direction::kOutbound;
    const Listener*& chosen = outbound ? virtual_outbound_ : virtual_inbound_;
    if (is_better(chosen, *listener, outbound ? "virtualOutbound" : "virtualInbound")) chosen = listener.get();
  }
}

const Listener* PodConfig::find_bound(const Endpoint& address) const {
  auto found = bound_.find(address);
  return found == bound_.end() ? nullptr : found->second;
}

const Listener* PodConfig::find_listener(Direction direction, const Endpoint& original_destination) const {
  const Listener* entry = direction == Direction::kOutbound ? virtual_outbound_ : virtual_inbound_;
  if (!entry || !entry->use_original_dst) return entry;
  if (const Listener* exact = find_bound(original_destination)) return exact;
  static constexpr std::uint8_t kZeros[16] = {};
  IpAddress wildcard = original_destination.address.is_v6() ? IpAddress::v6(kZeros) : IpAddress::v4(kZeros);
  const Listener* bound = find_bound({wildcard, original_destination.port});
  return bound ? bound : entry;
}

const Cluster* PodConfig::find_cluster(std::string_view name) const {
  auto found = clusters_.find(absl::string_view(name.data(), name.size()));
  return found == clusters_.end() ? nullptr : found->second.get();
}

}  // namespace weft::mesh
