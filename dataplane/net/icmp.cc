#include "dataplane/net/icmp.h"

#include <algorithm>

#include "dataplane/net/checksum.h"
#include "dataplane/net/headers.h"

namespace weft::net {

namespace {

struct TypeCode {
  std::uint8_t type, code;
};

TypeCode type_of(IcmpReason reason, bool v6) {
  switch (reason) {
    case IcmpReason::kNoRoute: return v6 ? TypeCode{1, 0} : TypeCode{3, 0};
    case IcmpReason::kHostUnreachable: return v6 ? TypeCode{1, 3} : TypeCode{3, 1};
    case IcmpReason::kPortUnreachable: return v6 ? TypeCode{1, 4} : TypeCode{3, 3};
    case IcmpReason::kTooBig: return v6 ? TypeCode{2, 0} : TypeCode{3, 4};
    case IcmpReason::kTimeExceeded: return v6 ? TypeCode{3, 0} : TypeCode{11, 0};
    case IcmpReason::kReassemblyTime: return v6 ? TypeCode{3, 1} : TypeCode{11, 1};
  }
  return {};
}

void write_ip_header(std::uint8_t* p, bool v6, std::uint32_t total, const IpAddress& from, const IpAddress& to) {
  std::memset(p, 0, v6 ? 40 : 20);
  if (v6) {
    p[0] = 0x60;
    store_be16(p + 4, static_cast<std::uint16_t>(total - 40));
    p[6] = kProtocolIcmp6;
    p[7] = 64;
    std::memcpy(p + 8, from.data(), 16);
    std::memcpy(p + 24, to.data(), 16);
    return;
  }
  p[0] = 0x45;
  store_be16(p + 2, static_cast<std::uint16_t>(total));
  p[8] = 64;
  p[9] = kProtocolIcmp;
  std::memcpy(p + 12, from.data(), 4);
  std::memcpy(p + 16, to.data(), 4);
  fill_ip4_checksum(p);
}

IcmpErrorKind kind_of(std::uint8_t type, std::uint8_t code, bool v6) {
  if (v6) {
    if (type == 2) return IcmpErrorKind::kPacketTooBig;
    if (type == 1 && code == 4) return IcmpErrorKind::kPortClosed;
    const bool hard = (type == 1 && code == 1) || type == 4;
    return hard ? IcmpErrorKind::kHard : IcmpErrorKind::kSoft;
  }
  if (type == 4 || type == 5) return IcmpErrorKind::kNone;
  if (type != 3) return IcmpErrorKind::kSoft;  // time exceeded, parameter problem (RFC 1122 4.2.3.9)
  if (code == 4) return IcmpErrorKind::kPacketTooBig;
  // RFC 1122 4.2.3.9: protocol and port unreachable are hard, network and host not. Prohibited: as Linux.
  if (code == 3) return IcmpErrorKind::kPortClosed;
  const bool hard = code == 2 || code == 9 || code == 10 || code == 13;
  return hard ? IcmpErrorKind::kHard : IcmpErrorKind::kSoft;
}

}  // namespace

bool is_icmp_error(ByteSpan head, const IpHeader& ip) {
  if (ip.payload_bytes() < 8 || head.size() < ip.header_bytes + 8) return false;
  const std::uint8_t type = head[ip.header_bytes];
  if (ip.protocol == kProtocolIcmp6) return ip.v6 && type < 128;
  return ip.protocol == kProtocolIcmp && !ip.v6 && (type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
}

bool may_answer_with_error(ByteSpan head, const IpHeader& ip) {
  if (ip.fragment_offset != 0 || is_icmp_error(head, ip)) return false;
  if (ip.protocol == kProtocolIcmp6 && head.size() > ip.header_bytes && head[ip.header_bytes] == 137) return false;
  return !ip.destination.is_multicast() && !ip.source.is_multicast() && !ip.source.is_unspecified();
}

Packet make_icmp_error(BufferPool& pool, IcmpReason reason, std::uint32_t mtu, const IpAddress& from,
                       const ByteChain& original, const IpHeader& ip) {
  const std::uint32_t header = ip.v6 ? 40 : 20;
  // RFC 1812 4.3.2.3 and RFC 4443 2.4 (c): as much as fits in 576, or in the minimum MTU of 1280.
  std::uint32_t quote = std::min<std::uint32_t>(ip.total_bytes, (ip.v6 ? 1280 : 576) - header - 8);
  if (pool.buffer_capacity() <= kHeadroom + header + 8 + 28) return {};
  quote = std::min(quote, pool.buffer_capacity() - kHeadroom - header - 8);
  Slice slice = Slice::allocate(pool, kHeadroom);
  if (!slice) return {};
  std::uint8_t* p = slice.append(header + 8 + quote);
  write_ip_header(p, ip.v6, header + 8 + quote, from, ip.source);
  std::uint8_t* icmp = p + header;
  std::memset(icmp, 0, 8);
  const TypeCode type = type_of(reason, ip.v6);
  icmp[0] = type.type;
  icmp[1] = type.code;
  if (reason == IcmpReason::kTooBig) store_be32(icmp + 4, ip.v6 ? mtu : mtu & 0xffff);
  original.copy_to(0, {icmp + 8, quote});
  std::uint16_t sum = sum_of({icmp, 8 + quote});
  if (ip.v6) sum = add_sums(sum, pseudo_header_sum(from, ip.source, kProtocolIcmp6, 8 + quote));
  store_be16(icmp + 2, checksum_of(sum));
  Packet packet;
  packet.bytes = ByteChain(std::move(slice));
  return packet;
}

bool is_echo_request(ByteSpan head, const IpHeader& ip) {
  if (ip.payload_bytes() < 8 || head.size() < ip.header_bytes + 8) return false;
  const std::uint8_t* icmp = head.data() + ip.header_bytes;
  if (icmp[1] != 0) return false;
  return ip.v6 ? ip.protocol == kProtocolIcmp6 && icmp[0] == 128 : ip.protocol == kProtocolIcmp && icmp[0] == 8;
}

void turn_into_echo_reply(std::uint8_t* ip, const IpHeader& header) {
  std::uint8_t* icmp = ip + header.header_bytes;
  const std::uint8_t before[2] = {icmp[0], 0};
  icmp[0] = header.v6 ? 129 : 0;
  const std::uint8_t after[2] = {icmp[0], 0};
  store_be16(icmp + 2, update_checksum(load_be16(icmp + 2), before, after));
  std::uint8_t* from = ip + (header.v6 ? 8 : 12);
  std::memcpy(from, header.destination.data(), header.destination.size());
  std::memcpy(from + header.source.size(), header.source.data(), header.source.size());
  if (header.v6) {
    ip[7] = 64;
    return;
  }
  ip[8] = 64;
  store_be16(ip + 6, 0);
  fill_ip4_checksum(ip);
}

std::optional<ReceivedError> parse_icmp_error(ByteSpan head, const IpHeader& ip) {
  const std::uint8_t* icmp = head.data() + ip.header_bytes;
  ReceivedError received;
  received.quote_offset = ip.header_bytes + 8;
  const std::size_t end = std::min<std::size_t>(head.size(), ip.total_bytes);
  const ByteSpan quote = head.first(end).subspan(std::min<std::size_t>(received.quote_offset, end));
  std::optional<QuotedDatagram> quoted = parse_quoted(quote);
  if (!quoted || quoted->v6 != ip.v6) return std::nullopt;
  received.quoted = *quoted;
  received.error.kind = kind_of(icmp[0], icmp[1], ip.v6);
  if (received.error.kind == IcmpErrorKind::kPacketTooBig)
    received.error.mtu = ip.v6 ? load_be32(icmp + 4) : load_be16(icmp + 6);
  if (quoted->tuple.protocol == kProtocolTcp) received.error.sequence = load_be32(quote.data() + quoted->l4_offset + 4);
  return received;
}

void refresh_icmp_checksum(ByteChain& datagram, const IpHeader& ip) {
  std::uint8_t* field = datagram.front().data() + ip.header_bytes + 2;
  store_be16(field, 0);
  std::uint16_t sum = sum_of(datagram, ip.header_bytes, ip.payload_bytes());
  if (ip.v6) sum = add_sums(sum, pseudo_header_sum(ip.source, ip.destination, kProtocolIcmp6, ip.payload_bytes()));
  store_be16(field, checksum_of(sum));
}

bool IcmpLimiter::allow(Time now) {
  const double earned = static_cast<double>((now - last_).ns()) * 1e-9 * per_second_;
  tokens_ = std::min(static_cast<double>(per_second_), tokens_ + earned);
  last_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace weft::net
