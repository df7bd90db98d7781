// From the decision to a frame at a port.
#include <algorithm>

#include "dataplane/net/headers.h"
#include "dataplane/net/segmentation.h"
#include "dataplane/net/stack_impl.h"

namespace weft::net {

// RFC 1812 5.2: route, hop limit, MTU. Between the node's own kernel and us nothing is a hop.
void Stack::Impl::forward(Arrival& a) {
  auto egress = find_egress(*network_, a.ingress, a.ip.destination);
  if (!egress) {
    if (egress.error() == Drop::kNoRoute) answer_error(a, IcmpReason::kNoRoute);
    return drop(a, egress.error());
  }
  const bool hop = a.ingress->kind != InterfaceKind::kHost && egress->interface->kind != InterfaceKind::kHost;
  if (hop && a.ip.hop_limit <= 1) {
    answer_error(a, IcmpReason::kTimeExceeded);
    return drop(a, Drop::kHopLimit);
  }
  if (!fit_to_mtu(a, *egress)) return;
  if (hop) decrement_hop_limit(a.head());
  ++counters_.forwarded;
  if (a.ip.total_bytes > egress->interface->link.mtu && a.packet.offload.gso == GsoType::kNone)
    return fragment_to(a, *egress);
  emit(a.now, std::move(a.packet), a.ip, *egress->interface, egress->next_hop);
}

// False: too big, and it died. What came in fragments may leave in fragments; it is known by a size that no frame of
// its ingress could have carried.
bool Stack::Impl::fit_to_mtu(Arrival& a, const Egress& egress) {
  const std::uint32_t mtu = egress.interface->link.mtu;
  Offload& offload = a.packet.offload;
  const bool gso = offload.gso != GsoType::kNone;
  const std::uint32_t headers = gso ? tcp_headers_bytes(a.packet.bytes, a.ip) : 0;
  const std::uint32_t largest = gso ? std::min(headers + offload.gso_size, a.ip.total_bytes) : a.ip.total_bytes;
  if (largest <= mtu) return true;
  if (gso && !a.ip.dont_fragment && headers < mtu) {
    offload.gso_size = static_cast<std::uint16_t>(mtu - headers);
    return true;
  }
  if (!gso && (!a.ip.dont_fragment || a.ip.total_bytes > a.ingress->link.mtu)) return true;
  answer_error(a, IcmpReason::kTooBig, mtu);
  drop(a, Drop::kTooBig);
  return false;
}

void Stack::Impl::fragment_to(Arrival& a, const Egress& egress) {
  if (a.packet.offload.needs_checksum) {
    leave_checksum_to_device(a.packet, a.ip);
    fill_checksum(a.packet);
    ++counters_.checksummed;
  }
  const InterfaceId interface = egress.interface->id;
  const auto identification = static_cast<std::uint32_t>(random_.next());
  if (!cut_into_fragments(std::move(a.packet), a.ip, egress.interface->link.mtu, identification, *options_.headers,
                          cut_))
    return drop_out(a.now, interface, a.ip, Drop::kNoBuffer);
  ++counters_.fragmented;
  while (!cut_.empty()) {
    Packet fragment = cut_.pop();
    IpHeader ip = a.ip;
    ip.total_bytes = static_cast<std::uint32_t>(fragment.bytes.size());
    ip.fragment = true;
    emit(a.now, std::move(fragment), ip, *egress.interface, egress.next_hop);
  }
}

void Stack::Impl::emit(Time now, Packet&& datagram, const IpHeader& ip, const Interface& out,
                       const IpAddress& next_hop) {
  if (out.kind != InterfaceKind::kUplink) return send(now, std::move(datagram), ip, out, out.peer_mac);
  if (auto mac = neighbors_.lookup(now, next_hop)) return send(now, std::move(datagram), ip, out, *mac);
  datagram.interface = out.id;
  if (!neighbors_.wait(now, next_hop, std::move(datagram))) drop_out(now, out.id, ip, Drop::kNeighborQueueFull);
}

// What the device cannot do for itself is done here.
void Stack::Impl::send(Time now, Packet&& datagram, const IpHeader& ip, const Interface& out, const MacAddress& to) {
  const EtherType type = ip.v6 ? EtherType::kIp6 : EtherType::kIp4;
  const LinkCapabilities& link = out.link;
  const bool gso = datagram.offload.gso != GsoType::kNone;
  if (gso && (!link.tso || ip.total_bytes > link.max_gso_bytes)) {
    if (!cut_super_segment(std::move(datagram), ip, link.checksum, *options_.headers, cut_)) {
      while (!cut_.empty()) cut_.pop();
      return drop_out(now, out.id, ip, Drop::kSegmentation);
    }
    ++counters_.segmented;
    while (!cut_.empty()) push_frame(now, cut_.pop(), out, to, type);
    return;
  }
  if (datagram.offload.needs_checksum) {
    leave_checksum_to_device(datagram, ip);
    if (!link.checksum) {
      fill_checksum(datagram);
      ++counters_.checksummed;
    }
  }
  push_frame(now, std::move(datagram), out, to, type);
}

void Stack::Impl::push_frame(Time now, Packet&& datagram, const Interface& out, const MacAddress& to,
                             EtherType type) {
  const auto headers = static_cast<std::uint32_t>(std::min<std::size_t>(datagram.bytes.front().size(), 242));
  if (!make_writable(datagram.bytes, headers, kEthernetBytes, *options_.headers)) {
    drops_.add({now, Drop::kNoBuffer, out.id, 0, {}, {}});
    return;
  }
  write_ethernet(prepend(datagram.bytes, kEthernetBytes), {to, out.mac, type});
  Offload& offload = datagram.offload;
  offload.checksum_verified = false;
  if (offload.needs_checksum)
    offload.checksum_start = static_cast<std::uint16_t>(offload.checksum_start + kEthernetBytes);
  datagram.interface = out.id;
  if (!out_.push(std::move(datagram))) drops_.add({now, Drop::kOutputFull, out.id, 0, {}, {}});
}

// ARP and ND, already framed.
void Stack::Impl::send_own_frame(Time now, ByteChain&& frame, InterfaceId interface) {
  Packet packet;
  packet.interface = interface;
  if (frame.empty()) {
    drops_.add({now, Drop::kNoBuffer, interface, 0, {}, {}});
    return;
  }
  packet.bytes = std::move(frame);
  if (!out_.push(std::move(packet))) drops_.add({now, Drop::kOutputFull, interface, 0, {}, {}});
}

bool Stack::Impl::poll_frame(Time now, Packet* frame) {
  const Interface* uplink = network_->uplink();
  if (!announced_ && uplink != nullptr) announce(now, *uplink);
  for (;;) {
    if (out_.empty()) finish_neighbors(now);
    if (!out_.empty()) break;
    Packet datagram;
    if (!tcp_.poll_output(now, &datagram)) {
      finish_neighbors(now);
      if (out_.empty()) return false;
      break;
    }
    send_engine_datagram(now, std::move(datagram));
  }
  *frame = out_.pop();
  ++counters_.frames_out;
  return true;
}

void Stack::Impl::send_engine_datagram(Time now, Packet&& datagram) {
  auto ip = parse_ip(datagram.bytes.front().bytes(), datagram.bytes.size());
  const InterfaceId id = datagram.interface;
  const Interface* out = network_->interface(id);
  if (!ip || out == nullptr) {
    drops_.add({now, ip ? Drop::kUnknownInterface : ip.error(), id, kProtocolTcp, {}, {}});
    return;
  }
  if (nat_.size() != 0) {
    auto tuple = parse_ports(datagram.bytes.front().bytes(), *ip);
    std::uint8_t* head = datagram.bytes.front().data();
    const NatFlow* flow = tuple ? nat_.reverse(now, *tuple, head[ip->header_bytes + 13], true) : nullptr;
    if (flow != nullptr && flow->interface == id) {
      rewrite_endpoints(head, *ip, flow->service, flow->client, datagram.offload.needs_checksum);
      ip->source = flow->service.address;
      ip->destination = flow->client.address;
      ++counters_.translated;
    }
  }
  IpAddress next_hop = ip->destination;
  if (out->kind == InterfaceKind::kUplink) {
    const Route* route = network_->route_to(ip->destination);
    if (route == nullptr || route->interface != id) return drop_out(now, id, *ip, Drop::kNoRoute);
    next_hop = route->gateway.value_or(next_hop);
  }
  emit(now, std::move(datagram), *ip, *out, next_hop);
}

// Asks for what nobody knows, sends what was answered, gives up on what was not.
void Stack::Impl::finish_neighbors(Time now) {
  const Interface* uplink = network_->uplink();
  NeighborTable::Request request;
  while (neighbors_.poll_request(&request))
    if (uplink != nullptr) request_neighbor(now, *uplink, request);
  NeighborTable::Resolved resolved;
  while (neighbors_.poll_resolved(&resolved)) {
    auto ip = parse_ip(resolved.packet.bytes.front().bytes(), resolved.packet.bytes.size());
    if (ip && uplink != nullptr) send(now, std::move(resolved.packet), *ip, *uplink, resolved.mac);
  }
  Packet datagram;
  while (neighbors_.poll_unresolved(&datagram)) give_up_on(now, std::move(datagram));
}

// The next hop is silent: who sent the packet learns it, if it is one of ours.
void Stack::Impl::give_up_on(Time now, Packet&& datagram) {
  auto ip = parse_ip(datagram.bytes.front().bytes(), datagram.bytes.size());
  if (!ip) return;
  auto tuple = ip->fragment ? std::unexpected(Drop::kCount) : parse_ports(datagram.bytes.front().bytes(), *ip);
  drop_out(now, datagram.interface, *ip, Drop::kNeighborUnresolved);
  if (!tuple) return;
  const Pod* pod = network_->pod_with(ip->source);
  if (ip->protocol == kProtocolTcp && pod != nullptr && pod->in_mesh && !bypass_.contains(*tuple)) {
    const std::uint32_t sequence = load_be32(datagram.bytes.front().data() + ip->header_bytes + 4);
    tcp_.on_icmp_error(now, {datagram.interface, tuple->source, tuple->destination},
                       {IcmpErrorKind::kSoft, sequence, 0});
    return;
  }
  if (pod == nullptr) return;
  Arrival a;
  a.now = now;
  a.ingress = network_->interface(pod->interface);
  a.packet = std::move(datagram);
  a.ip = *ip;
  a.tuple = *tuple;
  if (const NatFlow* flow = nat_.find_reverse(tuple->reversed())) {
    rewrite(a, flow->client, flow->service);
    a.untranslated.reset();
  }
  answer_error(a, IcmpReason::kHostUnreachable);
}

}  // namespace weft::net
