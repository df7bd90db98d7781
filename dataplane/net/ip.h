// IPv4 and IPv6 headers: bytes to a checked meaning, and the few fields that a router changes.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "base/ip_address.h"
#include "base/packet.h"
#include "dataplane/net/drop_reason.h"

namespace weft::net {

inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolIcmp6 = 58;

// The IPv6 header with its extension headers; with 60 bytes of TCP and 14 of Ethernet it fits kHeaderBytesMax.
inline constexpr std::uint32_t kIp6HeadersMax = 168;
// What the first slice of a frame must hold, or the whole frame if shorter.
inline constexpr std::uint32_t kHeaderBytesMax = 256;

struct IpHeader {
  IpAddress source, destination;
  bool v6 = false;
  std::uint8_t protocol = 0;       // of the upper layer, after all extension headers that could be read
  std::uint8_t hop_limit = 0;
  std::uint8_t ecn = 0;            // RFC 3168, 5
  bool dont_fragment = false;      // always true for IPv6
  bool fragment = false;           // not an atomic fragment (RFC 6946)
  bool more_fragments = false;
  std::uint16_t fragment_offset = 0;         // bytes
  std::uint16_t fragment_header = 0;         // IPv6: where the fragment header lies; 0: none
  std::uint16_t next_header_at = 0;          // IPv6: the byte that names the fragment header
  std::uint32_t identification = 0;
  std::uint32_t header_bytes = 0;  // up to the upper layer
  std::uint32_t total_bytes = 0;   // of the datagram

  std::uint32_t payload_bytes() const { return total_bytes - header_bytes; }
};

// `head` are the first bytes of a datagram, at least min(packet_bytes, kHeaderBytesMax - 14) of them; packet_bytes is
// how many came, link padding included.
std::expected<IpHeader, Drop> parse_ip(ByteSpan head, std::size_t packet_bytes);

// RFC 7112, RFC 1858: a first fragment must hold every header through the upper layer's. `head` as for parse_ip().
bool first_fragment_is_whole(ByteSpan head, const IpHeader& ip);

// Protocol and ends of a packet; ports are 0 where the protocol has none.
struct Tuple {
  std::uint8_t protocol = 0;
  Endpoint source, destination;

  Tuple reversed() const { return {protocol, destination, source}; }
  bool operator==(const Tuple&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Tuple& t) {
    return H::combine(std::move(h), t.protocol, t.source, t.destination);
  }
};

// The tuple of a datagram that an ICMP error quotes: its tail may be missing. nullopt: cannot be read.
struct QuotedDatagram {
  Tuple tuple;
  bool v6 = false;
  std::uint32_t l4_offset = 0;    // from the start of the quoted datagram
};
std::optional<QuotedDatagram> parse_quoted(ByteSpan bytes);

// Checks a TCP or UDP header and returns its ports. REQUIRES: not a fragment; head as for parse_ip().
std::expected<Tuple, Drop> parse_ports(ByteSpan head, const IpHeader& ip);

// REQUIRES: `ip` is a readable, writable IP header.
void decrement_hop_limit(std::uint8_t* ip);
// IPv4: computes the header checksum anew.
void fill_ip4_checksum(std::uint8_t* ip);

// Where the checksum of an upper layer lies from its start; nullopt: we do not touch that protocol.
std::optional<std::uint32_t> checksum_offset_of(std::uint8_t protocol);
// True if the L4 checksum of a whole datagram holds (UDP over IPv4 without one: true).
bool l4_checksum_holds(const ByteChain& datagram, const IpHeader& ip);

// Gives a whole datagram new ends: addresses, ports, IP and L4 checksums. `partial`: the L4 checksum is left to the
// device, which starts from a pseudo header that is written at the egress. REQUIRES: TCP or UDP, same family.
void rewrite_endpoints(std::uint8_t* ip, const IpHeader& header, const Endpoint& source, const Endpoint& destination,
                       bool partial);

}  // namespace weft::net
