#include "tests/builders/packet_builder.h"

#include <algorithm>
#include <cstdlib>

#include "dataplane/net/checksum.h"
#include "dataplane/net/ethernet.h"

namespace weft::testing {

namespace {

void put16(Bytes& to, std::uint16_t v) {
  to.push_back(static_cast<std::uint8_t>(v >> 8));
  to.push_back(static_cast<std::uint8_t>(v));
}
void put32(Bytes& to, std::uint32_t v) {
  put16(to, static_cast<std::uint16_t>(v >> 16));
  put16(to, static_cast<std::uint16_t>(v));
}
void put(Bytes& to, const std::uint8_t* from, std::size_t n) { to.insert(to.end(), from, from + n); }
void put(Bytes& to, const Bytes& from) { put(to, from.data(), from.size()); }
void put(Bytes& to, const IpAddress& address) { put(to, address.data(), address.size()); }

Bytes neighbor_body(std::string_view target, const net::MacAddress* link, std::uint8_t option) {
  Bytes body;
  put(body, ip_of(target));
  if (link == nullptr) return body;
  body.push_back(option);
  body.push_back(1);
  put(body, link->bytes.data(), 6);
  return body;
}

}  // namespace

IpAddress ip_of(std::string_view text) {
  auto address = IpAddress::parse(text);
  if (!address) std::abort();
  return *address;
}

Endpoint endpoint_of(std::string_view text) {
  auto endpoint = Endpoint::parse(text);
  if (!endpoint) std::abort();
  return *endpoint;
}

PacketBuilder& PacketBuilder::eth(const net::MacAddress& to, const net::MacAddress& from) {
  has_eth_ = true;
  to_ = to;
  from_ = from;
  return *this;
}
PacketBuilder& PacketBuilder::vlan(std::uint16_t tag) { return tags_.push_back(tag), *this; }
PacketBuilder& PacketBuilder::ether_type(std::uint16_t type) { return type_ = type, *this; }

PacketBuilder& PacketBuilder::arp(std::uint16_t operation, const net::MacAddress& sender_mac, std::string_view sender,
                                  const net::MacAddress& target_mac, std::string_view target) {
  raw_ = true;
  if (type_ < 0) type_ = 0x0806;
  raw_bytes_ = {0, 1, 8, 0, 6, 4};
  put16(raw_bytes_, operation);
  put(raw_bytes_, sender_mac.bytes.data(), 6);
  put(raw_bytes_, ip_of(sender));
  put(raw_bytes_, target_mac.bytes.data(), 6);
  put(raw_bytes_, ip_of(target));
  return *this;
}

PacketBuilder& PacketBuilder::solicitation(std::string_view target, const net::MacAddress* source_link) {
  return hop_limit(255).icmp(135).payload(neighbor_body(target, source_link, 1));
}
PacketBuilder& PacketBuilder::advertisement(std::string_view target, const net::MacAddress* target_link,
                                            std::uint8_t flags) {
  return hop_limit(255).icmp(136, 0, std::uint32_t{flags} << 24).payload(neighbor_body(target, target_link, 2));
}

PacketBuilder& PacketBuilder::ip(std::string_view source, std::string_view destination) {
  source_ = ip_of(source);
  destination_ = ip_of(destination);
  return *this;
}
PacketBuilder& PacketBuilder::hop_limit(std::uint8_t n) { return hop_limit_ = n, *this; }
PacketBuilder& PacketBuilder::dont_fragment() { return df_ = true, *this; }
PacketBuilder& PacketBuilder::option(Bytes bytes) {
  put(options_, bytes);
  while (options_.size() % 4 != 0) options_.push_back(0);
  return *this;
}
PacketBuilder& PacketBuilder::extension(std::uint8_t header, Bytes body) {
  while ((body.size() + 2) % 8 != 0) body.push_back(0);
  extensions_.emplace_back(header, std::move(body));
  return *this;
}
PacketBuilder& PacketBuilder::fragment(std::uint32_t offset, bool more, std::uint32_t identification) {
  fragment_ = true;
  fragment_offset_ = offset;
  more_ = more;
  identification_ = identification;
  return *this;
}
PacketBuilder& PacketBuilder::protocol(std::uint8_t number) { return protocol_ = number, *this; }

PacketBuilder& PacketBuilder::tcp(std::uint16_t source, std::uint16_t destination) {
  l4_ = kTcp;
  source_port_ = source;
  destination_port_ = destination;
  return *this;
}
PacketBuilder& PacketBuilder::fin() { return flags_ |= 0x01, *this; }
PacketBuilder& PacketBuilder::syn() { return flags_ |= 0x02, *this; }
PacketBuilder& PacketBuilder::rst() { return flags_ |= 0x04, *this; }
PacketBuilder& PacketBuilder::psh() { return flags_ |= 0x08, *this; }
PacketBuilder& PacketBuilder::ack(std::uint32_t number) { return flags_ |= 0x10, ack_ = number, *this; }
PacketBuilder& PacketBuilder::seq(std::uint32_t number) { return seq_ = number, *this; }
PacketBuilder& PacketBuilder::data_offset(std::uint8_t words) { return data_offset_ = words, *this; }
PacketBuilder& PacketBuilder::udp(std::uint16_t source, std::uint16_t destination) {
  l4_ = kUdp;
  source_port_ = source;
  destination_port_ = destination;
  return *this;
}
PacketBuilder& PacketBuilder::icmp(std::uint8_t type, std::uint8_t code, std::uint32_t rest) {
  l4_ = kIcmp;
  icmp_type_ = type;
  icmp_code_ = code;
  icmp_rest_ = rest;
  return *this;
}
PacketBuilder& PacketBuilder::payload(std::string_view text) {
  return payload_.assign(text.begin(), text.end()), *this;
}
PacketBuilder& PacketBuilder::payload(Bytes bytes) { return payload_ = std::move(bytes), *this; }
PacketBuilder& PacketBuilder::payload_of(std::size_t size) {
  payload_.resize(size);
  for (std::size_t i = 0; i < size; ++i) payload_[i] = static_cast<std::uint8_t>(i * 7 + (i >> 8));
  return *this;
}
PacketBuilder& PacketBuilder::cut(std::size_t size) { return cut_ = size, *this; }
PacketBuilder& PacketBuilder::padded(std::size_t size) { return pad_ = size, *this; }
PacketBuilder& PacketBuilder::set8(std::size_t at, std::uint8_t value) {
  return spoiled_.emplace_back(at, value), *this;
}
PacketBuilder& PacketBuilder::bad_ip_checksum() { return bad_ip_ = true, *this; }
PacketBuilder& PacketBuilder::bad_l4_checksum() { return bad_l4_ = true, *this; }
PacketBuilder& PacketBuilder::udp_length(std::uint16_t length) { return udp_length_ = length, *this; }
PacketBuilder& PacketBuilder::total_length(std::uint16_t length) { return total_length_ = length, *this; }
PacketBuilder& PacketBuilder::partial_checksum() { return partial_ = true, *this; }
PacketBuilder& PacketBuilder::gso(std::uint16_t size) {
  partial_ = true;
  gso_size_ = size;
  return *this;
}

std::uint8_t PacketBuilder::upper_protocol() const {
  if (protocol_ >= 0) return static_cast<std::uint8_t>(protocol_);
  switch (l4_) {
    case kTcp: return 6;
    case kUdp: return 17;
    case kIcmp: return source_.is_v6() ? 58 : 1;
    case kNone: return 253;
  }
  return 253;
}

Bytes PacketBuilder::l4_bytes(std::uint16_t* checksum_at) const {
  Bytes out;
  if (l4_ == kTcp || l4_ == kUdp) {
    put16(out, source_port_);
    put16(out, destination_port_);
  }
  if (l4_ == kTcp) {
    put32(out, seq_);
    put32(out, ack_);
    out.push_back(static_cast<std::uint8_t>(data_offset_ << 4));
    out.push_back(flags_);
    put16(out, 65535);
    put32(out, 0);
    *checksum_at = 16;
  } else if (l4_ == kUdp) {
    put16(out, static_cast<std::uint16_t>(udp_length_ >= 0 ? static_cast<std::size_t>(udp_length_)
                                                           : 8 + payload_.size()));
    put16(out, 0);
    *checksum_at = 6;
  } else if (l4_ == kIcmp) {
    out.push_back(icmp_type_);
    out.push_back(icmp_code_);
    put16(out, 0);
    put32(out, icmp_rest_);
    *checksum_at = 2;
  }
  put(out, payload_);
  return out;
}

Bytes PacketBuilder::ip4_header(std::size_t payload) const {
  Bytes h = {static_cast<std::uint8_t>(0x45 + options_.size() / 4), 0};
  const std::size_t total = 20 + options_.size() + payload;
  put16(h, total_length_ >= 0 ? static_cast<std::uint16_t>(total_length_) : static_cast<std::uint16_t>(total));
  put16(h, static_cast<std::uint16_t>(identification_));
  put16(h, static_cast<std::uint16_t>(df_ << 14 | more_ << 13 | fragment_offset_ / 8));
  h.push_back(hop_limit_);
  h.push_back(upper_protocol());
  put16(h, 0);
  put(h, source_);
  put(h, destination_);
  put(h, options_);
  store_be16(h.data() + 10, static_cast<std::uint16_t>(net::checksum_of(net::sum_of(h)) + bad_ip_));
  return h;
}

Bytes PacketBuilder::ip6_header(std::size_t payload) const {
  auto extensions = extensions_;
  if (fragment_) {
    Bytes body;
    put16(body, static_cast<std::uint16_t>(fragment_offset_ | more_));
    put32(body, identification_);
    extensions.emplace_back(std::uint8_t{44}, body);
  }
  Bytes chain;
  for (std::size_t i = 0; i < extensions.size(); ++i) {
    const auto& [type, body] = extensions[i];
    chain.push_back(i + 1 < extensions.size() ? extensions[i + 1].first : upper_protocol());
    const std::size_t size = body.size() + 2;
    chain.push_back(static_cast<std::uint8_t>(type == 44 ? 0 : type == 51 ? size / 4 - 2 : size / 8 - 1));
    put(chain, body);
  }
  Bytes h = {0x60, 0, 0, 0};
  put16(h, total_length_ >= 0 ? static_cast<std::uint16_t>(total_length_)
                              : static_cast<std::uint16_t>(chain.size() + payload));
  h.push_back(extensions.empty() ? upper_protocol() : extensions[0].first);
  h.push_back(hop_limit_);
  put(h, source_);
  put(h, destination_);
  put(h, chain);
  return h;
}

Bytes PacketBuilder::ip_bytes() const {
  std::uint16_t checksum_at = 0;
  Bytes l4 = l4_bytes(&checksum_at);
  if (checksum_at != 0) {
    const bool pseudo = l4_ != kIcmp || source_.is_v6();
    std::uint16_t sum = pseudo ? net::pseudo_header_sum(source_, destination_, upper_protocol(), l4.size()) : 0;
    if (!partial_) sum = net::checksum_of(net::add_sums(sum, net::sum_of(l4)));
    store_be16(l4.data() + checksum_at, static_cast<std::uint16_t>(sum + bad_l4_));
  }
  Bytes out = source_.is_v6() ? ip6_header(l4.size()) : ip4_header(l4.size());
  put(out, l4);
  return out;
}

Bytes PacketBuilder::datagram() const { return raw_ ? raw_bytes_ : ip_bytes(); }

Bytes PacketBuilder::bytes() const {
  Bytes out;
  put(out, to_.bytes.data(), 6);
  put(out, from_.bytes.data(), 6);
  for (std::uint16_t tag : tags_) {
    put16(out, 0x8100);
    put16(out, tag);
  }
  put16(out, type_ >= 0 ? static_cast<std::uint16_t>(type_) : source_.is_v6() ? std::uint16_t{0x86dd}
                                                                              : std::uint16_t{0x0800});
  put(out, datagram());
  for (auto [at, value] : spoiled_) out.at(at) = value;
  if (out.size() < pad_) out.resize(pad_);
  if (out.size() > cut_) out.resize(cut_);
  return out;
}

Packet PacketBuilder::build(BufferPool& pool, InterfaceId interface, unsigned pieces) const {
  const Bytes frame = has_eth_ ? bytes() : datagram();
  Packet packet;
  packet.interface = interface;
  const std::size_t step = std::max<std::size_t>(1, (frame.size() + pieces - 1) / pieces);
  for (std::size_t at = 0; at < frame.size(); at += step)
    packet.bytes.append(ByteChain::copy_of(ByteSpan(frame).subspan(at, std::min(step, frame.size() - at)), pool, 64));
  if (!partial_) return packet;
  std::uint16_t checksum_at = 0;
  const std::size_t start = frame.size() - l4_bytes(&checksum_at).size();
  packet.offload.needs_checksum = true;
  packet.offload.checksum_start = static_cast<std::uint16_t>(start);
  packet.offload.checksum_offset = checksum_at;
  packet.offload.gso_size = gso_size_;
  if (gso_size_ != 0) packet.offload.gso = source_.is_v6() ? GsoType::kTcp6 : GsoType::kTcp4;
  return packet;
}

Bytes bytes_of(const Packet& packet) {
  Bytes out(packet.bytes.size());
  packet.bytes.copy_to(0, out);
  return out;
}

}  // namespace weft::testing
