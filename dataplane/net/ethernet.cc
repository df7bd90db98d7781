#include "dataplane/net/ethernet.h"

#include "dataplane/net/checksum.h"
#include "dataplane/net/headers.h"

namespace weft::net {

namespace {

constexpr std::uint32_t kArpBytes = 28;
constexpr std::uint8_t kSourceLinkAddress = 1, kTargetLinkAddress = 2;

bool is_vlan(std::uint16_t type) { return type == 0x8100 || type == 0x88a8 || type == 0x9100; }

MutableByteSpan start_frame(BufferPool& pool, std::uint32_t bytes, Slice& slice) {
  slice = Slice::allocate(pool, kHeadroom);
  if (!slice || slice.tailroom() < bytes) return {};
  std::uint8_t* p = slice.append(bytes);
  std::memset(p, 0, bytes);
  return {p, bytes};
}

// RFC 4861 section 4.6: options in units of 8 bytes, none empty.
std::expected<std::optional<MacAddress>, Drop> find_link_address(ByteSpan options, std::uint8_t wanted) {
  std::optional<MacAddress> mac;
  for (std::size_t i = 0; i < options.size();) {
    if (options.size() - i < 8 || options[i + 1] == 0) return std::unexpected(Drop::kNdMalformed);
    const std::size_t size = options[i + 1] * 8u;
    if (i + size > options.size()) return std::unexpected(Drop::kNdMalformed);
    if (options[i] == wanted && size == 8) mac = MacAddress::from(options.data() + i + 2);
    i += size;
  }
  return mac;
}

Drop check_solicitation(const NeighborMessage& m) {
  if (!m.source.is_unspecified()) return Drop::kCount;
  return m.link_address || m.destination != solicited_node(m.target) ? Drop::kNdMalformed : Drop::kCount;
}

Drop check_advertisement(const NeighborMessage& m) {
  return m.destination.is_multicast() && m.solicited ? Drop::kNdMalformed : Drop::kCount;
}

}  // namespace

std::expected<EthernetHeader, Drop> parse_ethernet(ByteSpan frame) {
  if (frame.size() < kEthernetBytes) return std::unexpected(Drop::kFrameTruncated);
  const std::uint16_t type = load_be16(frame.data() + 12);
  if (is_vlan(type)) return std::unexpected(Drop::kVlanTag);
  switch (static_cast<EtherType>(type)) {
    case EtherType::kIp4: case EtherType::kIp6: case EtherType::kArp: break;
    default: return std::unexpected(Drop::kUnknownEtherType);
  }
  return EthernetHeader{MacAddress::from(frame.data()), MacAddress::from(frame.data() + 6),
                        static_cast<EtherType>(type)};
}

void write_ethernet(std::uint8_t* to, const EthernetHeader& header) {
  std::memcpy(to, header.destination.bytes.data(), 6);
  std::memcpy(to + 6, header.source.bytes.data(), 6);
  store_be16(to + 12, static_cast<std::uint16_t>(header.type));
}

std::expected<Arp, Drop> parse_arp(ByteSpan bytes) {
  static constexpr std::uint8_t kShape[6] = {0, 1, 8, 0, 6, 4};  // Ethernet, IPv4, their address sizes
  if (bytes.size() < kArpBytes || std::memcmp(bytes.data(), kShape, 6) != 0)
    return std::unexpected(Drop::kArpMalformed);
  const std::uint8_t* p = bytes.data();
  const std::uint16_t operation = load_be16(p + 6);
  if (operation != 1 && operation != 2) return std::unexpected(Drop::kArpMalformed);
  return Arp{static_cast<ArpOperation>(operation), MacAddress::from(p + 8), MacAddress::from(p + 18),
             IpAddress::v4(p + 14), IpAddress::v4(p + 24)};
}

ByteChain make_arp(BufferPool& pool, const Arp& arp, const MacAddress& destination) {
  Slice slice;
  // Padded to the 60 bytes that Ethernet wants: software devices do not.
  MutableByteSpan frame = start_frame(pool, 60, slice);
  if (frame.empty()) return {};
  write_ethernet(frame.data(), {destination, arp.sender_mac, EtherType::kArp});
  std::uint8_t* p = frame.data() + kEthernetBytes;
  static constexpr std::uint8_t kShape[6] = {0, 1, 8, 0, 6, 4};
  std::memcpy(p, kShape, 6);
  store_be16(p + 6, static_cast<std::uint16_t>(arp.operation));
  std::memcpy(p + 8, arp.sender_mac.bytes.data(), 6);
  std::memcpy(p + 14, arp.sender.data(), 4);
  std::memcpy(p + 18, arp.target_mac.bytes.data(), 6);
  std::memcpy(p + 24, arp.target.data(), 4);
  return ByteChain(std::move(slice));
}

std::expected<NeighborMessage, Drop> parse_neighbor_message(ByteSpan icmp, const IpHeader& ip) {
  const std::uint8_t* p = icmp.data();
  if (ip.hop_limit != 255) return std::unexpected(Drop::kNdMalformed);
  if (p[0] == 133 || p[0] == 134 || p[0] == 137) return std::unexpected(Drop::kNdIgnored);
  if (icmp.size() < 24 || p[1] != 0) return std::unexpected(Drop::kNdMalformed);
  NeighborMessage m;
  m.kind = static_cast<NdKind>(p[0]);
  m.source = ip.source;
  m.destination = ip.destination;
  m.target = IpAddress::v6(p + 8);
  m.router = (p[4] & 0x80) != 0;
  m.solicited = (p[4] & 0x40) != 0;
  m.override = (p[4] & 0x20) != 0;
  if (m.target.is_multicast()) return std::unexpected(Drop::kNdMalformed);
  const bool solicitation = m.kind == NdKind::kSolicitation;
  auto mac = find_link_address(icmp.subspan(24), solicitation ? kSourceLinkAddress : kTargetLinkAddress);
  if (!mac) return std::unexpected(mac.error());
  m.link_address = *mac;
  if (m.link_address && m.link_address->is_group()) return std::unexpected(Drop::kNdMalformed);
  Drop bad = solicitation ? check_solicitation(m) : check_advertisement(m);
  if (bad != Drop::kCount) return std::unexpected(bad);
  return m;
}

ByteChain make_neighbor_message(BufferPool& pool, const NeighborMessage& m, const MacAddress& source,
                                const MacAddress& destination) {
  const std::uint32_t icmp_bytes = m.link_address ? 32 : 24;
  Slice slice;
  MutableByteSpan frame = start_frame(pool, kEthernetBytes + 40 + icmp_bytes, slice);
  if (frame.empty()) return {};
  write_ethernet(frame.data(), {destination, source, EtherType::kIp6});
  std::uint8_t* ip = frame.data() + kEthernetBytes;
  ip[0] = 0x60;
  store_be16(ip + 4, static_cast<std::uint16_t>(icmp_bytes));
  ip[6] = kProtocolIcmp6;
  ip[7] = 255;
  std::memcpy(ip + 8, m.source.data(), 16);
  std::memcpy(ip + 24, m.destination.data(), 16);
  std::uint8_t* icmp = ip + 40;
  icmp[0] = static_cast<std::uint8_t>(m.kind);
  icmp[4] = static_cast<std::uint8_t>(m.router << 7 | m.solicited << 6 | m.override << 5);
  std::memcpy(icmp + 8, m.target.data(), 16);
  if (m.link_address) {
    icmp[24] = m.kind == NdKind::kSolicitation ? kSourceLinkAddress : kTargetLinkAddress;
    icmp[25] = 1;
    std::memcpy(icmp + 26, m.link_address->bytes.data(), 6);
  }
  const std::uint16_t sum = add_sums(sum_of({icmp, icmp_bytes}),
                                     pseudo_header_sum(m.source, m.destination, kProtocolIcmp6, icmp_bytes));
  store_be16(icmp + 2, checksum_of(sum));
  return ByteChain(std::move(slice));
}

IpAddress solicited_node(const IpAddress& address) {
  std::uint8_t bytes[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
  std::memcpy(bytes + 13, address.data() + 13, 3);
  return IpAddress::v6(bytes);
}

MacAddress group_mac(const IpAddress& group) {
  MacAddress mac{{0x33, 0x33}};
  std::memcpy(mac.bytes.data() + 2, group.data() + 12, 4);
  return mac;
}

IpAddress all_nodes() {
  static constexpr std::uint8_t kBytes[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return IpAddress::v6(kBytes);
}

IpAddress link_local_of(const MacAddress& mac) {
  const auto& m = mac.bytes;
  const std::uint8_t bytes[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(m[0] ^ 2),
                                  m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
  return IpAddress::v6(bytes);
}

}  // namespace weft::net
