#include "dataplane/net/bypass_flows.h"

#include <algorithm>

namespace weft::net {

bool BypassFlows::pass(Time now, const Tuple& tuple, std::uint8_t tcp_flags) {
  if (index_.empty()) return false;  // where all TCP is intercepted, two lookups saved for each packet
  auto found = index_.find(tuple);
  const bool reply = found == index_.end();
  if (reply && (found = index_.find(tuple.reversed())) == index_.end()) return false;
  FlowAge& age = flows_[found->second].age;
  if (age.expires <= now) {
    remove(found->second);
    return false;
  }
  age.touch(now, tuple.protocol, tcp_flags, reply);
  return true;
}

bool BypassFlows::begin(Time now, const Tuple& tuple, std::uint8_t tcp_flags, InterfaceId interface, InterfaceId pod,
                        bool host) {
  if (pass(now, tuple, tcp_flags)) return true;
  std::uint32_t& count = per_pod_[pod];
  if (count >= std::max(flows_max_ / 2, 1u)) return false;
  const std::uint32_t index = flows_.allocate();
  if (index == FlowSlab<Flow>::kNone) return false;
  ++count;
  Flow& flow = flows_[index];
  flow = Flow{tuple, interface, pod, {}};
  flow.age.touch(now, tuple.protocol, tcp_flags, false);
  index_.emplace(tuple, index);
  ring_[begun_++ % kKept] = {now, tuple, interface, pod, host};
  return true;
}

std::vector<BypassRecord> BypassFlows::recent() const {
  std::vector<BypassRecord> records;
  const std::uint64_t kept = std::min<std::uint64_t>(begun_, kKept);
  for (std::uint64_t i = begun_ - kept; i < begun_; ++i) records.push_back(ring_[i % kKept]);
  return records;
}

void BypassFlows::sweep(Time now) {
  flows_.sweep(now, 1024, [this](std::uint32_t index) { remove(index); });
}

void BypassFlows::set_network(const Network& network) {
  flows_.remove_if(
      [&](const Flow& flow) {
        const Pod* pod = network.pod_on(flow.pod);
        return pod == nullptr || !pod->in_mesh || network.interface(flow.interface) == nullptr;
      },
      [this](std::uint32_t index) { remove(index); });
}

void BypassFlows::remove(std::uint32_t index) {
  index_.erase(flows_[index].tuple);
  auto count = per_pod_.find(flows_[index].pod);
  if (--count->second == 0) per_pod_.erase(count);
  flows_.release(index);
}

}  // namespace weft::net
