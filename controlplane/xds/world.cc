#include "controlplane/xds/world.h"

#include <algorithm>

#include "controlplane/xds/name_table.h"

namespace weft::controlplane {
namespace {

constexpr std::size_t kChangesKept = 64;
constexpr std::size_t slot(XdsType type) { return static_cast<std::size_t>(type); }

bool same(const ResourcePtr& a, const ResourcePtr& b) { return a && b ? a->version == b->version : a == b; }

}  // namespace

class WorldBuilder {
 public:
  WorldBuilder(const std::shared_ptr<const Index>& index, const IndexDelta& delta,
               const std::shared_ptr<const World>& before)
      : index_(*index), delta_(delta), before_(before), out_(new World()) {
    if (before) *out_ = *before;
    out_->index_ = index;
    out_->version_ = before ? before->version_ + 1 : 1;
    change_.version = out_->version_;
    change_.delta = delta;
  }

  std::shared_ptr<const World> build() {
    make_services();
    for (const XdsType type : {XdsType::kCluster, XdsType::kEndpoints, XdsType::kListener}) {
      if (dirty_[slot(type)]) replace(type, merged(type));
    }
    if (dirty_[slot(XdsType::kEndpoints)]) make_local_endpoints();
    if (everything() || !delta_.services.empty() || !delta_.endpoints.empty()) {
      World::Entries table;
      table[""] = {name_table(index_), nullptr, {}, false};
      replace(XdsType::kNameTable, std::move(table));
    }
    out_->changes_.push_back(std::make_shared<const WorldChange>(std::move(change_)));
    if (out_->changes_.size() > kChangesKept) out_->changes_.erase(out_->changes_.begin());
    return out_;
  }

 private:
  bool everything() const { return !before_ || delta_.mesh_config; }

  // Services whose resources a change can touch. A policy changes the mTLS of a whole namespace, or of all.
  bool touched(const Service& service) const {
    if (everything() || delta_.services.contains(service.hostname) || delta_.endpoints.contains(service.hostname)) {
      return true;
    }
    return delta_.peer_authentication.contains(index_.mesh().root_namespace) ||
           delta_.peer_authentication.contains(service.name_space);
  }

  void make_services() {
    std::map<std::string, std::shared_ptr<const ServiceResources>> services;
    for (const auto& [hostname, service] : index_.services()) {
      const auto known = out_->services_.find(hostname);
      const bool is_known = known != out_->services_.end();
      if (is_known && !touched(*service)) {
        services[hostname] = known->second;
        continue;
      }
      auto made = std::make_shared<ServiceResources>();
      made->clusters = service_clusters(index_, *service);
      made->endpoints = service_endpoints(index_, *service, nullptr);
      made->listeners = service_listeners(index_, *service);
      note(is_known ? *known->second : ServiceResources{}, *made);
      services[hostname] = std::move(made);
    }
    for (const auto& [hostname, resources] : out_->services_) {
      if (!services.contains(hostname)) note(*resources, {});
    }
    out_->services_ = std::move(services);
    // A Service's definition also says who may see it and where its local endpoints count.
    if (everything() || !delta_.services.empty()) dirty_.fill(true);
  }

  void note(const ServiceResources& before, const ServiceResources& after) {
    const auto differ = [](const auto& a, const auto& b, auto get) {
      return !std::equal(a.begin(), a.end(), b.begin(), b.end(),
                         [&](const auto& x, const auto& y) { return same(get(x), get(y)); });
    };
    const auto plain = [](const ResourcePtr& r) { return r; };
    const auto listener = [](const OutboundListener& l) { return l.resource; };
    if (differ(before.clusters, after.clusters, plain)) dirty_[slot(XdsType::kCluster)] = true;
    if (differ(before.endpoints, after.endpoints, plain)) dirty_[slot(XdsType::kEndpoints)] = true;
    if (differ(before.listeners, after.listeners, listener)) dirty_[slot(XdsType::kListener)] = true;
  }

  // All Services' resources of one type, by name. The oldest Service keeps a name that two claim
  // (headless Services over the same pods).
  World::Entries merged(XdsType type) const {
    std::vector<Shared<Service>> services;
    for (const auto& [hostname, service] : index_.services()) services.push_back(service);
    std::stable_sort(services.begin(), services.end(), [](const auto& a, const auto& b) {
      return a->creation_unix_ns < b->creation_unix_ns;
    });
    World::Entries out;
    const auto add = [&](const ResourcePtr& resource, World::Entry entry) {
      entry.resource = resource;
      out.try_emplace(resource->name, std::move(entry));
    };
    if (type == XdsType::kCluster) {
      add(passthrough_cluster(index_.mesh()), {});
      add(black_hole_cluster(index_.mesh()), {});
    }
    for (const auto& service : services) {
      const ServiceResources& made = *out_->services_.at(service->hostname);
      if (type == XdsType::kCluster) {
        for (const ResourcePtr& each : made.clusters) add(each, {nullptr, service, {}, false});
      } else if (type == XdsType::kEndpoints) {
        for (const ResourcePtr& each : made.endpoints) add(each, {nullptr, service, {}, false});
      } else {
        for (const auto& each : made.listeners) add(each.resource, {nullptr, service, each.bind, each.headless});
      }
    }
    return out;
  }

  void make_local_endpoints() {
    World::NodeEntries out;
    for (const auto& [hostname, service] : index_.services()) {
      if (!service->internal_traffic_local) continue;
      for (const auto& [node, info] : index_.nodes()) {
        for (const ResourcePtr& each : service_endpoints(index_, *service, &node)) {
          out[each->name][node] = each;
          // Coarse: a proxy compares versions, so that one on another node sends nothing.
          change_.names[slot(XdsType::kEndpoints)].insert(each->name);
        }
      }
    }
    out_->local_endpoints_ = std::make_shared<const World::NodeEntries>(std::move(out));
  }

