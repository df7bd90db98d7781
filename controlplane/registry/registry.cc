#include "controlplane/registry/registry.h"

#include <algorithm>

namespace weft::controlplane {

Registry::Registry(Store& store, IndexOptions options) : options_(std::move(options)) {
  store.add_listener([this](const std::shared_ptr<const Snapshot>& snapshot, const std::vector<ObjectKey>& changed) {
    on_snapshot(snapshot, !changed.empty());
  });
}

void Registry::add_listener(Listener listener) { listeners_.push_back(std::move(listener)); }

std::shared_ptr<const Index> Registry::index() const {
  std::lock_guard lock(mutex_);
  return index_;
}

void Registry::on_snapshot(const std::shared_ptr<const Snapshot>& snapshot, bool changed) {
  if (!snapshot->ready()) return;
  const std::shared_ptr<const Index> before = index();
  if (before && !changed) return;
  const std::shared_ptr<const Index> after = Index::build(*snapshot, options_);
  IndexDelta delta = IndexDelta::between(before ? *before : *Index::build(Snapshot::none(), options_), *after);
  delta.mesh_config |= !before;
  if (delta.empty()) return;
  {
    std::lock_guard lock(mutex_);
    index_ = after;
  }
  for (const Listener& listener : listeners_) listener(after, delta);
}

}  // namespace weft::controlplane
