// From a port to the decision what becomes of a packet.
#include <algorithm>

#include "dataplane/net/headers.h"
#include "dataplane/net/segmentation.h"
#include "dataplane/net/stack_impl.h"

namespace weft::net {

void Stack::Impl::receive_frame(Time now, Packet&& frame, bool handed_over) {
  Arrival a;
  a.now = now;
  a.handed_over = handed_over;
  a.packet = std::move(frame);
  a.ingress = network_->interface(a.packet.interface);
  if (a.ingress == nullptr) return drop(a, Drop::kUnknownInterface);
  if (Drop bad = gather_headers(a.packet); bad != Drop::kCount) return drop(a, bad);
  auto ethernet = parse_ethernet(a.head_bytes());
  if (!ethernet) return drop(a, ethernet.error());
  a.group = ethernet->destination.is_group();
  if (ethernet->destination != a.ingress->mac && !a.group) return drop(a, Drop::kNotOurMac);
  if (ethernet->type == EtherType::kArp) return on_arp(a);
  if (Drop bad = strip_ethernet(a); bad != Drop::kCount) return drop(a, bad);
  receive_ip(a, ethernet->type);
}

// Every header in one writable piece; devices mostly deliver it so.
Drop Stack::Impl::gather_headers(Packet& frame) {
  if (frame.bytes.empty()) return Drop::kFrameTruncated;
  const auto wanted = static_cast<std::uint32_t>(std::min<std::size_t>(frame.bytes.size(), kHeaderBytesMax));
  bool copied = false;
  if (!make_writable(frame.bytes, wanted, 0, *options_.headers, &copied)) return Drop::kNoBuffer;
  counters_.pulled_up += copied;
  return Drop::kCount;
}

Drop Stack::Impl::strip_ethernet(Arrival& a) {
  a.packet.bytes.front().trim_front(kEthernetBytes);
  a.packet.bytes.recount();
  if (a.packet.bytes.size() == 0 || a.head_bytes().empty()) return Drop::kIpTruncated;
  Offload& offload = a.packet.offload;
  if (!offload.needs_checksum) return Drop::kCount;
  if (offload.checksum_start < kEthernetBytes) return Drop::kBadOffload;
  offload.checksum_start = static_cast<std::uint16_t>(offload.checksum_start - kEthernetBytes);
  return Drop::kCount;
}

void Stack::Impl::receive_ip(Arrival& a, EtherType type) {
  auto ip = parse_ip(a.head_bytes(), a.packet.bytes.size());
  if (!ip) return drop(a, ip.error());
  a.ip = *ip;
  a.tuple = {ip->protocol, {ip->source}, {ip->destination}};
  if (a.ip.v6 != (type == EtherType::kIp6)) return drop(a, Drop::kIpBadVersion);
  a.packet.bytes.drop_back(a.packet.bytes.size() - a.ip.total_bytes);  // what Ethernet padded
  if (a.group && !a.ip.destination.is_multicast()) return drop(a, Drop::kNotOurMac);  // RFC 1122 3.3.6
  if (Drop bad = check_source(*network_, *a.ingress, a.ip); bad != Drop::kCount) return drop(a, bad);
  const ByteSpan head = a.head_bytes();
  const bool discovery = a.ip.protocol == kProtocolIcmp6 && a.ip.v6 && !a.ip.fragment &&
                         head.size() > a.ip.header_bytes && head[a.ip.header_bytes] >= 133 &&
                         head[a.ip.header_bytes] <= 137;
  if (discovery) return on_neighbor_message(a);
  if (Drop bad = check_destination(*network_, a.ip.destination); bad != Drop::kCount) return drop(a, bad);
  if (Drop bad = check_offload(a.packet, a.ip); bad != Drop::kCount) return drop(a, bad);
  if (a.ip.fragment) return gather_fragment(a);
  receive_whole(a);
}

// Super-segments and partial checksums come from kernels we trust to compute, not to be well-meant: a pod may write a
// vnet header of its own through a packet socket.
Drop Stack::Impl::check_offload(Packet& packet, const IpHeader& ip) {
  Offload& offload = packet.offload;
  if (offload.gso != GsoType::kNone) {
    const bool fits = ip.protocol == kProtocolTcp && !ip.fragment && offload.gso_size != 0 && offload.needs_checksum &&
                      (offload.gso == GsoType::kTcp6) == ip.v6;
    if (!fits) return Drop::kBadOffload;
  }
  if (!offload.needs_checksum) return Drop::kCount;
  const std::uint32_t start = offload.checksum_start, field = start + offload.checksum_offset;
  if (ip.fragment || start < ip.header_bytes || field + 2 > ip.total_bytes || field + 2 > packet.bytes.front().size())
    return Drop::kBadOffload;
  const bool ours = ip.protocol == kProtocolTcp || ip.protocol == kProtocolUdp;
  if (ours && start == ip.header_bytes) {
    return offload.checksum_offset == *checksum_offset_of(ip.protocol) ? Drop::kCount : Drop::kBadOffload;
  }
  if (offload.gso != GsoType::kNone || ip.protocol == kProtocolTcp) return Drop::kBadOffload;
  fill_checksum(packet);  // of a header inside a tunnel, or of a protocol that we do not know: finish it here
  return Drop::kCount;
}

void Stack::Impl::gather_fragment(Arrival& a) {
  const unsigned gatherer = options_.workers == 1 ? 0 : fragment_owner(a.ip, options_.workers);
  if (gatherer != options_.worker && !a.handed_over) {
    hand_over(a, gatherer);
    return;
  }
  auto result = fragments_.add(a.now, a.ip, std::move(a.packet));
  if (!result) {
    for (std::uint32_t i = 0; i < result.error().packets; ++i) drop(a, result.error().reason);
    return;
  }
  if (!*result) return;
  ++counters_.reassembled;
  a.packet = std::move(**result);
  a.packet.offload = {};
  a.handed_over = false;  // the whole datagram may have another owner than its pieces
  if (Drop bad = gather_headers(a.packet); bad != Drop::kCount) return drop(a, bad);
  auto ip = parse_ip(a.head_bytes(), a.packet.bytes.size());
  if (!ip) return drop(a, ip.error());
  a.ip = *ip;
  if (a.ip.fragment) return drop(a, Drop::kIpBadHeader);
  receive_whole(a);
}

void Stack::Impl::receive_whole(Arrival& a) {
  auto tuple = parse_ports(a.head_bytes(), a.ip);
  if (!tuple) return drop(a, tuple.error());
  a.tuple = *tuple;
  if (a.ip.protocol == kProtocolTcp) {
    a.tcp_flags = a.head()[a.ip.header_bytes + 13];
    if (a.packet.offload.gso != GsoType::kNone && tcp_headers_bytes(a.packet.bytes, a.ip) >= a.ip.total_bytes)
      return drop(a, Drop::kBadOffload);
  }
  if (a.ip.protocol == kProtocolIcmp || a.ip.protocol == kProtocolIcmp6) {
    if (a.ip.payload_bytes() < 8) return drop(a, Drop::kL4Truncated);
    if (is_icmp_error(a.head_bytes(), a.ip)) return on_icmp_error(a);
    if (answer_echo(a)) return;
  }
  const unsigned owner = owner_of_packet(*network_, a.tuple, options_.workers);
  if (hand_over(a, owner)) return;
  dispatch(a);
}

// True if the packet is another worker's and went there (or died at its door).
bool Stack::Impl::hand_over(Arrival& a, unsigned owner) {
  if (owner == kAnyWorker || owner == options_.worker || a.handed_over) return false;
  ByteChain& bytes = a.packet.bytes;
  bool shared = false;
  for (const Slice& slice : bytes) shared = shared || !slice.exclusive();
  if (shared || bytes.front().headroom() < kEthernetBytes) {
    Packet copy;
    const std::size_t size = bytes.size();
    copy.offload = a.packet.offload;
    copy.interface = a.packet.interface;
    ByteChain flat = ByteChain::copy_of(bytes.front().bytes(), *options_.headers, kHeadroom);
    for (Slice& slice : bytes)
      if (&slice != &bytes.front()) flat.append(ByteChain::copy_of(slice.bytes(), *options_.headers));
    if (flat.size() != size) return drop(a, Drop::kNoBuffer), true;
    copy.bytes = std::move(flat);
    a.packet = std::move(copy);
  }
  const EtherType type = a.ip.v6 ? EtherType::kIp6 : EtherType::kIp4;
  write_ethernet(prepend(a.packet.bytes, kEthernetBytes), {a.ingress->mac, a.ingress->peer_mac, type});
  if (a.packet.offload.needs_checksum)
    a.packet.offload.checksum_start = static_cast<std::uint16_t>(a.packet.offload.checksum_start + kEthernetBytes);
  if (!handovers_[owner].push(std::move(a.packet))) return drop(a, Drop::kHandoverFull), true;
  ++counters_.handed_over;
  return true;
}

// The decision. Answers first: a translated or bypassing flow's entry says more than the tuple does.
void Stack::Impl::dispatch(Arrival& a) {
  const bool tcp = a.tuple.protocol == kProtocolTcp;
  if (translate_answer(a)) return forward(a);
  bool excluded = false;
  if (tcp && take_tcp(a, &excluded)) return;
  if (network_->is_service_address(a.tuple.destination.address) && !translate(a)) return;
  if (tcp && deliver_inbound(a)) return;
  if (!excluded) return forward(a);
  // A translated flow's own entry brings its answers back.
  const bool known = a.untranslated.has_value() ||
                     bypass_.begin(a.now, a.tuple, a.tcp_flags, a.ingress->id, a.ingress->id, false);
  if (!known) return drop(a, Drop::kFlowTableFull);
  forward_beside_mesh(a);
}

// True if the sender alone decides: an answer of a bypassing flow, or TCP of a mesh pod.
bool Stack::Impl::take_tcp(Arrival& a, bool* excluded) {
  if (bypass_.pass(a.now, a.tuple, a.tcp_flags)) return forward_beside_mesh(a), true;
  switch (path_from(*network_, *a.ingress, a.tuple.destination)) {
    case TcpPath::kOutbound: return to_engine(a, Interception::kOutbound, a.ingress->id), true;
    case TcpPath::kExcluded: *excluded = true; return false;
    default: return false;
  }
}

// TCP to a mesh pod. The right to pass beside the mesh begins with a SYN: what comes later without an entry may be the
// answer to a connection of our own, and is the engine's to judge.
bool Stack::Impl::deliver_inbound(Arrival& a) {
  const TcpPath path = path_to(*network_, *a.ingress, a.tuple);
  if (path == TcpPath::kForward) return false;
  const InterfaceId pod = network_->pod_with(a.tuple.destination.address)->interface;
  const bool opens = (a.tcp_flags & 0x17) == FlowAge::kSyn;
  const bool intercept = path == TcpPath::kInbound || !(opens || a.untranslated);
  if (a.untranslated) nat_.find_forward(*a.untranslated)->intercepted = intercept;
  if (intercept) return to_engine(a, Interception::kInbound, pod), true;
  const bool host = path == TcpPath::kHost;
  if (!a.untranslated && !bypass_.begin(a.now, a.tuple, a.tcp_flags, a.ingress->id, pod, host))
    return drop(a, Drop::kFlowTableFull), true;
  return forward_beside_mesh(a), true;
}

void Stack::Impl::forward_beside_mesh(Arrival& a) {
  const bool host = a.ingress->kind == InterfaceKind::kHost || network_->is_node_address(a.tuple.destination.address);
  ++(host ? counters_.host : counters_.excluded);
  forward(a);
}

// To a Service address: becomes a packet to a backend. False: it died.
bool Stack::Impl::translate(Arrival& a) {
  if (a.ingress->kind == InterfaceKind::kUplink) return drop(a, Drop::kServiceFromUplink), false;
  if (a.tuple.protocol != kProtocolTcp && a.tuple.protocol != kProtocolUdp)
    return drop(a, Drop::kServiceNoPort), false;
  bool created = false;
  auto flow = nat_.forward(a.now, *network_, a.tuple, a.tcp_flags, a.ingress->id, &created);
  if (!flow) {
    if (flow.error() == Drop::kServiceNoPort || flow.error() == Drop::kServiceNoBackend)
      answer_error(a, IcmpReason::kPortUnreachable);
    return drop(a, flow.error()), false;
  }
  counters_.nat_created += created;
  rewrite(a, (*flow)->seen, (*flow)->backend);
  return true;
}

bool Stack::Impl::translate_answer(Arrival& a) {
  if (nat_.size() == 0) return false;
  const NatFlow* flow = nat_.reverse(a.now, a.tuple, a.tcp_flags, false);
  if (flow == nullptr) return false;
  rewrite(a, flow->service, flow->client);
  return true;
}

void Stack::Impl::rewrite(Arrival& a, const Endpoint& source, const Endpoint& destination) {
  rewrite_endpoints(a.head(), a.ip, source, destination, a.packet.offload.needs_checksum);
  a.untranslated = a.tuple;
  a.tuple.source = source;
  a.tuple.destination = destination;
  a.ip.source = source.address;
  a.ip.destination = destination.address;
  ++counters_.translated;
}

void Stack::Impl::to_engine(Arrival& a, Interception interception, InterfaceId pod) {
  const Offload& offload = a.packet.offload;
  if (!offload.needs_checksum && !offload.checksum_verified && !l4_checksum_holds(a.packet.bytes, a.ip))
    return drop(a, Drop::kL4BadChecksum);
  ++(interception == Interception::kOutbound ? counters_.outbound : counters_.inbound);
  TcpArrival arrival;
  arrival.key = {a.ingress->id, a.tuple.destination, a.tuple.source};
  arrival.interception = interception;
  arrival.pod = pod;
  arrival.tcp_offset = static_cast<std::uint16_t>(a.ip.header_bytes);
  arrival.ecn = static_cast<Ecn>(a.ip.ecn);
  tcp_.input(a.now, std::move(a.packet), arrival);
}

}  // namespace weft::net
