#include "dataplane/net/ip.h"

#include <algorithm>

#include "dataplane/net/checksum.h"

namespace weft::net {

namespace {

constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kFragmentHeader = 44, kAuthentication = 51, kNoNext = 59,
                       kDestinationOptions = 60, kMobility = 135, kHip = 139, kShim6 = 140;

// RFC 791 section 3.1: loose and strict source routes let a sender choose who sees the packet.
Drop check_ip4_options(ByteSpan options) {
  for (std::size_t i = 0; i < options.size();) {
    const std::uint8_t kind = options[i];
    if (kind == 0) break;
    if (kind == 1) {
      ++i;
      continue;
    }
    if (i + 1 >= options.size() || options[i + 1] < 2 || i + options[i + 1] > options.size())
      return Drop::kIpBadHeader;
    if (kind == 131 || kind == 137) return Drop::kIpSourceRouting;
    i += options[i + 1];
  }
  return Drop::kCount;
}

std::expected<IpHeader, Drop> parse_ip4(ByteSpan head, std::size_t packet_bytes) {
  if (head.size() < 20) return std::unexpected(Drop::kIpTruncated);
  const std::uint8_t* p = head.data();
  IpHeader ip;
  ip.header_bytes = (p[0] & 15u) * 4;
  ip.total_bytes = load_be16(p + 2);
  if (ip.header_bytes < 20) return std::unexpected(Drop::kIpBadHeader);
  if (ip.header_bytes > head.size() || ip.total_bytes > packet_bytes) return std::unexpected(Drop::kIpTruncated);
  if (ip.total_bytes < ip.header_bytes) return std::unexpected(Drop::kIpBadHeader);
  if (sum_of(head.first(ip.header_bytes)) != 0xffff) return std::unexpected(Drop::kIpBadChecksum);
  if (Drop bad = check_ip4_options(head.subspan(20, ip.header_bytes - 20)); bad != Drop::kCount)
    return std::unexpected(bad);
  const std::uint16_t fragment = load_be16(p + 6);
  ip.identification = load_be16(p + 4);
  ip.dont_fragment = (fragment & 0x4000) != 0;
  ip.more_fragments = (fragment & 0x2000) != 0;
  ip.fragment_offset = static_cast<std::uint16_t>((fragment & 0x1fff) * 8);
  ip.fragment = ip.more_fragments || ip.fragment_offset != 0;
  ip.hop_limit = p[8];
  ip.ecn = p[1] & 3;
  ip.protocol = p[9];
  ip.source = IpAddress::v4(p + 12);
  ip.destination = IpAddress::v4(p + 16);
  return ip;
}

// One step over an IPv6 extension header. `at` moves behind it; false: `next` is the upper layer.
// `bound` is how many bytes may be read.
struct ExtensionWalk {
  ByteSpan head;
  std::uint32_t at = 40;
  std::uint32_t named_at = 6;  // the byte that holds `next`
  std::uint8_t next = 0;
  bool first = true;
  Drop error = Drop::kCount;

