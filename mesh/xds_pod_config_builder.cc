#include "mesh/xds_pod_config_builder.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "mesh/xds_cache.h"
#include "mesh/xds_read.h"

namespace weft::mesh {

namespace {

constexpr std::string_view kTypeUrls[] = {
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
};
constexpr std::string_view kWords[] = {"listener", "cluster", "endpoints"};

std::string_view word(XdsType type) { return kWords[static_cast<std::size_t>(type)]; }

}  // namespace

std::string_view type_url(XdsType type) { return kTypeUrls[static_cast<std::size_t>(type)]; }

std::optional<XdsType> xds_type_of(std::string_view type_url) {
  for (XdsType type : {XdsType::kListener, XdsType::kCluster, XdsType::kEndpoints})
    if (mesh::type_url(type) == type_url) return type;
  return std::nullopt;
}

class XdsPodConfigBuilder::State {
 public:
  explicit State(std::shared_ptr<XdsCache> cache) : cache_(std::move(cache)) {}

  void upsert(XdsType type, std::string_view name, std::string_view serialized);  // throws Nack
  void note_rejected(XdsType type, std::string_view name, std::string_view serialized, const std::string& reason);
  void remove(XdsType type, std::string_view name);
  void mark_received(XdsType type) { received_.insert(type); }
  std::vector<std::string> wanted_endpoints() const;
  std::vector<std::string> lacks() const;
  bool ready() const;
  std::shared_ptr<const PodConfig> build();

 private:
  using Definition = std::shared_ptr<const ClusterDefinition>;
  struct ClusterEntry {
    Definition definition;                  // the last accepted
    std::shared_ptr<const Cluster> serving;  // of it, or of its predecessor while it waits for endpoints
    bool removed = false;                   // by the control plane; kept for those that still refer to it
  };
  using Listeners = std::map<std::string, std::shared_ptr<const Listener>, std::less<>>;

  void upsert_listener(std::string_view name, std::string_view serialized);
  const EndpointSet* endpoints_of(const ClusterDefinition& definition) const;
  bool has_virtual(Direction direction) const;
  void warm_clusters();
  void drop_unreferenced();
  void forget_unwanted_endpoints();

