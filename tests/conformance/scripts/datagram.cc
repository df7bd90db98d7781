// Bytes of datagrams: RFC 791, 8200, 9293, 792, 4443.
#include <algorithm>
#include <stdexcept>

#include "tests/conformance/scripts/segment.h"

namespace script {

namespace {

constexpr char kFlagLetters[] = {'F', 'S', 'R', 'P', '.', 'U'};  // by bit
constexpr std::uint8_t kTcp = 6, kIcmp = 1, kIcmp6 = 58, kFragment6 = 44;

void put16(Bytes& to, std::uint32_t v) {
  to.push_back(static_cast<std::uint8_t>(v >> 8));
  to.push_back(static_cast<std::uint8_t>(v));
}
void put32(Bytes& to, std::uint32_t v) {
  put16(to, v >> 16);
  put16(to, v & 0xffff);
}
std::uint32_t get16(const Bytes& from, std::size_t at) {
  return static_cast<std::uint32_t>(from[at] << 8 | from[at + 1]);
}
std::uint32_t get32(const Bytes& from, std::size_t at) { return get16(from, at) << 16 | get16(from, at + 2); }
void set16(Bytes& to, std::size_t at, std::uint32_t v) {
  to[at] = static_cast<std::uint8_t>(v >> 8);
  to[at + 1] = static_cast<std::uint8_t>(v);
}

// RFC 1071.
std::uint32_t sum_of(const Bytes& bytes, std::size_t from, std::size_t to) {
  std::uint64_t sum = 0;
  for (std::size_t i = from; i < to; ++i) sum += static_cast<std::uint64_t>(bytes[i]) << ((i - from) % 2 == 0 ? 8 : 0);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint32_t>(sum);
}

std::uint32_t checksum_with_pseudo_header(const Flow& flow, std::uint8_t protocol, const Bytes& payload) {
  Bytes all(flow.source.begin(), flow.source.begin() + static_cast<std::ptrdiff_t>(flow.address_bytes()));
  all.insert(all.end(), flow.destination.begin(),
             flow.destination.begin() + static_cast<std::ptrdiff_t>(flow.address_bytes()));
  put32(all, static_cast<std::uint32_t>(payload.size()));
  put32(all, protocol);
  all.insert(all.end(), payload.begin(), payload.end());
  return ~sum_of(all, 0, all.size()) & 0xffff;
}

void fill_ip_checksum(Bytes& datagram) {
  set16(datagram, 10, 0);
  set16(datagram, 10, ~sum_of(datagram, 0, (datagram[0] & 15u) * 4));
}

void put_option(Bytes& to, const Option& o) {
  const auto value = [&o](std::size_t i) { return i < o.values.size() ? o.values[i] : 0; };
  if (o.name == "eol") to.push_back(0);
  else if (o.name == "nop") to.push_back(1);
  else if (o.name == "mss") to.insert(to.end(), {2, 4}), put16(to, value(0));
  else if (o.name == "wscale") to.insert(to.end(), {3, 3, static_cast<std::uint8_t>(value(0))});
  else if (o.name == "sackOK") to.insert(to.end(), {4, 2});
  else if (o.name == "TS") to.insert(to.end(), {8, 10}), put32(to, o.val.value_or(0)), put32(to, o.ecr.value_or(0));
  else if (o.name == "raw") {
    for (std::uint32_t byte : o.values) to.push_back(static_cast<std::uint8_t>(byte));
  } else if (o.name == "sack") {
    to.insert(to.end(), {5, static_cast<std::uint8_t>(2 + 4 * o.values.size())});
    for (std::uint32_t edge : o.values) put32(to, edge);
  } else {
    throw std::runtime_error("unknown option " + o.name);
  }
}

Option get_option(const Bytes& from, std::size_t at) {
  switch (from[at]) {
    case 0: return {"eol", {}, {}, {}};
    case 1: return {"nop", {}, {}, {}};
    case 2: return {"mss", {get16(from, at + 2)}, {}, {}};
    case 3: return {"wscale", {from[at + 2]}, {}, {}};
    case 4: return {"sackOK", {}, {}, {}};
    case 8: return {"TS", {}, get32(from, at + 2), get32(from, at + 6)};
    default: break;
  }
  Option sack{"sack", {}, {}, {}};
  for (std::size_t i = 2; i + 4 <= from[at + 1]; i += 4) sack.values.push_back(get32(from, at + i));
  return sack;
}

std::vector<Option> get_options(const Bytes& tcp, std::size_t end) {
  std::vector<Option> options;
  for (std::size_t at = 20; at < end;) {
    options.push_back(get_option(tcp, at));
    at += tcp[at] <= 1 ? 1 : std::max<std::size_t>(tcp[at + 1], 2);
  }
  return options;
}

}  // namespace

Bytes ip_datagram(const Flow& flow, std::uint8_t protocol, const Bytes& payload) {
  Bytes out;
  const auto total = static_cast<std::uint32_t>(payload.size());
  const auto address = [&](const std::array<std::uint8_t, 16>& a) {
    out.insert(out.end(), a.begin(), a.begin() + static_cast<std::ptrdiff_t>(flow.address_bytes()));
  };
  if (flow.family == AF_INET6) {
    put32(out, 0x60000000), put16(out, total), out.push_back(protocol), out.push_back(64);
  } else {
    put16(out, 0x4500), put16(out, 20 + total), put16(out, 7), put16(out, 0x4000);
    out.push_back(64), out.push_back(protocol), put16(out, 0);
  }
  address(flow.source);
  address(flow.destination);
  if (flow.family == AF_INET) fill_ip_checksum(out);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Bytes tcp_datagram(const Flow& flow, const Segment& s) {
  Bytes options;
  if (s.options) {
    for (const Option& option : *s.options) put_option(options, option);
  }
  while (options.size() % 4 != 0) options.push_back(0);
  std::uint8_t flags = 0;
  for (int bit = 0; bit < 6; ++bit) flags = static_cast<std::uint8_t>(flags | s.has(kFlagLetters[bit]) << bit);
  Bytes tcp;
  put16(tcp, flow.source_port), put16(tcp, flow.destination_port);
  put32(tcp, s.seq), put32(tcp, s.ack.value_or(0));
  tcp.push_back(static_cast<std::uint8_t>((20 + options.size()) / 4 << 4)), tcp.push_back(flags);
  put16(tcp, s.window.value_or(0)), put16(tcp, 0), put16(tcp, s.urgent.value_or(0));
  tcp.insert(tcp.end(), options.begin(), options.end());
  tcp.insert(tcp.end(), s.payload.begin(), s.payload.end());
  set16(tcp, 16, checksum_with_pseudo_header(flow, kTcp, tcp));
  return ip_datagram(flow, kTcp, tcp);
}

std::optional<Segment> parse_datagram(const Bytes& d, Flow* flow) {
  if (d.size() < 40) return std::nullopt;
  flow->family = d[0] >> 4 == 6 ? AF_INET6 : AF_INET;
  const std::size_t ip = flow->header_bytes(), first = flow->family == AF_INET6 ? 8 : 12;
  if (d.size() < ip + 20 || d[flow->family == AF_INET6 ? 6 : 9] != kTcp) return std::nullopt;
  std::copy_n(d.begin() + static_cast<std::ptrdiff_t>(first), flow->address_bytes(), flow->source.begin());
  std::copy_n(d.begin() + static_cast<std::ptrdiff_t>(first + flow->address_bytes()), flow->address_bytes(),
              flow->destination.begin());
  if (flow->family == AF_INET && (sum_of(d, 0, 20) != 0xffff || get16(d, 2) != d.size())) return std::nullopt;
  const Bytes tcp(d.begin() + static_cast<std::ptrdiff_t>(ip), d.end());
  if (checksum_with_pseudo_header(*flow, kTcp, tcp) != 0) return std::nullopt;
  flow->source_port = static_cast<std::uint16_t>(get16(tcp, 0));
  flow->destination_port = static_cast<std::uint16_t>(get16(tcp, 2));
  Segment s;
  for (int bit : {1, 0, 2, 3, 5, 4}) {
    if ((tcp[13] >> bit & 1) != 0) s.flags += kFlagLetters[bit];
  }
  const std::size_t header = (tcp[12] >> 4) * 4u;
  s.seq = get32(tcp, 4);
  if (s.has('.')) s.ack = get32(tcp, 8);
  s.window = get16(tcp, 14);
  s.options = get_options(tcp, header);
  s.payload.assign(tcp.begin() + static_cast<std::ptrdiff_t>(header), tcp.end());
  s.size = static_cast<std::uint32_t>(s.payload.size());
  return s;
}

Bytes fragment_of(const Flow& flow, const Bytes& datagram, std::size_t from, std::size_t to) {
  const std::size_t ip = flow.header_bytes();
  const auto byte = [&datagram](std::size_t at) { return datagram.begin() + static_cast<std::ptrdiff_t>(at); };
  to = std::min(to, datagram.size() - ip);
  const auto offset = static_cast<std::uint32_t>(from);
  const std::uint32_t more = ip + to < datagram.size() ? 1 : 0;
  Bytes payload;
  if (flow.family == AF_INET6) payload = {kTcp, 0}, put16(payload, offset | more), put32(payload, 99);
  payload.insert(payload.end(), byte(ip + from), byte(ip + to));
  Bytes piece = ip_datagram(flow, flow.family == AF_INET6 ? kFragment6 : kTcp, payload);
  if (flow.family == AF_INET6) return piece;
  set16(piece, 6, more << 13 | offset / 8);
  fill_ip_checksum(piece);
  return piece;
}

Bytes with_extension(const Bytes& datagram, std::uint8_t kind, Bytes header) {
  Bytes out = datagram;
  header[0] = out[6];
  out[6] = kind;
  set16(out, 4, get16(out, 4) + static_cast<std::uint32_t>(header.size()));
  out.insert(out.begin() + 40, header.begin(), header.end());
  return out;
}

Bytes with_ip_options(const Bytes& datagram, const Bytes& options) {
  Bytes out = datagram;
  out[0] = static_cast<std::uint8_t>(out[0] + options.size() / 4);
  set16(out, 2, get16(out, 2) + static_cast<std::uint32_t>(options.size()));
  out.insert(out.begin() + 20, options.begin(), options.end());
  fill_ip_checksum(out);
  return out;
}

Bytes icmp_error(const Flow& flow, std::uint8_t type, std::uint8_t code, std::uint32_t rest, const Bytes& quoted) {
  Bytes icmp{type, code, 0, 0};
  put32(icmp, rest);
  icmp.insert(icmp.end(), quoted.begin(), quoted.begin() + static_cast<std::ptrdiff_t>(
                                                                std::min(quoted.size(), flow.header_bytes() + 28)));
  const bool v6 = flow.family == AF_INET6;
  set16(icmp, 2, v6 ? checksum_with_pseudo_header(flow, kIcmp6, icmp) : ~sum_of(icmp, 0, icmp.size()));
  return ip_datagram(flow, v6 ? kIcmp6 : kIcmp, icmp);
}

}  // namespace script
