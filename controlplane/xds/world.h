// One version of everything that is the same for all proxies, made from an index and the world before it: only what the
// change touched is made anew. Immutable; streams hold the version they last answered from.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/registry/index.h"
#include "controlplane/xds/inbound.h"
#include "controlplane/xds/outbound.h"
#include "controlplane/xds/proxy.h"
#include "controlplane/xds/resource.h"

namespace weft::controlplane {

// What one step changed: names of shared resources, and what the index says for the proxies' own.
struct WorldChange {
  std::uint64_t version = 0;  // of the world after it
  std::array<std::set<std::string>, kXdsTypeCount> names;
  IndexDelta delta;
};

class World {
 public:
  // `before` nullptr: everything is new.
  static std::shared_ptr<const World> build(const std::shared_ptr<const Index>& index, const IndexDelta& delta,
                                            const std::shared_ptr<const World>& before);

  std::uint64_t version() const { return version_; }
  const std::shared_ptr<const Index>& index() const { return index_; }

  // The steps from `version` (exclusive) to this world, oldest first. False: too long ago, compare everything.
  bool changes_since(std::uint64_t version, std::vector<std::shared_ptr<const WorldChange>>* out) const;

  // The shared resource as this proxy sees it; nullptr: none of that name, or not for this proxy.
  ResourcePtr find(const Proxy& proxy, XdsType type, const std::string& name) const;
  std::vector<std::string> names(const Proxy& proxy, XdsType type) const;

 private:
  struct Entry {
    ResourcePtr resource;
    Shared<Service> service;  // nullptr: not of a Service
    IpAddress bind;           // headless listeners: the pod's address
    bool headless = false;
  };
  using Entries = std::map<std::string, Entry>;
  // Endpoints by node, of Services with internalTrafficPolicy Local.
  using NodeEntries = std::map<std::string, std::map<std::string, ResourcePtr>>;
  struct ServiceNames {
    std::array<std::vector<std::string>, kXdsTypeCount> names;
  };

  friend class WorldBuilder;
  World() = default;
  bool visible(const Proxy& proxy, const Entry& entry) const;

  std::uint64_t version_ = 0;
  std::shared_ptr<const Index> index_;
  std::array<std::shared_ptr<const Entries>, kXdsTypeCount> entries_;
  std::map<std::string, std::shared_ptr<const ServiceResources>> services_;  // by hostname
  std::shared_ptr<const NodeEntries> local_endpoints_;
  std::vector<std::shared_ptr<const WorldChange>> changes_;  // the latest, oldest first
};

// A proxy's view of a world: the shared resources that are for it, and its own.
class ProxyView {
 public:
  ProxyView(std::shared_ptr<const World> world, Proxy proxy);

  const World& world() const { return *world_; }
  const Proxy& proxy() const { return proxy_; }
  ResourcePtr find(XdsType type, const std::string& name) const;
  std::vector<std::string> names(XdsType type) const;  // sorted

  // Goes over to a newer world. Returns the names that may differ, by type: own resources are made anew only if the
  // change can touch them.
  std::array<std::set<std::string>, kXdsTypeCount> advance(std::shared_ptr<const World> world);

 private:
  using Own = std::map<std::string, ResourcePtr>;
  void make_own();
  void add_all_names(std::array<std::set<std::string>, kXdsTypeCount>* out) const;
  void add_own_names(std::array<std::set<std::string>, kXdsTypeCount>* out) const;

  std::shared_ptr<const World> world_;
  Proxy proxy_;
  std::array<Own, kXdsTypeCount> own_;
};

}  // namespace weft::controlplane
