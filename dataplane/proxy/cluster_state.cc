#include "dataplane/proxy/cluster_state.h"

namespace weft::proxy {

std::shared_ptr<ClusterCounts> ClusterRegistry::counts(InterfaceId pod, std::string_view cluster) {
  const std::lock_guard lock(mutex_);
  if (counts_.size() >= sweep_at_) {  // pods come and go, their ids never return
    absl::erase_if(counts_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = 2 * counts_.size() + 64;
  }
  std::weak_ptr<ClusterCounts>& known = counts_[{pod, std::string(cluster)}];
  auto counts = known.lock();
  if (counts == nullptr) known = counts = std::make_shared<ClusterCounts>();
  return counts;
}

std::uint32_t ClusterStates::find_or_add(InterfaceId pod, std::string_view cluster) {
  std::pair key{pod, std::string(cluster)};
  if (const auto found = index_.find(key); found != index_.end()) return found->second;
  std::uint32_t index;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(states_.size());
    states_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
    states_[index] = ClusterState{};
  }
  states_[index].pod = pod;
  states_[index].name = key.second;
  states_[index].counts = registry_.counts(pod, cluster);
  index_.emplace(std::move(key), index);
  return index;
}

void ClusterStates::forget(InterfaceId pod) {
  for (auto it = index_.begin(); it != index_.end();) {
    if (it->first.first == pod && states_[it->second].streams == 0) {
      states_[it->second].counts = nullptr;
      free_.push_back(it->second);
      index_.erase(it++);
    } else {
      ++it;
    }
  }
}

}  // namespace weft::proxy
