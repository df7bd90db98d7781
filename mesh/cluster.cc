#include "mesh/cluster.h"

#include <algorithm>

namespace weft::mesh {

namespace {

// Percent of a priority's hosts that can be used, times the overprovisioning factor, at most 100.
std::uint32_t availability(std::uint64_t usable, std::uint64_t all, std::uint32_t overprovisioning_percent) {
  if (all == 0) return 0;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(100, usable * overprovisioning_percent / all));
}

std::uint64_t count(const Priority& priority, Health health) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(priority.hosts, [&](const UpstreamHost& host) { return host.health == health; }));
}

void choose_eligible(Priority& priority) {
  priority.eligible.clear();
  bool any_healthy = count(priority, Health::kHealthy) > 0;
  for (std::uint32_t i = 0; i < priority.hosts.size(); ++i) {
    Health health = priority.hosts[i].health;
    bool usable = health == (any_healthy ? Health::kHealthy : Health::kDegraded);
    if (priority.panic || usable) priority.eligible.push_back(i);
  }
}

// A priority panics when it has too few usable hosts and all priorities together cannot carry the load.
void choose_panic(Priority& priority, double threshold_percent, bool all_are_well) {
  double usable = static_cast<double>(count(priority, Health::kHealthy) + count(priority, Health::kDegraded));
  double all = static_cast<double>(priority.hosts.size());
  priority.panic = !all_are_well && all > 0 && usable * 100.0 / all < threshold_percent;
}

// Envoy: when all are in panic, the load is spread by host count, since no health is believed.
void spread_by_hosts(std::vector<Priority>& priorities) {
  std::uint64_t all = 0;
  for (const Priority& p : priorities) all += p.panic ? p.hosts.size() : 0;
  std::uint32_t left = 100;
  Priority* last = nullptr;
  for (Priority& p : priorities) {
    p.load_percent = p.panic && all ? static_cast<std::uint32_t>(100 * p.hosts.size() / all) : 0;
    left -= p.load_percent;
    if (p.load_percent) last = &p;
  }
  if (last) last->load_percent += left;
}

}  // namespace

const Endpoint& UpstreamHost::address_for(bool v6) const {
  if (address.address.is_v6() == v6) return address;
  auto same = [&](const Endpoint& other) { return other.address.is_v6() == v6; };
  auto found = std::ranges::find_if(additional_addresses, same);
  return found == additional_addresses.end() ? address : *found;
}

bool Cluster::has_eligible() const {
  return std::ranges::any_of(priorities, [](const Priority& p) { return p.load_percent && !p.eligible.empty(); });
}

void compute_priority_load(std::vector<Priority>& priorities, double panic_threshold_percent,
                           std::uint32_t overprovisioning_percent) {
  std::vector<std::uint32_t> available(priorities.size());
  std::uint32_t total = 0;
  for (std::size_t i = 0; i < priorities.size(); ++i) {
    std::uint64_t usable = count(priorities[i], Health::kHealthy) + count(priorities[i], Health::kDegraded);
    available[i] = availability(usable, priorities[i].hosts.size(), overprovisioning_percent);
    total += available[i];
  }
  std::uint32_t divisor = std::min<std::uint32_t>(100, total);
  std::uint32_t left = divisor ? 100 : 0;
  Priority* first_used = nullptr;
  for (std::size_t i = 0; i < priorities.size(); ++i) {
    Priority& priority = priorities[i];
    choose_panic(priority, panic_threshold_percent, divisor == 100);
    priority.load_percent = divisor ? std::min(left, available[i] * 100 / divisor) : 0;
    left -= priority.load_percent;
    if (priority.load_percent && !first_used) first_used = &priority;
  }
  if (first_used) first_used->load_percent += left;  // what rounding left, as Envoy gives it to the first
  bool all_panic = std::ranges::all_of(priorities, [](const Priority& p) { return p.panic || p.hosts.empty(); });
  if (all_panic) spread_by_hosts(priorities);
  for (Priority& priority : priorities) choose_eligible(priority);
}

}  // namespace weft::mesh
