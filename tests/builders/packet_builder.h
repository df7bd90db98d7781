// A language for packets in tests: eth().ip("10.0.0.1", "10.0.0.2").tcp(1000, 80).syn().payload("x").
// Layers are written in order; lengths and checksums come right by themselves, unless a test spoils them on purpose.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/packet.h"
#include "dataplane/net/mac_address.h"

namespace weft::testing {

using Bytes = std::vector<std::uint8_t>;

// Both abort on nonsense.
IpAddress ip_of(std::string_view text);
Endpoint endpoint_of(std::string_view text);

class PacketBuilder {
 public:
  // ---- Ethernet
  PacketBuilder& eth(const net::MacAddress& to, const net::MacAddress& from);
  PacketBuilder& vlan(std::uint16_t tag);
  PacketBuilder& ether_type(std::uint16_t type);  // instead of the one that follows from the next layer
  // ---- ARP and ND
  PacketBuilder& arp(std::uint16_t operation, const net::MacAddress& sender_mac, std::string_view sender,
                     const net::MacAddress& target_mac, std::string_view target);
  PacketBuilder& solicitation(std::string_view target, const net::MacAddress* source_link);
  PacketBuilder& advertisement(std::string_view target, const net::MacAddress* target_link, std::uint8_t flags);
  // ---- IP
  PacketBuilder& ip(std::string_view source, std::string_view destination);
  PacketBuilder& hop_limit(std::uint8_t n);
  PacketBuilder& dont_fragment();
  PacketBuilder& option(Bytes bytes);                      // IPv4, padded to 4
  PacketBuilder& extension(std::uint8_t header, Bytes body = {});  // IPv6, body without its first two bytes
  PacketBuilder& fragment(std::uint32_t offset, bool more, std::uint32_t identification = 7);
  PacketBuilder& protocol(std::uint8_t number);
  // ---- above
  PacketBuilder& tcp(std::uint16_t source, std::uint16_t destination);
  PacketBuilder& syn();
  PacketBuilder& ack(std::uint32_t number = 1);
  PacketBuilder& fin();
  PacketBuilder& rst();
  PacketBuilder& psh();
  PacketBuilder& seq(std::uint32_t number);
  PacketBuilder& udp(std::uint16_t source, std::uint16_t destination);
  PacketBuilder& icmp(std::uint8_t type, std::uint8_t code = 0, std::uint32_t rest = 0);
  PacketBuilder& payload(std::string_view text);
  PacketBuilder& payload(Bytes bytes);
  PacketBuilder& payload_of(std::size_t size);             // a counting pattern
  // ---- spoiling, on the finished bytes
  PacketBuilder& cut(std::size_t size);                    // only the first `size` bytes arrive
  PacketBuilder& padded(std::size_t size);                 // zeros up to `size`
  PacketBuilder& set8(std::size_t at, std::uint8_t value); // negative corner cases, by offset in the frame
  PacketBuilder& bad_ip_checksum();
  PacketBuilder& bad_l4_checksum();
  PacketBuilder& udp_length(std::uint16_t length);
  PacketBuilder& total_length(std::uint16_t length);
  PacketBuilder& data_offset(std::uint8_t words);
  // ---- what a TAP says with it
  PacketBuilder& partial_checksum();                       // left to us, as a pod's kernel leaves it
  PacketBuilder& gso(std::uint16_t size);                  // implies partial_checksum()

  Bytes bytes() const;      // the frame
  Bytes datagram() const;   // without Ethernet
  // `pieces` > 1 spreads the frame over that many slices.
  Packet build(BufferPool& pool, InterfaceId interface, unsigned pieces = 1) const;

 private:
  Bytes l4_bytes(std::uint16_t* checksum_at) const;
  Bytes ip_bytes() const;
  Bytes ip4_header(std::size_t payload) const;
  Bytes ip6_header(std::size_t payload) const;
  std::uint8_t upper_protocol() const;

  bool has_eth_ = false, raw_ = false;
  net::MacAddress to_, from_;
  std::vector<std::uint16_t> tags_;
  int type_ = -1;
  Bytes raw_bytes_;  // ARP
  IpAddress source_, destination_;
  std::uint8_t hop_limit_ = 64;
  bool df_ = false, fragment_ = false, more_ = false;
  std::uint32_t fragment_offset_ = 0, identification_ = 7;
  Bytes options_;
  std::vector<std::pair<std::uint8_t, Bytes>> extensions_;
  int protocol_ = -1;
  enum { kNone, kTcp, kUdp, kIcmp } l4_ = kNone;
  std::uint16_t source_port_ = 0, destination_port_ = 0;
  std::uint8_t flags_ = 0, icmp_type_ = 0, icmp_code_ = 0, data_offset_ = 5;
  std::uint32_t seq_ = 1000, ack_ = 0, icmp_rest_ = 0;
  Bytes payload_;
  std::size_t cut_ = SIZE_MAX, pad_ = 0;
  std::vector<std::pair<std::size_t, std::uint8_t>> spoiled_;
  bool bad_ip_ = false, bad_l4_ = false, partial_ = false;
  int udp_length_ = -1, total_length_ = -1;
  std::uint16_t gso_size_ = 0;
};

inline PacketBuilder eth(const net::MacAddress& to, const net::MacAddress& from) {
  return PacketBuilder().eth(to, from);
}
inline PacketBuilder ip(std::string_view source, std::string_view destination) {
  return PacketBuilder().ip(source, destination);
}

Bytes bytes_of(const Packet& packet);

}  // namespace weft::testing
