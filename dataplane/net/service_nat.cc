#include "dataplane/net/service_nat.h"

#include <algorithm>

#include "dataplane/net/classify.h"

namespace weft::net {

namespace {

Tuple client_key(const NatFlow& flow) { return {flow.protocol, flow.client, flow.service}; }
Tuple backend_key(const NatFlow& flow) { return {flow.protocol, flow.backend, flow.seen}; }

bool still_serves(const Network& network, const NatFlow& flow) {
  const Service* service = network.service(flow.service, static_cast<L4Protocol>(flow.protocol));
  return service != nullptr &&
         std::find(service->backends.begin(), service->backends.end(), flow.backend) != service->backends.end();
}

}  // namespace

std::expected<NatFlow*, Drop> ServiceNat::forward(Time now, const Network& network, const Tuple& tuple,
                                                  std::uint8_t tcp_flags, InterfaceId interface, bool* created) {
  *created = false;
  if (auto found = by_client_.find(tuple); found != by_client_.end()) {
    NatFlow& flow = flows_[found->second];
    // A new SYN on a flow that was closing is a new connection: it may choose anew.
    const bool reopened = flow.age.closing && (tcp_flags & FlowAge::kSyn) != 0;
    if (flow.age.expires > now && flow.interface == interface && !reopened) {
      flow.age.touch(now, tuple.protocol, tcp_flags, false);
      return &flow;
    }
    remove(found->second);
  }
  std::expected<NatFlow*, Drop> flow = begin(network, tuple, interface);
  if (flow) (*flow)->age.touch(now, tuple.protocol, tcp_flags, false);
  *created = flow.has_value();
  return flow;
}

std::expected<NatFlow*, Drop> ServiceNat::begin(const Network& network, const Tuple& tuple, InterfaceId interface) {
  const Service* service = network.service(tuple.destination, static_cast<L4Protocol>(tuple.protocol));
  if (service == nullptr) return std::unexpected(Drop::kServiceNoPort);
  if (service->backends.empty()) return std::unexpected(Drop::kServiceNoBackend);
  const Endpoint& backend = service->backends[random_.below(service->backends.size())];
  // One client's flows leave half of the table to the others.
  std::uint32_t& count = per_interface_[interface];
  if (count >= std::max(flows_max_ / 2, 1u)) return std::unexpected(Drop::kNatTableFull);
  Endpoint seen;
  if (!choose_seen(network, tuple, backend, &seen)) return std::unexpected(Drop::kNatNoPort);
  const std::uint32_t index = flows_.allocate();
  if (index == FlowSlab<NatFlow>::kNone) return std::unexpected(Drop::kNatTableFull);
  ++count;
  NatFlow& flow = flows_[index];
  flow = NatFlow{tuple.protocol, tuple.source, tuple.destination, backend, seen, interface, false, {}};
  by_client_.emplace(client_key(flow), index);
  by_backend_.emplace(backend_key(flow), index);
  return &flow;
}

bool ServiceNat::choose_seen(const Network& network, const Tuple& tuple, const Endpoint& backend, Endpoint* seen) {
  *seen = tuple.source;
  if (tuple.source.address == backend.address) seen->address = backend.address.is_v6() ? gateway_v6() : gateway_v4();
  for (int attempt = 0; attempt < 512; ++attempt) {
    const Tuple answer{tuple.protocol, backend, *seen};
    const unsigned owner = owner_of_packet(network, answer, workers_);
    if ((owner == worker_ || owner == kAnyWorker) && !by_backend_.contains(answer)) return true;
    seen->port = static_cast<std::uint16_t>(1024 + random_.below(65536 - 1024));
  }
  return false;
}

NatFlow* ServiceNat::reverse(Time now, const Tuple& tuple, std::uint8_t tcp_flags, bool from_engine) {
  auto found = by_backend_.find(tuple);
  if (found == by_backend_.end()) return nullptr;
  NatFlow& flow = flows_[found->second];
  if (flow.intercepted != from_engine) return nullptr;
  if (flow.age.expires <= now) {
    remove(found->second);
    return nullptr;
  }
  flow.age.touch(now, tuple.protocol, tcp_flags, true);
  return &flow;
}

NatFlow* ServiceNat::find_forward(const Tuple& tuple) {
  auto found = by_client_.find(tuple);
  return found == by_client_.end() ? nullptr : &flows_[found->second];
}

NatFlow* ServiceNat::find_reverse(const Tuple& tuple) {
  auto found = by_backend_.find(tuple);
  return found == by_backend_.end() ? nullptr : &flows_[found->second];
}

std::uint32_t ServiceNat::sweep(Time now) {
  std::uint32_t removed = 0;
  flows_.sweep(now, 2048, [&](std::uint32_t index) {
    remove(index);
    ++removed;
  });
  return removed;
}

// A TCP flow outlives its place in the Service, as under kube-proxy: the backend ends it. A UDP flow has no end, so the
// next packet must choose anew.
void ServiceNat::set_network(const Network& network) {
  flows_.remove_if(
      [&](const NatFlow& flow) {
        if (network.interface(flow.interface) == nullptr) return true;
        return flow.protocol == kProtocolUdp && !still_serves(network, flow);
      },
      [this](std::uint32_t index) { remove(index); });
}

void ServiceNat::remove(std::uint32_t index) {
  const NatFlow& flow = flows_[index];
  by_client_.erase(client_key(flow));
  by_backend_.erase(backend_key(flow));
  auto count = per_interface_.find(flow.interface);
  if (--count->second == 0) per_interface_.erase(count);
  flows_.release(index);
}

}  // namespace weft::net
