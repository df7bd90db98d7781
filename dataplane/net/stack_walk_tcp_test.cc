// TCP of mesh pods, bad L4 headers, ARP and ND: the same walk.
#include "tests/builders/walk.h"

namespace weft::net {
namespace {

using namespace weft::testing;

TEST_F(Walk, TcpOfMeshPods) {
  walk({
      {"outbound", kMesh, pod_says().ip(kPod, kFar).tcp(1000, 80).syn(), Engine::kOutbound},
      {"outbound, v6", kMesh, pod_says().ip(kPod6, kFar6).tcp(1000, 80).syn(), Engine::kOutbound},
      {"outbound, Service address", kMesh, pod_says().ip(kPod, "10.96.0.10").tcp(1000, 80).syn(), Engine::kOutbound},
      {"outbound, mesh to mesh", kMesh, pod_says().ip(kPod, "10.1.0.11").tcp(1000, 80).syn(), Engine::kOutbound},
      {"outbound, to the node", kMesh, pod_says().ip(kPod, kNode).tcp(1000, 80).syn(), Engine::kOutbound},
      {"outbound, behind extension headers", kMesh,
       pod_says().ip(kPod6, kFar6).extension(0, {1, 4, 0, 0, 0, 0}).extension(60).tcp(1000, 80).syn(),
       Engine::kOutbound},
      {"outbound, behind an atomic fragment header", kMesh,
       pod_says().ip(kPod6, kFar6).fragment(0, false).tcp(1000, 80).syn(), Engine::kOutbound},
      {"outbound, behind AH", kMesh, pod_says().ip(kPod6, kFar6).extension(51, Bytes(14)).tcp(1000, 80).syn(),
       Engine::kOutbound},
      {"outbound, with IP options", kMesh, pod_says().ip(kPod, kFar).option({148, 4, 0, 0}).tcp(1000, 80).syn(),
       Engine::kOutbound},
      {"outbound, partial checksum", kMesh, pod_says().ip(kPod, kFar).tcp(1000, 80).syn().partial_checksum(),
       Engine::kOutbound},
      {"outbound, excluded port", kMesh, pod_says().ip(kPod, kFar).tcp(1000, 3306).syn(), To{kUplink}},
      {"excluded port of a mesh pod, still its inbound", kMesh,
       pod_says().ip(kPod, "10.1.0.11").tcp(1000, 3306).syn(), Engine::kInbound},
      {"inbound from the wire", kUplink, wire_says().ip(kFar, kPod).tcp(1000, 80).syn(), Engine::kInbound},
      {"inbound from the wire, v6", kUplink, wire_says().ip(kFar6, kPod6).tcp(1000, 80).syn(), Engine::kInbound},
      {"inbound from a plain pod", kPlain, plain_says().ip("10.1.0.12", kPod).tcp(1000, 80).syn(), Engine::kInbound},
      {"inbound from a plain pod by Service", kPlain,
       plain_says().ip("10.1.0.12", "10.96.0.11").tcp(1000, 80).syn(), Engine::kInbound},
      {"inbound, excluded port", kUplink, wire_says().ip(kFar, kPod).tcp(1000, 9999).syn(), To{kMesh}},
      {"from the node", kHost, host_says().ip(kNode, kPod).tcp(1000, 80).syn(), To{kMesh}},
      {"from the host port, not the node", kHost, host_says().ip("172.17.0.2", kPod).tcp(1000, 80).syn(),
       Engine::kInbound},
      {"mid-flow from the node", kHost, host_says().ip(kNode, kPod).tcp(1000, 80).ack(), Engine::kInbound},
      {"plain pods' TCP is only routed", kPlain, plain_says().ip("10.1.0.12", kFar).tcp(1000, 80).syn(), To{kUplink}},
  });
}

TEST_F(Walk, BadTcpOfMeshPods) {
  walk({
      {"header cut", kMesh, pod_says().ip(kPod, kFar).protocol(6).payload_of(19), Drop::kL4Truncated},
      {"data offset 4", kMesh, pod_says().ip(kPod, kFar).tcp(1, 2).syn().data_offset(4), Drop::kL4BadHeader},
      {"data offset beyond", kMesh, pod_says().ip(kPod, kFar).tcp(1, 2).syn().data_offset(6), Drop::kL4Truncated},
      {"checksum", kMesh, pod_says().ip(kPod, kFar).tcp(1, 2).syn().bad_l4_checksum(), Drop::kL4BadChecksum},
      {"checksum, v6", kUplink, wire_says().ip(kFar6, kPod6).tcp(1, 2).syn().bad_l4_checksum(), Drop::kL4BadChecksum},
      {"UDP header cut", kPlain, plain_says().ip("10.1.0.12", kFar).protocol(17).payload_of(7), Drop::kL4Truncated},
      {"UDP length beyond", kPlain, plain_says().ip("10.1.0.12", kFar).udp(1, 2).udp_length(9), Drop::kL4Truncated},
      {"UDP length below 8", kPlain, plain_says().ip("10.1.0.12", kFar).udp(1, 2).udp_length(7), Drop::kL4BadHeader},
      {"ICMP cut", kPlain, plain_says().ip("10.1.0.12", kFar).protocol(1).payload_of(7), Drop::kL4Truncated},
      {"super-segment of UDP", kPlain, plain_says().ip("10.1.0.12", kFar).udp(1, 2).payload_of(3000).gso(1000),
       Drop::kBadOffload},
      {"super-segment of nothing", kMesh, pod_says().ip(kPod, kFar).tcp(1, 2).ack().gso(1000), Drop::kBadOffload},
      {"partial checksum of a fragment", kMesh,
       pod_says().ip(kPod, kFar).fragment(0, true).tcp(1, 2).payload_of(100).partial_checksum(), Drop::kBadOffload},
      {"first fragment without ports", kMesh, pod_says().ip(kPod, kFar).fragment(0, true).protocol(6).payload_of(8),
       Drop::kFragmentTiny},
      {"first fragment without the TCP header", kMesh,
       pod_says().ip(kPod6, kFar6).fragment(0, true).protocol(6).payload_of(16), Drop::kFragmentTiny},
      {"first fragment that ends in extension headers", kMesh,
       pod_says().ip(kPod6, kFar6).fragment(0, true).protocol(60).payload(Bytes{6, 1, 0, 0, 0, 0, 0, 0}),
       Drop::kFragmentTiny},
      {"fragment of no multiple of 8", kMesh, pod_says().ip(kPod, kFar).fragment(0, true).tcp(1, 2).payload_of(5),
       Drop::kFragmentMalformed},
      {"fragment beyond 64 KB", kMesh, pod_says().ip(kPod, kFar).fragment(65528, false).protocol(6).payload_of(16),
       Drop::kFragmentMalformed},
      {"empty fragment", kMesh, pod_says().ip(kPod, kFar).fragment(64, true).protocol(6), Drop::kFragmentMalformed},
  });
}

TEST_F(Walk, ArpAndNd) {
  const MacAddress pod_mac = peer_mac(kMesh), wire_mac = gateway_mac();
  const PacketBuilder broadcast = eth(MacAddress::broadcast(), pod_mac);
  walk({
      {"pod asks for the gateway", kMesh, PacketBuilder(broadcast).arp(1, pod_mac, kPod, {}, "169.254.1.1"),
       To{kMesh}},
      {"pod asks for anybody", kMesh, PacketBuilder(broadcast).arp(1, pod_mac, kPod, {}, "10.9.9.9"), To{kMesh}},
      {"pod probes its own", kMesh, PacketBuilder(broadcast).arp(1, pod_mac, "0.0.0.0", {}, kPod),
       Drop::kNeighborConsumed},
      {"pod announces itself", kMesh, PacketBuilder(broadcast).arp(1, pod_mac, kPod, {}, kPod),
       Drop::kNeighborConsumed},
      {"ARP cut", kMesh, PacketBuilder(broadcast).arp(1, pod_mac, kPod, {}, "169.254.1.1").cut(41),
       Drop::kArpMalformed},
      {"ARP for other hardware", kMesh,
       PacketBuilder(broadcast).arp(1, pod_mac, kPod, {}, "169.254.1.1").set8(15, 6), Drop::kArpMalformed},
      {"ARP operation 3", kMesh, PacketBuilder(broadcast).arp(3, pod_mac, kPod, {}, "169.254.1.1"),
       Drop::kArpMalformed},
      {"pod solicits the gateway", kMesh,
       eth(MacAddress{{0x33, 0x33, 0xff, 0, 0, 1}}, pod_mac).ip("fe80::5", "ff02::1:ff00:1")
           .solicitation("fe80::1", &pod_mac), To{kMesh}},
      {"pod checks the gateway", kMesh, pod_says().ip(kPod6, "fe80::1").solicitation("fe80::1", nullptr), To{kMesh}},
      {"DAD of its own", kMesh, pod_says().ip("::", "ff02::1:ff00:10").solicitation(kPod6, nullptr),
       Drop::kNeighborConsumed},
      {"ND from beyond the link", kMesh,
       pod_says().ip(kPod6, "fe80::1").solicitation("fe80::1", &pod_mac).hop_limit(254), Drop::kNdMalformed},
      {"ND checksum", kMesh,
       pod_says().ip(kPod6, "fe80::1").solicitation("fe80::1", &pod_mac).bad_l4_checksum(), Drop::kL4BadChecksum},
      {"ND option of length 0", kMesh,
       pod_says().ip(kPod6, "fe80::1").hop_limit(255).icmp(135).payload(Bytes{
           0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0}), Drop::kNdMalformed},
      {"DAD with a link address", kMesh, pod_says().ip("::", "ff02::1:ff00:10").solicitation(kPod6, &pod_mac),
       Drop::kNdMalformed},
      {"router solicitation", kMesh, pod_says().ip("fe80::5", "ff02::2").hop_limit(255).icmp(133),
       Drop::kNdIgnored},
      {"router advertisement", kUplink, wire_says().ip("fe80::9", "ff02::1").hop_limit(255).icmp(134),
       Drop::kNdIgnored},
      {"redirect", kUplink, wire_says().ip("fe80::9", "2001:db8::1").hop_limit(255).icmp(137).payload_of(32),
       Drop::kNdIgnored},
      {"host asks for a pod", kHost, eth(MacAddress::broadcast(), peer_mac(kHost)).arp(
           1, peer_mac(kHost), kNode, {}, kPod), To{kHost}},
      {"wire asks for the uplink", kUplink, eth(MacAddress::broadcast(), wire_mac).arp(
           1, wire_mac, "192.168.0.9", {}, kNode), To{kUplink}},
      {"wire asks for a pod", kUplink, eth(MacAddress::broadcast(), wire_mac).arp(1, wire_mac, "192.168.0.9", {}, kPod),
       Drop::kNeighborConsumed},
      {"wire claims our address", kUplink, eth(MacAddress::broadcast(), wire_mac).arp(1, wire_mac, kNode, {}, kNode),
       Drop::kNeighborConflict},
      {"wire claims our v6 address", kUplink,
       wire_says().ip("2001:db8::fe", "ff02::1").advertisement("2001:db8::1", &wire_mac, 0x20),
       Drop::kNeighborConflict},
  });
}

// Headers that come in pieces are copied together; what they say does not change.
TEST_F(Walk, HeadersInPieces) {
  Packet frame = pod_says().ip(kPod6, kFar6).extension(60).tcp(1000, 80).syn().payload_of(400).build(frames, kMesh, 13);
  stacks[0]->receive(now, {&frame, 1});
  EXPECT_EQ(count(&StackCounters::outbound), 1u);
  EXPECT_EQ(count(&StackCounters::pulled_up), 1u);
}

// A segment without a connection is answered by RST at the port it came from, and is never routed.
TEST_F(Walk, MidFlowSegmentIsReset) {
  struct Mid {
    InterfaceId ingress;
    PacketBuilder packet;
  };
  const Mid rows[] = {
      {kMesh, pod_says().ip(kPod, kFar).tcp(1000, 80).ack(77).psh().payload("secret")},
      {kMesh, pod_says().ip(kPod6, kFar6).tcp(1000, 80).ack(77).psh().payload("secret")},
      {kPlain, plain_says().ip("10.1.0.12", kPod).tcp(1000, 80).ack(77).psh().payload("secret")},
      {kUplink, wire_says().ip(kFar, kPod).tcp(1000, 80).ack(77).psh().payload("secret")},
  };
  for (const Mid& row : rows) {
    receive(row.packet, row.ingress);
    const Sent sent = only(row.ingress);
    EXPECT_EQ(sent.frame[sent.l4() + 13] & 0x04, 0x04);
    EXPECT_EQ(load_be32(sent.frame.data() + sent.l4() + 4), 77u);
  }
  EXPECT_EQ(count(&StackCounters::forwarded), 0u);
}

}  // namespace
}  // namespace weft::net
