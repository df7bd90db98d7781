// Ethernet II, ARP over it (RFC 826), and Neighbor Discovery messages (RFC 4861): bytes to meaning and back.
#pragma once

#include <expected>
#include <optional>

#include "base/ip_address.h"
#include "base/packet.h"
#include "dataplane/net/drop_reason.h"
#include "dataplane/net/ip.h"
#include "dataplane/net/mac_address.h"

namespace weft::net {

inline constexpr std::uint32_t kEthernetBytes = 14;
enum class EtherType : std::uint16_t { kIp4 = 0x0800, kArp = 0x0806, kIp6 = 0x86dd };

struct EthernetHeader {
  MacAddress destination, source;
  EtherType type = EtherType::kIp4;
};

std::expected<EthernetHeader, Drop> parse_ethernet(ByteSpan frame);
// REQUIRES: kEthernetBytes writable bytes.
void write_ethernet(std::uint8_t* to, const EthernetHeader& header);

enum class ArpOperation : std::uint16_t { kRequest = 1, kReply = 2 };
struct Arp {
  ArpOperation operation = ArpOperation::kRequest;
  MacAddress sender_mac, target_mac;
  IpAddress sender, target;
};

// `bytes` follow the Ethernet header.
std::expected<Arp, Drop> parse_arp(ByteSpan bytes);
// A whole frame to `destination`; empty chain: no buffer.
ByteChain make_arp(BufferPool& pool, const Arp& arp, const MacAddress& destination);

enum class NdKind : std::uint8_t { kSolicitation = 135, kAdvertisement = 136 };
struct NeighborMessage {
  NdKind kind = NdKind::kSolicitation;
  IpAddress source, destination;  // of the IP header
  IpAddress target;
  std::optional<MacAddress> link_address;  // source (NS) or target (NA) link-layer address option
  bool router = false, solicited = false, override = false;
};

// `icmp` is a whole ICMPv6 message of type 133-137 whose checksum holds. RFC 4861 section 7.1; kNdIgnored for Router
// Discovery and Redirect.
std::expected<NeighborMessage, Drop> parse_neighbor_message(ByteSpan icmp, const IpHeader& ip);
// A whole frame; empty chain: no buffer.
ByteChain make_neighbor_message(BufferPool& pool, const NeighborMessage& message, const MacAddress& source,
                                const MacAddress& destination);

// ff02::1:ffXX:XXXX of an address, and the Ethernet group of an IPv6 group.
IpAddress solicited_node(const IpAddress& address);
MacAddress group_mac(const IpAddress& group);
IpAddress all_nodes();
// fe80:: with the modified EUI-64 of a MAC (RFC 4291 appendix A).
IpAddress link_local_of(const MacAddress& mac);

}  // namespace weft::net
