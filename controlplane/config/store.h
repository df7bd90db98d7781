// The configuration as it is now: every object's last good version, and what is wrong with the rest.
//
// Before the store was ready for the first time it fails closed: a policy, or a file that could hold one, that is bad
// and has no good predecessor keeps it from being ready. Afterwards such input is reported and has no effect, as if a
// webhook had refused it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/config/object.h"
#include "controlplane/config/source.h"

namespace weft::controlplane {

// One immutable version of all objects. Any thread may read it.
class Snapshot {
 public:
  using Objects = std::map<ObjectKey, Object>;

  static const Snapshot& none();  // version 0: no objects, not synced

  std::uint64_t version() const { return version_; }
  // The source's initial load is complete in this version.
  bool synced() const { return synced_; }
  // Why nothing may be served yet: the problems with blocks_ready. Empty and synced(): ready.
  std::vector<Problem> blocking() const;
  bool ready() const { return synced_ && blocking().empty(); }
  const std::vector<Problem>& problems() const { return *problems_; }

  const Objects& of(Kind kind) const { return *objects_[static_cast<std::size_t>(kind)]; }
  const Object* find(const ObjectKey& key) const;
  template <typename T>
  Shared<T> get(Kind kind, const std::string& name_space, const std::string& name) const {
    const Object* object = find({kind, name_space, name});
    return object ? std::get<Shared<T>>(*object) : nullptr;
  }

 private:
  friend class Store;
  Snapshot();
  std::uint64_t version_ = 0;
  bool synced_ = false;
  std::array<std::shared_ptr<const Objects>, kKindCount> objects_;
  std::shared_ptr<const std::vector<Problem>> problems_;
};

struct StoreOptions {
  std::string system_namespace = "istio-system";  // where the mesh's ConfigMap lives
  std::string mesh_config_map = "istio";
  std::function<std::int64_t()> unix_ns;          // stamps objects without creationTimestamp; default: the wall clock
};

// Thread-safe. Sources call the SourceSink side; listeners are called on the source's thread, one change at a time.
class Store : public SourceSink {
 public:
  // The snapshot and the keys that differ from the snapshot before (all of them at the first one after sync). Changed
  // problems alone give an empty set. Nothing is called before the initial load is complete.
  using Listener = std::function<void(const std::shared_ptr<const Snapshot>&, const std::vector<ObjectKey>& changed)>;

  explicit Store(StoreOptions options);
  ~Store() override;

  void add_listener(Listener listener);  // before the source starts
  std::shared_ptr<const Snapshot> snapshot() const;  // never null
  void on_update(std::vector<OriginUpdate> batch) override;
  void on_synced() override;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace weft::controlplane
