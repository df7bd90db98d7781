#include "controlplane/xds/ads_core.h"

namespace weft::controlplane {

AdsServer::Core::Core(AdsOptions options) : options_(std::move(options)) {
  for (unsigned i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { work(); });
}

AdsServer::Core::~Core() { stop(); }

void AdsServer::Core::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void AdsServer::Core::post(std::shared_ptr<StreamTask> task) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
  }
  ready_.notify_one();
}

std::shared_ptr<const World> AdsServer::Core::world() const {
  const std::lock_guard lock(mutex_);
  return world_;
}

std::shared_ptr<const World> AdsServer::Core::join(const std::shared_ptr<Member>& member) {
  const std::lock_guard lock(mutex_);
  members_.insert(member);
  options_.metrics->set(Metric::kXds, static_cast<double>(members_.size()));
  return world_;
}

void AdsServer::Core::leave(const std::shared_ptr<Member>& member) {
  const std::lock_guard lock(mutex_);
  members_.erase(member);
  options_.metrics->set(Metric::kXds, static_cast<double>(members_.size()));
}

std::vector<std::shared_ptr<AdsServer::Core::Member>> AdsServer::Core::members() const {
  const std::lock_guard lock(mutex_);
  return {members_.begin(), members_.end()};
}

void AdsServer::Core::publish(std::shared_ptr<const World> world, Clock::time_point changed) {
  std::vector<std::shared_ptr<Member>> members;
  {
    const std::lock_guard lock(mutex_);
    world_ = world;
    members.assign(members_.begin(), members_.end());
  }
  for (const auto& member : members) member->on_world(world, changed);
}

SessionEvents AdsServer::Core::events() {
  const auto label = [](XdsType type) { return "type=\"" + std::string(short_name(type)) + "\""; };
  SessionEvents events;
  events.on_push = [this, label](XdsType type) { metrics().add(Metric::kXdsPushes, 1, label(type)); };
  events.on_reject = [this, label](XdsType type, std::string_view) {
    metrics().add(Metric::kTotalXdsRejects, 1, label(type));
    if (type == XdsType::kCluster) metrics().add(Metric::kCdsReject);
    if (type == XdsType::kEndpoints) metrics().add(Metric::kEdsReject);
    if (type == XdsType::kListener) metrics().add(Metric::kLdsReject);
    if (type == XdsType::kRoute) metrics().add(Metric::kRdsReject);
  };
  events.on_stale_nonce = [this] { metrics().add(Metric::kExpiredNonce); };
  return events;
}

void AdsServer::Core::work() {
  while (true) {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const std::shared_ptr<StreamTask> task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task->run();
  }
}

}  // namespace weft::controlplane
