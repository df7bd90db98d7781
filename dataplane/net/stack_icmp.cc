// ICMP: echo to our addresses, errors that we send, errors that come in for flows of ours.
#include <algorithm>

#include "dataplane/net/headers.h"
#include "dataplane/net/stack_impl.h"

namespace weft::net {

namespace {

bool is_gateway(const IpAddress& address) { return address == gateway_v4() || address == gateway_v6(); }

// A leaf reports only on what was sent to it.
bool may_report(const Network& network, const Interface& ingress, const IpAddress& quoted_destination) {
  if (ingress.kind != InterfaceKind::kPod) return true;
  const Pod* pod = network.pod_with(quoted_destination);
  return pod != nullptr && pod->interface == ingress.id;
}

// New ends for a quoted datagram. Its L4 checksum may be cut off and is left alone: nobody can check it anyway.
void rewrite_quoted(std::uint8_t* quoted, const QuotedDatagram& shape, const Tuple& tuple) {
  const std::uint32_t size = shape.v6 ? 16 : 4, at = shape.v6 ? 8 : 12;
  std::memcpy(quoted + at, tuple.source.address.data(), size);
  std::memcpy(quoted + at + size, tuple.destination.address.data(), size);
  store_be16(quoted + shape.l4_offset, tuple.source.port);
  store_be16(quoted + shape.l4_offset + 2, tuple.destination.port);
  if (!shape.v6) fill_ip4_checksum(quoted);
}

}  // namespace

// True: the packet was an echo request to us, or nothing that we answer at the gateway's address.
bool Stack::Impl::answer_echo(Arrival& a) {
  const bool to_gateway = is_gateway(a.ip.destination) && a.ingress->kind != InterfaceKind::kUplink;
  const bool to_uplink = network_->uplink() != nullptr && is_uplink_address(*network_->uplink(), a.ip.destination);
  if (!to_gateway && !to_uplink) return false;
  if (!is_echo_request(a.head_bytes(), a.ip)) {
    if (to_gateway) drop(a, Drop::kIcmpConsumed);
    return to_gateway;
  }
  if (!a.packet.offload.checksum_verified && !l4_checksum_holds(a.packet.bytes, a.ip))
    return drop(a, Drop::kL4BadChecksum), true;
  turn_into_echo_reply(a.head(), a.ip);
  std::swap(a.ip.source, a.ip.destination);
  a.ip.dont_fragment = a.ip.v6;
  ++counters_.echo_replies;
  Egress egress{a.ingress, a.ip.destination};
  const Route* route = network_->route_to(a.ip.destination);
  if (a.ingress->kind == InterfaceKind::kUplink && route != nullptr)
    egress.next_hop = route->gateway.value_or(a.ip.destination);
  if (a.ip.total_bytes > a.ingress->link.mtu) return fragment_to(a, egress), true;
  emit(a.now, std::move(a.packet), a.ip, *egress.interface, egress.next_hop);
  return true;
}

// RFC 5927: an error counts only for the flow that it quotes, and only if who reports could have seen the packet.
void Stack::Impl::on_icmp_error(Arrival& a) {
  if (!a.packet.offload.checksum_verified && !l4_checksum_holds(a.packet.bytes, a.ip))
    return drop(a, Drop::kL4BadChecksum);
  auto error = parse_icmp_error(a.head_bytes(), a.ip);
  if (!error) return drop(a, Drop::kIcmpUnmatched);
  const Tuple& quoted = error->quoted.tuple;
  if (quoted.source.address != a.ip.destination || !may_report(*network_, *a.ingress, quoted.destination.address))
    return drop(a, Drop::kIcmpUnmatched);
  if (hand_over(a, owner_of_packet(*network_, quoted.reversed(), options_.workers))) return;
  if (pass_to_flow(a, *error)) {
    ++counters_.icmp_errors_in;
    return;
  }
  if (network_->is_service_address(a.ip.destination)) return drop(a, Drop::kIcmpUnmatched);
  if (is_gateway(a.ip.destination)) return drop(a, Drop::kIcmpConsumed);
  forward(a);
}

bool Stack::Impl::pass_to_flow(Arrival& a, const ReceivedError& error) {
  const Tuple quoted = error.quoted.tuple;
  const bool has_ports = quoted.protocol == kProtocolTcp || quoted.protocol == kProtocolUdp;
  if (!has_ports) return false;
  // seen -> backend was refused: tell the client, in the words it used.
  if (const NatFlow* flow = nat_.find_reverse(quoted.reversed()); flow != nullptr && !flow->intercepted) {
    const bool by_backend = a.ip.source == flow->backend.address;
    translate_error(a, error, {quoted.protocol, flow->client, flow->service},
                    by_backend ? flow->service.address : a.ip.source, flow->client.address);
    return true;
  }
  // service -> client was refused: tell the backend.
  if (const NatFlow* flow = nat_.find_forward(quoted.reversed())) {
    if (flow->intercepted) return tell_engine(a, error, flow->backend, flow->seen), true;
    const bool by_client = a.ip.source == flow->client.address;
    translate_error(a, error, {quoted.protocol, flow->backend, flow->seen},
                    by_client ? flow->seen.address : a.ip.source, flow->backend.address);
    return true;
  }
  if (quoted.protocol != kProtocolTcp || bypass_.contains(quoted)) return false;
  const Pod* from = network_->pod_with(quoted.source.address);
  const Pod* to = network_->pod_with(quoted.destination.address);
  const bool ours = (from != nullptr && from->in_mesh) || (to != nullptr && to->in_mesh);
  if (ours) tell_engine(a, error, quoted.source, quoted.destination);
  return ours;
}

void Stack::Impl::tell_engine(Arrival& a, const ReceivedError& error, const Endpoint& local, const Endpoint& remote) {
  tcp_.on_icmp_error(a.now, {a.ingress->id, local, remote}, error.error);
}

void Stack::Impl::translate_error(Arrival& a, const ReceivedError& error, const Tuple& quoted,
                                  const IpAddress& source, const IpAddress& destination) {
  std::uint8_t* ip = a.head();
  rewrite_quoted(ip + error.quote_offset, error.quoted, quoted);
  std::memcpy(ip + (a.ip.v6 ? 8 : 12), source.data(), source.size());
  std::memcpy(ip + (a.ip.v6 ? 24 : 16), destination.data(), destination.size());
  if (!a.ip.v6) fill_ip4_checksum(ip);
  a.untranslated = a.tuple;
  a.ip.source = a.tuple.source.address = source;
  a.ip.destination = a.tuple.destination.address = destination;
  refresh_icmp_checksum(a.packet.bytes, a.ip);
  ++counters_.translated;
  forward(a);
}

// To the sender of a packet that dies here, about the packet as it wrote it. The caller drops the packet.
void Stack::Impl::answer_error(Arrival& a, IcmpReason reason, std::uint32_t mtu) {
  if (!may_answer_with_error(a.head_bytes(), a.ip)) return;
  const auto own = network_->address_on(*a.ingress, a.ip.v6);
  auto limiter = limiters_.find(a.ingress->id);
  if (!own || limiter == limiters_.end()) return;
  if (!limiter->second.allow(a.now)) return drop(a, Drop::kIcmpLimited);
  if (a.untranslated && (a.tuple.protocol == kProtocolTcp || a.tuple.protocol == kProtocolUdp)) {
    const Tuple original = *a.untranslated;
    rewrite(a, original.source, original.destination);
    a.untranslated.reset();
  }
  Packet error = make_icmp_error(*options_.headers, reason, mtu, *own, a.packet.bytes, a.ip);
  if (error.bytes.empty()) return drop(a, Drop::kNoBuffer);
  auto ip = parse_ip(error.bytes.front().bytes(), error.bytes.size());
  IpAddress next_hop = ip->destination;
  const Route* route = network_->route_to(next_hop);
  if (a.ingress->kind == InterfaceKind::kUplink && route != nullptr && route->gateway) next_hop = *route->gateway;
  ++counters_.icmp_errors_out;
  emit(a.now, std::move(error), *ip, *a.ingress, next_hop);
}

void Stack::Impl::expire_fragments(Time now) {
  FragmentTable::Expired expired;
  while (fragments_.poll_expired(now, &expired)) {
    Arrival a;
    a.now = now;
    a.ip = expired.ip;
    a.tuple = {a.ip.protocol, {a.ip.source}, {a.ip.destination}};
    a.packet.interface = expired.interface;
    a.ingress = network_->interface(expired.interface);
    for (std::uint32_t i = 0; i < expired.packets; ++i) drop(a, Drop::kFragmentTimeout);
    if (!expired.first || a.ingress == nullptr) continue;
    a.packet = std::move(*expired.first);
    auto ip = parse_ip(a.head_bytes(), a.packet.bytes.size());
    if (!ip) continue;
    a.ip = *ip;
    answer_error(a, IcmpReason::kReassemblyTime);
  }
}

}  // namespace weft::net
