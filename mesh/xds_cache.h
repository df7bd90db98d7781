// Resources interned by their serialized bytes. Only mesh/xds_*.cc include this; XdsCache is in
// mesh/xds_pod_config_builder.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "mesh/xds_pod_config_builder.h"
#include "mesh/xds_read_cluster.h"
#include "mesh/xds_read_listener.h"

namespace weft::mesh {

// Weak entries. Objects may die on any thread, so that dead entries are swept by the owner, when they may be half.
template <typename Key, typename T, typename Map>
class WeakTable {
 public:
  // The live object under `key`, or what `make` makes; null from `make` is not kept.
  template <typename Make>
  std::shared_ptr<const T> get(const Key& key, Make make) {
    std::weak_ptr<const T>& entry = entries_[key];
    std::shared_ptr<const T> object = entry.lock();
    if (object) return object;
    try {
      object = make();
    } catch (...) {
      entries_.erase(key);
      throw;
    }
    entry = object;
    sweep();
    return object;
  }
  std::size_t live() const {
    std::size_t count = 0;
    for (const auto& [key, entry] : entries_) count += !entry.expired();
    return count;
  }

 private:
  void sweep() {
    if (entries_.size() < sweep_at_) return;
    std::erase_if(entries_, [](const auto& item) { return item.second.expired(); });
    sweep_at_ = 2 * entries_.size() + 64;
  }
  Map entries_;
  std::size_t sweep_at_ = 64;
};

template <typename T>
using ContentTable = WeakTable<std::string, T, std::unordered_map<std::string, std::weak_ptr<const T>>>;

struct XdsCache::Tables {
  // Throw Nack.
  std::shared_ptr<const Listener> listener(std::string_view serialized);
  std::shared_ptr<const ClusterDefinition> cluster(std::string_view serialized);
  std::shared_ptr<const EndpointSet> endpoints(std::string_view serialized, std::string_view name);
  // The same object for the same two.
  std::shared_ptr<const Cluster> combine(const std::shared_ptr<const ClusterDefinition>& definition,
                                         const EndpointSet& endpoints);
  // Null where it has no address to hold. Never throws.
  static std::shared_ptr<const Listener> rejected_listener(std::string_view name, std::string_view serialized,
                                                           const std::string& reason);

  ContentTable<Listener> listeners;
  ContentTable<ClusterDefinition> definitions;
  ContentTable<EndpointSet> endpoint_sets;
  using Pair = std::pair<std::uint64_t, std::uint64_t>;
  WeakTable<Pair, Cluster, std::map<Pair, std::weak_ptr<const Cluster>>> clusters;
  std::uint64_t next_id = 1;  // 0: a set that was not interned (a cluster's own, or none)
};

}  // namespace weft::mesh
