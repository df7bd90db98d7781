// Keeps the index of the newest configuration version and tells who listens what changed.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "controlplane/config/store.h"
#include "controlplane/registry/index.h"

namespace weft::controlplane {

class Registry {
 public:
  // `delta` is relative to the index of the call before; at the first call (the initial load is complete and nothing
  // blocks readiness) everything is new. Called on the store's source thread, one at a time.
  using Listener = std::function<void(const std::shared_ptr<const Index>& index, const IndexDelta& delta)>;

  Registry(Store& store,
           IndexOptions options);  // REQUIRES: the store's source has not started; the store outlives this

  void add_listener(Listener listener);          // before the source starts
  std::shared_ptr<const Index> index() const;    // nullptr until ready: nothing may be pushed
  bool ready() const { return index() != nullptr; }

 private:
  void on_snapshot(const std::shared_ptr<const Snapshot>& snapshot, bool changed);

  IndexOptions options_;
  std::vector<Listener> listeners_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Index> index_;
};

}  // namespace weft::controlplane