  void replace(XdsType type, World::Entries entries) {
    static const World::Entries kNone;
    const World::Entries& old = out_->entries_[slot(type)] ? *out_->entries_[slot(type)] : kNone;
    std::set<std::string>& names = change_.names[slot(type)];
    for (const auto& [name, entry] : entries) {
      const auto it = old.find(name);
      const bool kept = it != old.end() && same(it->second.resource, entry.resource) &&
                        (!entry.service || it->second.service->export_to == entry.service->export_to);
      if (!kept) names.insert(name);
    }
    for (const auto& [name, entry] : old) {
      if (!entries.contains(name)) names.insert(name);
    }
    out_->entries_[slot(type)] = std::make_shared<const World::Entries>(std::move(entries));
  }

  const Index& index_;
  const IndexDelta& delta_;
  std::shared_ptr<const World> before_;
  std::shared_ptr<World> out_;
  WorldChange change_;
  std::array<bool, kXdsTypeCount> dirty_{};
};

std::shared_ptr<const World> World::build(const std::shared_ptr<const Index>& index, const IndexDelta& delta,
                                          const std::shared_ptr<const World>& before) {
  return WorldBuilder(index, delta, before).build();
}

bool World::changes_since(std::uint64_t version, std::vector<std::shared_ptr<const WorldChange>>* out) const {
  if (version >= version_) return true;
  if (changes_.empty() || changes_.front()->version > version + 1) return false;
  for (const auto& change : changes_) {
    if (change->version > version) out->push_back(change);
  }
  return true;
}

bool World::visible(const Proxy& proxy, const Entry& entry) const {
  if (entry.headless && proxy.is_own(entry.bind)) return false;
  return !entry.service || entry.service->visible_in(proxy.name_space);
}

ResourcePtr World::find(const Proxy& proxy, XdsType type, const std::string& name) const {
  const auto& entries = entries_[slot(type)];
  if (!entries) return nullptr;
  const auto it = entries->find(name);
  if (it == entries->end() || !visible(proxy, it->second)) return nullptr;
  if (type == XdsType::kEndpoints && local_endpoints_) {
    const auto local = local_endpoints_->find(name);
    if (local != local_endpoints_->end()) {
      const auto on_node = local->second.find(proxy.node_name);
      if (on_node != local->second.end()) return on_node->second;
    }
  }
  return it->second.resource;
}

std::vector<std::string> World::names(const Proxy& proxy, XdsType type) const {
  std::vector<std::string> out;
  const auto& entries = entries_[slot(type)];
  if (!entries) return out;
  for (const auto& [name, entry] : *entries) {
    if (visible(proxy, entry)) out.push_back(name);
  }
  return out;
}

ProxyView::ProxyView(std::shared_ptr<const World> world, Proxy proxy)
    : world_(std::move(world)), proxy_(std::move(proxy)) {
  make_own();
}

void ProxyView::make_own() {
  OwnResources made = own_resources(*world_->index(), proxy_);
  own_ = {};
  for (ResourcePtr& each : made.clusters) own_[slot(XdsType::kCluster)][each->name] = std::move(each);
  for (ResourcePtr& each : made.listeners) own_[slot(XdsType::kListener)][each->name] = std::move(each);
}

ResourcePtr ProxyView::find(XdsType type, const std::string& name) const {
  if (type == XdsType::kNameTable && !proxy_.dns_capture) return nullptr;
  const Own& own = own_[slot(type)];
  const auto it = own.find(name);
  return it != own.end() ? it->second : world_->find(proxy_, type, name);
}

std::vector<std::string> ProxyView::names(XdsType type) const {
  if (type == XdsType::kNameTable && !proxy_.dns_capture) return {};
  std::vector<std::string> out = world_->names(proxy_, type);
  for (const auto& [name, resource] : own_[slot(type)]) out.push_back(name);
  std::sort(out.begin(), out.end());
  return out;
}

void ProxyView::add_own_names(std::array<std::set<std::string>, kXdsTypeCount>* out) const {
  for (std::size_t i = 0; i < kXdsTypeCount; ++i) {
    for (const auto& [name, resource] : own_[i]) (*out)[i].insert(name);
  }
}

void ProxyView::add_all_names(std::array<std::set<std::string>, kXdsTypeCount>* out) const {
  for (std::size_t i = 0; i < kXdsTypeCount; ++i) {
    for (std::string& name : names(static_cast<XdsType>(i))) (*out)[i].insert(std::move(name));
  }
}

std::array<std::set<std::string>, kXdsTypeCount> ProxyView::advance(std::shared_ptr<const World> world) {
  std::array<std::set<std::string>, kXdsTypeCount> out;
  std::vector<std::shared_ptr<const WorldChange>> changes;
  const bool known = world->changes_since(world_->version(), &changes);
  if (!known) add_all_names(&out);
  bool own = !known;
  for (const auto& change : changes) {
    for (std::size_t i = 0; i < kXdsTypeCount; ++i) out[i].insert(change->names[i].begin(), change->names[i].end());
    own = own || own_resources_depend_on(change->delta, *world->index(), proxy_);
  }
  world_ = std::move(world);
  if (own) {
    add_own_names(&out);
    make_own();
    add_own_names(&out);
  }
  if (!known) add_all_names(&out);
  return out;
}

}  // namespace weft::controlplane