  bool is_extension() const {
    switch (next) {
      case kHopByHop: case kRouting: case kFragmentHeader: case kAuthentication: case kDestinationOptions:
      case kMobility: case kHip: case kShim6: return true;
      default: return false;
    }
  }
  std::uint32_t length() const {
    if (next == kFragmentHeader) return 8;
    return next == kAuthentication ? (head[at + 1] + 2u) * 4 : (head[at + 1] + 1u) * 8;
  }
  bool check() {
    if (at + 8 > head.size()) error = Drop::kIpTruncated;
    else if (next == kHopByHop && !first) error = Drop::kIpBadHeader;  // RFC 8200 section 4.1
    else if (at + length() > kIp6HeadersMax) error = Drop::kIpExtensionHeaders;
    else if (at + length() > head.size()) error = Drop::kIpTruncated;
    else if (next == kRouting && head[at + 3] != 0) error = Drop::kIpSourceRouting;
    return error == Drop::kCount;
  }
  void step() {
    const std::uint32_t size = length();
    next = head[at];
    named_at = at;
    at += size;
    first = false;
  }
};

void read_fragment_header(ExtensionWalk& walk, IpHeader& ip) {
  const std::uint8_t* p = walk.head.data() + walk.at;
  const std::uint16_t field = load_be16(p + 2);
  ip.fragment_header = static_cast<std::uint16_t>(walk.at);
  ip.next_header_at = static_cast<std::uint16_t>(walk.named_at);
  ip.fragment_offset = field & 0xfff8;
  ip.more_fragments = (field & 1) != 0;
  ip.fragment = ip.more_fragments || ip.fragment_offset != 0;
  ip.identification = load_be32(p + 4);
}

// A fragment that is not the first holds nothing that could be read behind its fragment header.
Drop walk_extensions(ExtensionWalk& walk, IpHeader& ip) {
  while (walk.is_extension()) {
    if (!walk.check()) return walk.error;
    const bool is_fragment = walk.next == kFragmentHeader;
    if (is_fragment && ip.fragment_header != 0) return Drop::kIpBadHeader;
    if (is_fragment) read_fragment_header(walk, ip);
    walk.step();
    if (is_fragment && ip.fragment) break;
  }
  ip.protocol = walk.next;
  ip.header_bytes = walk.at;
  return Drop::kCount;
}

std::expected<IpHeader, Drop> parse_ip6(ByteSpan head, std::size_t packet_bytes) {
  if (head.size() < 40) return std::unexpected(Drop::kIpTruncated);
  const std::uint8_t* p = head.data();
  IpHeader ip;
  ip.v6 = true;
  ip.dont_fragment = true;
  ip.total_bytes = 40u + load_be16(p + 4);
  if (ip.total_bytes > packet_bytes) return std::unexpected(Drop::kIpTruncated);
  ip.hop_limit = p[7];
  ip.ecn = p[1] >> 4 & 3;
  ip.source = IpAddress::v6(p + 8);
  ip.destination = IpAddress::v6(p + 24);
  ExtensionWalk walk{.head = head.first(std::min<std::size_t>(head.size(), ip.total_bytes)), .next = p[6]};
  if (Drop bad = walk_extensions(walk, ip); bad != Drop::kCount) return std::unexpected(bad);
  return ip;
}

}  // namespace

std::expected<IpHeader, Drop> parse_ip(ByteSpan head, std::size_t packet_bytes) {
  if (head.empty()) return std::unexpected(Drop::kIpTruncated);
  switch (head[0] >> 4) {
    case 4: return parse_ip4(head, packet_bytes);
    case 6: return parse_ip6(head, packet_bytes);
    default: return std::unexpected(Drop::kIpBadVersion);
  }
}

bool first_fragment_is_whole(ByteSpan head, const IpHeader& ip) {
  ExtensionWalk walk{.head = head.first(std::min<std::size_t>(head.size(), ip.total_bytes)), .at = ip.header_bytes,
                     .named_at = ip.next_header_at, .next = ip.protocol, .first = false};
  while (ip.v6 && walk.is_extension()) {
    if (walk.next == kFragmentHeader || !walk.check()) return false;
    walk.step();
  }
  const std::uint32_t have = ip.total_bytes - walk.at;
  if (walk.next != kProtocolTcp) return have >= 8 || walk.next == kNoNext;
  return have >= 20 && walk.at + 20 <= head.size() && have >= (head[walk.at + 12] >> 4) * 4u;
}

std::optional<QuotedDatagram> parse_quoted(ByteSpan bytes) {
  if (bytes.size() < 20) return std::nullopt;
  QuotedDatagram quoted;
  const std::uint8_t* p = bytes.data();
  if (p[0] >> 4 == 4) {
    quoted.l4_offset = (p[0] & 15u) * 4;
    if (quoted.l4_offset < 20 || (load_be16(p + 6) & 0x1fff) != 0) return std::nullopt;
    quoted.tuple = {p[9], {IpAddress::v4(p + 12)}, {IpAddress::v4(p + 16)}};
  } else if (p[0] >> 4 == 6 && bytes.size() >= 40) {
    IpHeader ip;
    ExtensionWalk walk{.head = bytes, .next = p[6]};
    if (walk_extensions(walk, ip) != Drop::kCount || ip.fragment_offset != 0) return std::nullopt;
    quoted.v6 = true;
    quoted.l4_offset = ip.header_bytes;
    quoted.tuple = {ip.protocol, {IpAddress::v6(p + 8)}, {IpAddress::v6(p + 24)}};
  } else {
    return std::nullopt;
  }
  const std::uint8_t protocol = quoted.tuple.protocol;
  if (protocol != kProtocolTcp && protocol != kProtocolUdp) return quoted;
  if (quoted.l4_offset + 8 > bytes.size()) return std::nullopt;
  quoted.tuple.source.port = load_be16(p + quoted.l4_offset);
  quoted.tuple.destination.port = load_be16(p + quoted.l4_offset + 2);
  return quoted;
}

std::expected<Tuple, Drop> parse_ports(ByteSpan head, const IpHeader& ip) {
  Tuple tuple{ip.protocol, {ip.source}, {ip.destination}};
  const bool tcp = ip.protocol == kProtocolTcp;
  if (!tcp && ip.protocol != kProtocolUdp) return tuple;
  const std::uint32_t least = tcp ? 20 : 8;
  if (ip.payload_bytes() < least || head.size() < ip.header_bytes + least) return std::unexpected(Drop::kL4Truncated);
  const std::uint8_t* l4 = head.data() + ip.header_bytes;
  const std::uint32_t length = tcp ? (l4[12] >> 4) * 4u : load_be16(l4 + 4);
  if (length < least) return std::unexpected(Drop::kL4BadHeader);
  if (length > ip.payload_bytes()) return std::unexpected(Drop::kL4Truncated);
  tuple.source.port = load_be16(l4);
  tuple.destination.port = load_be16(l4 + 2);
  return tuple;
}

void fill_ip4_checksum(std::uint8_t* ip) {
  store_be16(ip + 10, 0);
  store_be16(ip + 10, checksum_of(sum_of({ip, (ip[0] & 15u) * 4})));
}

void decrement_hop_limit(std::uint8_t* ip) {
  if (ip[0] >> 4 == 6) {
    --ip[7];
    return;
  }
  const std::uint8_t before[2] = {ip[8], ip[9]};
  --ip[8];
  store_be16(ip + 10, update_checksum(load_be16(ip + 10), before, {ip + 8, 2}));
}

std::optional<std::uint32_t> checksum_offset_of(std::uint8_t protocol) {
  switch (protocol) {
    case kProtocolTcp: return 16;
    case kProtocolUdp: return 6;
    case kProtocolIcmp: case kProtocolIcmp6: return 2;
    default: return std::nullopt;
  }
}

bool l4_checksum_holds(const ByteChain& datagram, const IpHeader& ip) {
  std::uint16_t sum = sum_of(datagram, ip.header_bytes, ip.payload_bytes());
  if (ip.protocol == kProtocolIcmp) return sum == 0xffff;
  if (ip.protocol == kProtocolUdp && !ip.v6) {
    std::uint8_t field[2];
    datagram.copy_to(ip.header_bytes + 6, field);
    if (load_be16(field) == 0) return true;
  }
  sum = add_sums(sum, pseudo_header_sum(ip.source, ip.destination, ip.protocol, ip.payload_bytes()));
  return sum == 0xffff;
}

void rewrite_endpoints(std::uint8_t* ip, const IpHeader& header, const Endpoint& source, const Endpoint& destination,
                       bool partial) {
  const std::uint32_t size = header.v6 ? 16 : 4, at = header.v6 ? 8 : 12;
  std::uint8_t* l4 = ip + header.header_bytes;
  std::uint8_t before[36], after[36];  // addresses and ports, all that both checksums may see
  std::memcpy(before, ip + at, 2 * size);
  std::memcpy(before + 2 * size, l4, 4);
  std::memcpy(ip + at, source.address.data(), size);
  std::memcpy(ip + at + size, destination.address.data(), size);
  store_be16(l4, source.port);
  store_be16(l4 + 2, destination.port);
  std::memcpy(after, ip + at, 2 * size);
  std::memcpy(after + 2 * size, l4, 4);
  if (!header.v6) store_be16(ip + 10, update_checksum(load_be16(ip + 10), {before, 8}, {after, 8}));
  if (partial) return;
  std::uint8_t* field = l4 + *checksum_offset_of(header.protocol);
  const bool udp = header.protocol == kProtocolUdp;
  if (udp && load_be16(field) == 0) return;  // RFC 768: the sender computed none
  store_be16(field, update_checksum(load_be16(field), {before, 2 * size + 4}, {after, 2 * size + 4}));
}

}  // namespace weft::net
