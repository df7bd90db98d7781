// Turns index changes into worlds: the first change goes out at once, a burst behind it merges.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "controlplane/registry/index.h"
#include "controlplane/xds/metrics.h"
#include "controlplane/xds/world.h"

namespace weft::controlplane {

struct PusherOptions {
  Duration quiet = Duration::milliseconds(100);  // a burst has ended when nothing changed for so long
  Duration at_most = Duration::seconds(10);      // a burst that does not end goes out all the same
};

// Adds what `more` changed to `into`.
void merge_delta(const IndexDelta& more, IndexDelta* into);

class Pusher {
 public:
  using Clock = std::chrono::steady_clock;
  using Publish = std::function<void(std::shared_ptr<const World>, Clock::time_point changed)>;

  // `publish` is called on the pusher's own thread.
  Pusher(PusherOptions options, Metrics& metrics, Publish publish);
  ~Pusher();

  // From any thread, in the order of the changes.
  void submit(std::shared_ptr<const Index> index, const IndexDelta& delta);

 private:
  struct Pending {
    std::shared_ptr<const Index> index;
    IndexDelta delta;
    Clock::time_point first, last;
  };
  void run();
  Clock::time_point due() const;  // REQUIRES: pending_

  PusherOptions options_;
  Metrics& metrics_;
  Publish publish_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Pending> pending_;
  Clock::time_point last_push_{};
  std::shared_ptr<const World> world_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weft::controlplane
