// Every way a packet may die in the packet layer, by name: enum, word for tables and metrics, sentence for people.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft::net {

#define WEFT_NET_DROPS(X)                                                                                              \
  X(kFrameTruncated, "frame_truncated", "shorter than its Ethernet header")                                            \
  X(kVlanTag, "vlan_tag", "carries a VLAN tag; tagged traffic is not ours")                                            \
  X(kUnknownEtherType, "unknown_ether_type", "neither IPv4, IPv6 nor ARP")                                             \
  X(kUnknownInterface, "unknown_interface", "came in by an interface that the configuration does not hold")            \
  X(kNotOurMac, "not_our_mac", "addressed to another station's MAC")                                                   \
  X(kBadOffload, "bad_offload", "the device's checksum or segmentation hints contradict the packet")                   \
  X(kNoBuffer, "no_buffer", "the pool of header buffers is exhausted")                                                 \
  X(kOutputFull, "output_full", "the queue towards the devices is full")                                               \
  X(kHandoverFull, "handover_full", "the queue towards another worker is full")                                        \
  X(kArpMalformed, "arp_malformed", "ARP of a wrong shape or for other protocols")                                     \
  X(kArpSpoofed, "arp_spoofed", "ARP whose sender is not the pod's own address, or a local address on the uplink")     \
  X(kNdMalformed, "nd_malformed", "Neighbor Discovery that fails RFC 4861's validity checks")                          \
  X(kNdSpoofed, "nd_spoofed", "Neighbor Discovery for an address that its sender does not own")                        \
  X(kNdIgnored, "nd_ignored", "Router Discovery or Redirect; routes come from the configuration")                      \
  X(kNeighborConflict, "neighbor_conflict", "another station on the uplink claims one of our addresses")               \
  X(kNeighborConsumed, "neighbor_consumed", "ARP or ND that was read and needed no answer")                            \
  X(kNeighborQueueFull, "neighbor_queue_full", "too many packets wait for the next hop's MAC")                         \
  X(kNeighborUnresolved, "neighbor_unresolved", "the next hop did not answer ARP or ND")                               \
  X(kIpTruncated, "ip_truncated", "an IP header or the length it states exceeds the packet")                           \
  X(kIpBadVersion, "ip_bad_version", "the IP version does not agree with the EtherType")                               \
  X(kIpBadHeader, "ip_bad_header", "an IP header or extension header with impossible lengths or order")                \
  X(kIpBadChecksum, "ip_bad_checksum", "the IPv4 header checksum is wrong")                                            \
  X(kIpSourceRouting, "ip_source_routing", "carries a source route (IPv4 option or IPv6 routing header)")              \
  X(kIpExtensionHeaders, "ip_extension_headers", "more IPv6 extension headers than anybody needs")                     \
  X(kMartianSource, "martian_source", "the source is multicast, broadcast, loopback or unspecified")                   \
  X(kMartianDestination, "martian_destination", "the destination is loopback, broadcast or unspecified")               \
  X(kMulticast, "multicast", "multicast is not routed")                                                                \
  X(kLinkLocal, "link_local", "link-local addresses do not leave their link")                                          \
  X(kSpoofedSource, "spoofed_source", "a pod's packet with a source that is not its own")                              \
  X(kLocalSourceOnUplink, "local_source_on_uplink", "an uplink packet with a local pod's or the node's own source")    \
  X(kLocalSourceOnHost, "local_source_on_host", "a packet from the host port with a local pod's source")               \
  X(kHopLimit, "hop_limit", "the TTL or hop limit ran out here")                                                       \
  X(kTooBig, "too_big", "larger than the egress MTU and must not be fragmented")                                       \
  X(kNoRoute, "no_route", "no route to the destination")                                                               \
  X(kNotForUs, "not_for_us", "from the uplink to an address that is behind none of our ports")                         \
  X(kNoHostPort, "no_host_port", "for the node's kernel, and there is no host port")                                   \
  X(kFragmentMalformed, "fragment_malformed", "a fragment of impossible offset or length")                             \
  X(kFragmentTiny, "fragment_tiny", "a first fragment that does not hold the whole header chain")                      \
  X(kFragmentOverlap, "fragment_overlap", "fragments overlap; the whole datagram is refused")                          \
  X(kFragmentDuplicate, "fragment_duplicate", "the same fragment again")                                               \
  X(kFragmentTimeout, "fragment_timeout", "a datagram's fragments did not all come in time")                           \
  X(kFragmentLimit, "fragment_limit", "too many fragments or datagrams are being gathered")                            \
  X(kL4Truncated, "l4_truncated", "a TCP, UDP or ICMP header or length exceeds the packet")                            \
  X(kL4BadHeader, "l4_bad_header", "a TCP or UDP header with impossible fields")                                       \
  X(kL4BadChecksum, "l4_bad_checksum", "the TCP, UDP or ICMP checksum is wrong")                                       \
  X(kServiceNoPort, "service_no_port", "a Service's address, but no Service on that port and protocol")                \
  X(kServiceNoBackend, "service_no_backend", "the Service has no backend")                                             \
  X(kServiceFromUplink, "service_from_uplink", "a Service's address, asked for from the wire")                         \
  X(kNatTableFull, "nat_table_full", "the table of translated flows is full")                                          \
  X(kNatNoPort, "nat_no_port", "no free source port for a translated flow")                                            \
  X(kFlowTableFull, "flow_table_full", "the table of flows that pass beside the mesh is full")                         \
  X(kGatewayUnserved, "gateway_unserved", "for the pods' gateway address, and not an echo request")                    \
  X(kIcmpConsumed, "icmp_consumed", "an ICMP message for us that needed no answer")                                    \
  X(kIcmpUnmatched, "icmp_unmatched", "an ICMP error about a packet that no flow of ours sent")                        \
  X(kIcmpLimited, "icmp_limited", "an ICMP answer that the rate limit held back")                                      \
  X(kSegmentation, "segmentation", "a super-segment that cannot be cut to the egress")

enum class Drop : std::uint8_t {
#define X(id, word, sentence) id,
  WEFT_NET_DROPS(X)
#undef X
      kCount
};

inline constexpr std::size_t kDropReasons = static_cast<std::size_t>(Drop::kCount);

std::string_view to_string(Drop reason);    // "vlan_tag"
std::string_view sentence_of(Drop reason);  // "carries a VLAN tag; ..."

}  // namespace weft::net