  std::shared_ptr<XdsCache> cache_;
  Listeners listeners_;   // good ones
  Listeners rejected_;    // NACKed ones without an earlier version, holding their addresses
  std::map<std::string, ClusterEntry, std::less<>> clusters_;
  std::map<std::string, std::shared_ptr<const EndpointSet>, std::less<>> endpoints_;
  std::set<XdsType> received_;
  bool was_warm_ = false;  // all clusters had their endpoints once
  bool changed_ = true;
  std::uint64_t version_ = 0;
  std::shared_ptr<const PodConfig> built_;
};

void XdsPodConfigBuilder::State::upsert_listener(std::string_view name, std::string_view serialized) {
  auto listener = cache_->tables().listener(serialized);
  if (listener->name != name) nack("name", "'" + listener->name + "' is not the resource's name");
  for (const auto& [other_name, other] : listeners_) {
    if (other_name == name) continue;
    for (const Endpoint& address : listener->addresses)
      if (std::ranges::find(other->addresses, address) != other->addresses.end())
        nack("address", address.to_string() + " is already that of listener '" + other_name + "'");
  }
  listeners_.insert_or_assign(std::string(name), std::move(listener));
  if (auto found = rejected_.find(name); found != rejected_.end()) rejected_.erase(found);
}

void XdsPodConfigBuilder::State::upsert(XdsType type, std::string_view name, std::string_view serialized) {
  switch (type) {
    case XdsType::kListener: upsert_listener(name, serialized); break;
    case XdsType::kCluster: {
      auto definition = cache_->tables().cluster(serialized);
      if (definition->cluster.name != name)
        nack("name", "'" + definition->cluster.name + "' is not the resource's name");
      ClusterEntry& entry = clusters_[std::string(name)];
      entry.definition = std::move(definition);
      entry.removed = false;
      break;
    }
    case XdsType::kEndpoints:
      endpoints_.insert_or_assign(std::string(name), cache_->tables().endpoints(serialized, name));
      break;
  }
  changed_ = true;
}

void XdsPodConfigBuilder::State::note_rejected(XdsType type, std::string_view name, std::string_view serialized,
                                               const std::string& reason) {
  if (type != XdsType::kListener || listeners_.contains(name)) return;
  if (auto listener = XdsCache::Tables::rejected_listener(name, serialized, reason)) {
    rejected_.insert_or_assign(std::string(name), std::move(listener));
    changed_ = true;
  }
}

void XdsPodConfigBuilder::State::remove(XdsType type, std::string_view name) {
  auto erase = [&](auto& map) {
    if (auto found = map.find(name); found != map.end()) map.erase(found);
  };
  if (type == XdsType::kListener) {
    erase(listeners_);
    erase(rejected_);
  } else if (type == XdsType::kCluster) {
    if (auto found = clusters_.find(name); found != clusters_.end()) found->second.removed = true;
  } else if (!endpoints_.contains(name)) {
    // Envoy: an answer that there are none ends the wait. Endpoints that are there stay for their clusters.
    endpoints_.emplace(std::string(name), std::make_shared<EndpointSet>());
  }
  changed_ = true;
}

std::vector<std::string> XdsPodConfigBuilder::State::wanted_endpoints() const {
  std::set<std::string> names;
  for (const auto& [name, entry] : clusters_)
    if (!entry.removed && entry.definition->eds_name) names.insert(*entry.definition->eds_name);
  return {names.begin(), names.end()};
}

const EndpointSet* XdsPodConfigBuilder::State::endpoints_of(const ClusterDefinition& definition) const {
  if (!definition.eds_name) return &definition.own_endpoints;
  auto found = endpoints_.find(*definition.eds_name);
  return found == endpoints_.end() ? nullptr : found->second.get();
}

bool XdsPodConfigBuilder::State::has_virtual(Direction direction) const {
  return std::ranges::any_of(listeners_, [&](const auto& entry) {
    const Listener& listener = *entry.second;
    return listener.restores_original_dst && !listener.internal && listener.direction == direction;
  });
}

std::vector<std::string> XdsPodConfigBuilder::State::lacks() const {
  std::vector<std::string> lacking;
  if (!received_.contains(XdsType::kCluster)) lacking.push_back("clusters");
  for (const auto& [name, entry] : clusters_)
    if (!entry.removed && !endpoints_of(*entry.definition)) lacking.push_back("endpoints of " + name);
  if (!received_.contains(XdsType::kListener)) {
    lacking.push_back("listeners");
    return lacking;
  }
  if (!has_virtual(Direction::kOutbound)) lacking.push_back("a listener for outbound connections");
  if (!has_virtual(Direction::kInbound)) lacking.push_back("a listener for inbound connections");
  return lacking;
}

bool XdsPodConfigBuilder::State::ready() const {
  if (was_warm_) return has_virtual(Direction::kOutbound) && has_virtual(Direction::kInbound);
  return lacks().empty();
}

void XdsPodConfigBuilder::State::warm_clusters() {
  for (auto& [name, entry] : clusters_) {
    if (entry.removed) continue;
    const EndpointSet* endpoints = endpoints_of(*entry.definition);
    if (endpoints) entry.serving = cache_->tables().combine(entry.definition, *endpoints);
  }
}

// A cluster that was removed stays as long as a listener of this version leads to it.
void XdsPodConfigBuilder::State::drop_unreferenced() {
  std::set<std::string, std::less<>> referenced;
  bool any_removed = std::ranges::any_of(clusters_, [](const auto& entry) { return entry.second.removed; });
  if (!any_removed) return;
  for (const auto& [name, listener] : listeners_)
    for (std::string& cluster : clusters_of(*listener)) referenced.insert(std::move(cluster));
  std::erase_if(clusters_, [&](const auto& entry) {
    return entry.second.removed && !referenced.contains(entry.first);
  });
}

void XdsPodConfigBuilder::State::forget_unwanted_endpoints() {
  std::vector<std::string> wanted = wanted_endpoints();
  std::erase_if(endpoints_, [&](const auto& entry) { return !std::ranges::binary_search(wanted, entry.first); });
}

std::shared_ptr<const PodConfig> XdsPodConfigBuilder::State::build() {
  was_warm_ = was_warm_ || lacks().empty();
  if (!changed_) return built_;
  warm_clusters();
  drop_unreferenced();
  forget_unwanted_endpoints();
  PodConfig::Clusters clusters;
  for (const auto& [name, entry] : clusters_)
    if (entry.serving) clusters.emplace(name, entry.serving);
  PodConfig::Listeners listeners;
  for (const Listeners* from : {&listeners_, &rejected_})
    for (const auto& [name, listener] : *from) listeners.push_back(listener);
  built_ = std::make_shared<PodConfig>(++version_, std::move(listeners), std::move(clusters));
  changed_ = false;
  return built_;
}

XdsPodConfigBuilder::XdsPodConfigBuilder(std::shared_ptr<XdsCache> cache)
    : state_(std::make_unique<State>(std::move(cache))) {}
XdsPodConfigBuilder::~XdsPodConfigBuilder() = default;
XdsPodConfigBuilder::XdsPodConfigBuilder(XdsPodConfigBuilder&&) noexcept = default;
XdsPodConfigBuilder& XdsPodConfigBuilder::operator=(XdsPodConfigBuilder&&) noexcept = default;

std::optional<std::string> XdsPodConfigBuilder::upsert(XdsType type, std::string_view name,
                                                       std::string_view serialized) {
  try {
    state_->upsert(type, name, serialized);
    return std::nullopt;
  } catch (const Nack& nack) {
    std::string reason = std::string(word(type)) + " '" + std::string(name) + "': ";
    reason += nack.path.empty() ? nack.reason : nack.path + " " + nack.reason;
    state_->note_rejected(type, name, serialized, reason);
    return reason;
  }
}

void XdsPodConfigBuilder::remove(XdsType type, std::string_view name) { state_->remove(type, name); }
void XdsPodConfigBuilder::mark_received(XdsType type) { state_->mark_received(type); }
std::vector<std::string> XdsPodConfigBuilder::wanted_endpoints() const { return state_->wanted_endpoints(); }
std::vector<std::string> XdsPodConfigBuilder::lacks() const { return state_->lacks(); }
bool XdsPodConfigBuilder::ready() const { return state_->ready(); }
std::shared_ptr<const PodConfig> XdsPodConfigBuilder::build() { return state_->build(); }

}  // namespace weft::mesh
