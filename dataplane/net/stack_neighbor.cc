// ARP (RFC 826, 5227) and Neighbor Discovery (RFC 4861). Towards pods and the host we are the one neighbor there is; on
// the uplink we answer for the uplink's own addresses and learn from those we asked.
#include <algorithm>

#include "base/log.h"
#include "dataplane/net/headers.h"
#include "dataplane/net/stack_impl.h"

namespace weft::net {

namespace {

constexpr Duration kDefendInterval = Duration::seconds(10);  // RFC 5227 DEFEND_INTERVAL

bool has(const std::vector<IpAddress>& addresses, const IpAddress& address) {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

}  // namespace

bool Stack::Impl::is_uplink_address(const Interface& uplink, const IpAddress& address) const {
  return has(uplink.addresses, address) || address == link_local_of(uplink.mac);
}

void Stack::Impl::on_arp(Arrival& a) {
  auto arp = parse_arp(a.head_bytes().subspan(kEthernetBytes));
  if (!arp) return drop(a, arp.error());
  a.tuple = {0, {arp->sender}, {arp->target}};
  if (arp->sender_mac.is_group()) return drop(a, Drop::kArpMalformed);
  a.ingress->kind == InterfaceKind::kUplink ? on_uplink_arp(a, *arp) : on_tap_arp(a, *arp);
}

void Stack::Impl::on_uplink_arp(Arrival& a, const Arp& arp) {
  const Interface& uplink = *a.ingress;
  if (network_->pod_with(arp.sender) != nullptr) return drop(a, Drop::kArpSpoofed);
  const bool probe = arp.operation == ArpOperation::kRequest && arp.sender.is_unspecified();
  if (is_uplink_address(uplink, arp.sender) && arp.sender_mac != uplink.mac) return defend(a, arp.sender);
  const bool tells = arp.operation == ArpOperation::kReply || arp.sender == arp.target;
  if (tells && !a.handed_over) share_with_other_workers(a);
  const bool asks_us = arp.operation == ArpOperation::kRequest && is_uplink_address(uplink, arp.target);
  if (!probe && !arp.sender.is_multicast()) neighbors_.learn(a.now, arp.sender, arp.sender_mac, asks_us);
  if (!asks_us || a.handed_over) return drop(a, Drop::kNeighborConsumed);
  answer_arp(a, arp);
}

// A pod has no neighbor but us, so every address but its own is behind us. The same for the node's kernel.
void Stack::Impl::on_tap_arp(Arrival& a, const Arp& arp) {
  const Pod* pod = network_->pod_on(a.ingress->id);
  const bool of_pod = a.ingress->kind == InterfaceKind::kPod;
  const auto is_theirs = [&](const IpAddress& address) {
    return of_pod ? pod != nullptr && has(pod->addresses, address) : network_->is_node_address(address);
  };
  const bool probe = arp.operation == ArpOperation::kRequest && arp.sender.is_unspecified();
  const bool spoofed = of_pod ? !is_theirs(arp.sender) : network_->pod_with(arp.sender) != nullptr;
  if (!probe && spoofed) return drop(a, Drop::kArpSpoofed);
  if (arp.operation == ArpOperation::kReply || is_theirs(arp.target)) return drop(a, Drop::kNeighborConsumed);
  answer_arp(a, arp);
}

void Stack::Impl::answer_arp(Arrival& a, const Arp& arp) {
  const Arp reply{ArpOperation::kReply, a.ingress->mac, arp.sender_mac, arp.target, arp.sender};
  send_own_frame(a.now, make_arp(*options_.headers, reply, arp.sender_mac), a.ingress->id);
  ++counters_.neighbor_answers;
}

// Another station uses our address: say once in a while whose it is (RFC 5227 section 2.4 (c)), and let people know.
void Stack::Impl::defend(Arrival& a, const IpAddress& address) {
  drop(a, Drop::kNeighborConflict);
  if (a.handed_over || (defended_ != Time{} && a.now - defended_ < kDefendInterval)) return;
  defended_ = a.now;
  log_warning("net", "another station on " + a.ingress->name + " claims " + address.to_string());
  announce_one(a.now, *a.ingress, address);
}

void Stack::Impl::announce(Time now, const Interface& uplink) {
  announced_ = true;
  if (options_.worker != 0) return;
  for (const IpAddress& address : uplink.addresses) {
    probe_one(now, uplink, address);
    announce_one(now, uplink, address);
  }
}

// Is the address taken? Optimistic (RFC 4429): the operator gave it to us and a node must not stand still for a second
// at every restart, so it is used meanwhile. Whoever has it too answers, and defend() names them.
void Stack::Impl::probe_one(Time now, const Interface& uplink, const IpAddress& address) {
  if (address.is_v4()) {
    const Arp probe{ArpOperation::kRequest, uplink.mac, {}, {}, address};  // RFC 5227, 2.1.1
    return send_own_frame(now, make_arp(*options_.headers, probe, MacAddress::broadcast()), uplink.id);
  }
  static constexpr std::uint8_t kUnspecified[16] = {};
  const IpAddress group = solicited_node(address);
  const NeighborMessage m{NdKind::kSolicitation, IpAddress::v6(kUnspecified), group, address, {}, false, false, false};
  send_own_frame(now, make_neighbor_message(*options_.headers, m, uplink.mac, group_mac(group)), uplink.id);
}

// Gratuitous ARP (RFC 5227 section 2.3) or unsolicited NA (RFC 4861 section 7.2.6): caches that hold an old MAC of ours
// forget it.
void Stack::Impl::announce_one(Time now, const Interface& uplink, const IpAddress& address) {
  if (address.is_v4()) {
    const Arp arp{ArpOperation::kRequest, uplink.mac, {}, address, address};
    return send_own_frame(now, make_arp(*options_.headers, arp, MacAddress::broadcast()), uplink.id);
  }
  const NeighborMessage m{NdKind::kAdvertisement, address, all_nodes(), address, uplink.mac, true, false, true};
  send_own_frame(now, make_neighbor_message(*options_.headers, m, uplink.mac, group_mac(all_nodes())), uplink.id);
}

void Stack::Impl::on_neighbor_message(Arrival& a) {
  if (a.ip.total_bytes > a.head_bytes().size()) return drop(a, Drop::kNdMalformed);
  if (a.ip.payload_bytes() < 8) return drop(a, Drop::kL4Truncated);
  if (!l4_checksum_holds(a.packet.bytes, a.ip)) return drop(a, Drop::kL4BadChecksum);
  const ByteSpan icmp = a.head_bytes().subspan(a.ip.header_bytes, a.ip.payload_bytes());
  auto message = parse_neighbor_message(icmp, a.ip);
  if (!message) return drop(a, message.error());
  a.ingress->kind == InterfaceKind::kUplink ? on_uplink_nd(a, *message) : on_tap_nd(a, *message);
}

void Stack::Impl::on_uplink_nd(Arrival& a, const NeighborMessage& m) {
  const Interface& uplink = *a.ingress;
  const bool advertises = m.kind == NdKind::kAdvertisement;
  if (advertises && network_->pod_with(m.target) != nullptr) return drop(a, Drop::kNdSpoofed);
  const bool ours = is_uplink_address(uplink, m.target);
  if (advertises && ours) return defend(a, m.target);
  if (advertises) {
    if (!a.handed_over) share_with_other_workers(a);
    if (m.link_address) neighbors_.learn(a.now, m.target, *m.link_address, false);
    return drop(a, Drop::kNeighborConsumed);
  }
  if (!ours || a.handed_over) return drop(a, Drop::kNeighborConsumed);
  if (m.source.is_unspecified()) log_warning("net", "a station on " + uplink.name + " wants " + m.target.to_string());
  if (m.link_address) neighbors_.learn(a.now, m.source, *m.link_address, true);
  answer_solicitation(a, m, false);
}

void Stack::Impl::on_tap_nd(Arrival& a, const NeighborMessage& m) {
  const bool of_pod = a.ingress->kind == InterfaceKind::kPod;
  const Pod* pod = network_->pod_on(a.ingress->id);
  const bool theirs = of_pod ? pod != nullptr && has(pod->addresses, m.target) : network_->is_node_address(m.target);
  // The gateway's address is ours alone; a kernel's own link-local is its own business.
  const bool own_link_local = m.target.is_link_local() && m.target != gateway_v6();
  if (m.source == gateway_v6()) return drop(a, Drop::kNdSpoofed);
  if (m.kind == NdKind::kAdvertisement) {
    return drop(a, theirs || own_link_local ? Drop::kNeighborConsumed : Drop::kNdSpoofed);
  }
  const bool detection = m.source.is_unspecified();  // Duplicate Address Detection
  if (detection && of_pod && !theirs && !m.target.is_link_local()) return drop(a, Drop::kNdSpoofed);
  const bool answered = m.target == gateway_v6() || (!of_pod && !theirs && !own_link_local && !detection);
  if (!answered) return drop(a, Drop::kNeighborConsumed);
  answer_solicitation(a, m, true);
}

void Stack::Impl::answer_solicitation(Arrival& a, const NeighborMessage& m, bool router) {
  const Interface& in = *a.ingress;
  const bool detection = m.source.is_unspecified();
  NeighborMessage reply{NdKind::kAdvertisement, m.target, detection ? all_nodes() : m.source, m.target, in.mac,
                        router, !detection, true};
  const MacAddress asker = MacAddress::from(a.head() - kEthernetBytes + 6);
  const MacAddress to = detection ? group_mac(all_nodes()) : m.link_address.value_or(asker);
  send_own_frame(a.now, make_neighbor_message(*options_.headers, reply, in.mac, to), in.id);
  ++counters_.neighbor_answers;
}

void Stack::Impl::request_neighbor(Time now, const Interface& uplink, const NeighborTable::Request& request) {
  ++counters_.neighbor_requests;
  const IpAddress& target = request.target;
  const auto own = network_->address_on(uplink, target.is_v6());
  if (target.is_v4()) {
    // Without an address of our own this is an RFC 5227 probe; hosts answer it all the same.
    const Arp arp{ArpOperation::kRequest, uplink.mac, {}, own.value_or(IpAddress{}), target};
    const MacAddress to = request.unicast.value_or(MacAddress::broadcast());
    return send_own_frame(now, make_arp(*options_.headers, arp, to), uplink.id);
  }
  const IpAddress group = solicited_node(target);
  const IpAddress source = target.is_link_local() ? link_local_of(uplink.mac) : own.value_or(link_local_of(uplink.mac));
  const NeighborMessage m{NdKind::kSolicitation, source, request.unicast ? target : group, target, uplink.mac,
                          false, false, false};
  const MacAddress to = request.unicast.value_or(group_mac(group));
  send_own_frame(now, make_neighbor_message(*options_.headers, m, uplink.mac, to), uplink.id);
}

// An answer arrives at one worker, whoever asked: every worker gets a copy of the frame.
void Stack::Impl::share_with_other_workers(const Arrival& a) {
  if (options_.workers == 1) return;
  // ND was stripped of its Ethernet header, which still lies before it.
  ByteSpan frame = a.head_bytes();
  if (a.ip.v6) frame = {frame.data() - kEthernetBytes, frame.size() + kEthernetBytes};
  for (unsigned worker = 0; worker < options_.workers; ++worker) {
    if (worker == options_.worker) continue;
    Packet copy;
    copy.interface = a.ingress->id;
    copy.bytes = ByteChain::copy_of(frame, *options_.headers, kHeadroom);
    if (copy.bytes.size() == frame.size() && handovers_[worker].push(std::move(copy))) ++counters_.handed_over;
  }
}

}  // namespace weft::net
