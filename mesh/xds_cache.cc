#include "mesh/xds_cache.h"

#include "mesh/xds_read.h"

namespace weft::mesh {

namespace {

template <typename T>
T parse(std::string_view serialized) {
  T message;
  if (serialized.size() > INT32_MAX || !message.ParseFromArray(serialized.data(), static_cast<int>(serialized.size())))
    nack("", "is not a valid " + message.GetTypeName());
  return message;
}

}  // namespace

XdsCache::XdsCache() : tables_(std::make_unique<Tables>()) {}
XdsCache::~XdsCache() = default;
std::size_t XdsCache::live_clusters() const { return tables_->clusters.live(); }
std::size_t XdsCache::live_listeners() const { return tables_->listeners.live(); }

std::shared_ptr<const Listener> XdsCache::Tables::listener(std::string_view serialized) {
  return listeners.get(std::string(serialized), [&] {
    return read_listener(parse<envoy::config::listener::v3::Listener>(serialized));
  });
}

std::shared_ptr<const ClusterDefinition> XdsCache::Tables::cluster(std::string_view serialized) {
  return definitions.get(std::string(serialized), [&] {
    auto definition = read_cluster(parse<envoy::config::cluster::v3::Cluster>(serialized));
    definition->id = next_id++;
    return definition;
  });
}

std::shared_ptr<const EndpointSet> XdsCache::Tables::endpoints(std::string_view serialized, std::string_view name) {
  using envoy::config::endpoint::v3::ClusterLoadAssignment;
  std::string key = std::string(name) + '\0' + std::string(serialized);
  return endpoint_sets.get(key, [&] {
    auto message = parse<ClusterLoadAssignment>(serialized);
    require_supported(message, "");
    if (message.cluster_name() != name)
      nack("cluster_name", "'" + message.cluster_name() + "' is not the resource's name");
    bool needs_dns = false;
    auto set = std::make_shared<EndpointSet>(read_endpoints(message, "", false, &needs_dns));
    set->id = next_id++;
    return set;
  });
}

std::shared_ptr<const Cluster> XdsCache::Tables::combine(const std::shared_ptr<const ClusterDefinition>& definition,
                                                         const EndpointSet& endpoints) {
  return clusters.get({definition->id, endpoints.id}, [&] { return make_cluster(*definition, endpoints); });
}

std::shared_ptr<const Listener> XdsCache::Tables::rejected_listener(std::string_view name, std::string_view serialized,
                                                                    const std::string& reason) {
  envoy::config::listener::v3::Listener message;
  if (serialized.size() > INT32_MAX || !message.ParseFromArray(serialized.data(), static_cast<int>(serialized.size())))
    return nullptr;
  message.set_name(std::string(name));
  return mesh::rejected_listener(message, reason);
}

}  // namespace weft::mesh
