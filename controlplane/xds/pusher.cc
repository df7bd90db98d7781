#include "controlplane/xds/pusher.h"

#include <algorithm>

namespace weft::controlplane {
namespace {

std::chrono::nanoseconds to_chrono(Duration duration) { return std::chrono::nanoseconds(duration.ns()); }

template <typename T>
void add_all(const std::set<T>& more, std::set<T>* into) {
  into->insert(more.begin(), more.end());
}

}  // namespace

void merge_delta(const IndexDelta& more, IndexDelta* into) {
  into->mesh_config = into->mesh_config || more.mesh_config;
  add_all(more.services, &into->services);
  add_all(more.endpoints, &into->endpoints);
  add_all(more.workloads, &into->workloads);
  add_all(more.nodes, &into->nodes);
  add_all(more.namespaces, &into->namespaces);
  add_all(more.peer_authentication, &into->peer_authentication);
  add_all(more.authorization, &into->authorization);
}

Pusher::Pusher(PusherOptions options, Metrics& metrics, Publish publish)
    : options_(options), metrics_(metrics), publish_(std::move(publish)), thread_([this] { run(); }) {}

Pusher::~Pusher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Pusher::submit(std::shared_ptr<const Index> index, const IndexDelta& delta) {
  {
    const std::lock_guard lock(mutex_);
    const Clock::time_point now = Clock::now();
    if (!pending_) pending_.emplace(Pending{nullptr, {}, now, now});
    pending_->index = std::move(index);
    pending_->last = now;
    merge_delta(delta, &pending_->delta);
  }
  metrics_.add(Metric::kInboundUpdates);
  changed_.notify_all();
}

// A change after a quiet time goes out at once. One soon after a push waits for the burst to end.
Pusher::Clock::time_point Pusher::due() const {
  const auto quiet = to_chrono(options_.quiet);
  if (pending_->first - last_push_ >= quiet) return pending_->first;
  return std::min(pending_->last + quiet, pending_->first + to_chrono(options_.at_most));
}

void Pusher::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!pending_) {
      changed_.wait(lock);
      continue;
    }
    if (const Clock::time_point at = due(); Clock::now() < at) {
      changed_.wait_until(lock, at);
      continue;
    }
    const Pending pending = std::move(*pending_);
    pending_.reset();
    last_push_ = Clock::now();
    lock.unlock();
    metrics_.observe(Metric::kDebounce, std::chrono::duration<double>(Clock::now() - pending.first).count());
    metrics_.add(Metric::kPushTriggers);
    metrics_.set(Metric::kServices, static_cast<double>(pending.index->services().size()));
    world_ = World::build(pending.index, pending.delta, world_);
    publish_(world_, pending.first);
    lock.lock();
  }
}

}  // namespace weft::controlplane
