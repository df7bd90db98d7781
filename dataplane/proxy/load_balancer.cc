#include "dataplane/proxy/load_balancer.h"

#include <span>

namespace weft::proxy {

namespace {

using mesh::Cluster;
using mesh::Priority;
using mesh::UpstreamHost;

const Priority* choose_priority(const Cluster& cluster, Random& random) {
  std::uint64_t ticket = random.below(100);
  for (const Priority& priority : cluster.priorities) {
    if (ticket < priority.load_percent && !priority.eligible.empty()) return &priority;
    ticket = ticket < priority.load_percent ? 0 : ticket - priority.load_percent;
  }
  for (const Priority& priority : cluster.priorities) {
    if (!priority.eligible.empty()) return &priority;
  }
  return nullptr;
}

// Locality-weighted: the eligible hosts of one locality, drawn by weight; else all eligible ones.
std::vector<std::uint32_t> candidates_of(const Cluster& cluster, const Priority& priority, Random& random) {
  if (!cluster.locality_weighted) return priority.eligible;
  std::vector<std::uint64_t> weights(priority.localities.size());
  std::uint64_t total = 0;
  for (const std::uint32_t index : priority.eligible) {
    std::uint64_t& weight = weights[priority.hosts[index].locality];
    if (weight == 0) total += weight = priority.localities[priority.hosts[index].locality].weight;
  }
  if (total == 0) return priority.eligible;
  std::uint64_t ticket = random.below(total);
  std::size_t chosen = 0;
  while (ticket >= weights[chosen]) ticket -= weights[chosen++];
  std::vector<std::uint32_t> candidates;
  for (const std::uint32_t index : priority.eligible) {
    if (priority.hosts[index].locality == chosen) candidates.push_back(index);
  }
  return candidates;
}

std::uint32_t by_weight(const Priority& priority, std::span<const std::uint32_t> candidates, Random& random) {
  std::uint64_t total = 0;
  for (const std::uint32_t index : candidates) total += priority.hosts[index].weight;
  if (total == 0) return candidates[random.below(candidates.size())];
  std::uint64_t ticket = random.below(total);
  for (const std::uint32_t index : candidates) {
    if (ticket < priority.hosts[index].weight) return index;
    ticket -= priority.hosts[index].weight;
  }
  return candidates.back();
}

// Smooth weighted round robin: every host gains its weight, the one that stands highest is taken and pays the sum.
std::uint32_t in_turn(const Priority& priority, std::span<const std::uint32_t> candidates, ClusterState& state) {
  if (state.hosts_of != priority.hosts.data() || state.standing.size() != priority.hosts.size()) {
    state.hosts_of = priority.hosts.data();
    state.standing.assign(priority.hosts.size(), 0);
  }
  std::int64_t total = 0;
  std::uint32_t best = candidates.front();
  for (const std::uint32_t index : candidates) {
    state.standing[index] += priority.hosts[index].weight;
    total += priority.hosts[index].weight;
    if (state.standing[index] > state.standing[best]) best = index;
  }
  state.standing[best] -= total;
  return best;
}

std::uint32_t least_busy(const Cluster& cluster, const Priority& priority, std::span<const std::uint32_t> candidates,
                         ClusterState& state, Random& random, bool v6) {
  std::uint32_t best = by_weight(priority, candidates, random);
  auto busy = [&](std::uint32_t index) {
    const auto found = state.active.find(priority.hosts[index].address_for(v6));
    return found == state.active.end() ? 0u : found->second;
  };
  for (std::uint32_t choice = 1; choice < cluster.least_request_choices; ++choice) {
    const std::uint32_t other = by_weight(priority, candidates, random);
    if (busy(other) < busy(best)) best = other;
  }
  return best;
}

}  // namespace

const UpstreamHost* choose_host(const Cluster& cluster, ClusterState& state, Random& random, bool v6) {
  const Priority* priority = choose_priority(cluster, random);
  if (priority == nullptr) return nullptr;
  const std::vector<std::uint32_t> candidates = candidates_of(cluster, *priority, random);
  switch (cluster.load_balancing) {
    case mesh::LoadBalancing::kRoundRobin:
      return &priority->hosts[in_turn(*priority, candidates, state)];
    case mesh::LoadBalancing::kLeastRequest:
      return &priority->hosts[least_busy(cluster, *priority, candidates, state, random, v6)];
    case mesh::LoadBalancing::kRandom:
    case mesh::LoadBalancing::kClusterProvided: break;
  }
  return &priority->hosts[by_weight(*priority, candidates, random)];
}

}  // namespace weft::proxy
