// The walk: one packet, one ingress, what becomes of it. A row that dies names why, and nothing else may be counted.
#include <gtest/gtest.h>

#include <variant>

#include "tests/builders/stack_fixture.h"

namespace weft::net {
namespace {

using namespace weft::testing;

struct To {  // forwarded or answered: leaves by this interface
  InterfaceId interface;
};
enum class Engine { kOutbound, kInbound };
using Outcome = std::variant<Drop, To, Engine>;

struct Row {
  const char* says;
  InterfaceId ingress;
  PacketBuilder packet;
  Outcome outcome;
};

PacketBuilder pod_says() { return eth(our_mac(kMesh), peer_mac(kMesh)); }
PacketBuilder plain_says() { return eth(our_mac(kPlain), peer_mac(kPlain)); }
PacketBuilder wire_says() { return eth(our_mac(kUplink), gateway_mac()); }
PacketBuilder host_says() { return eth(our_mac(kHost), peer_mac(kHost)); }

constexpr const char* kPod = "10.1.0.10";
constexpr const char* kPod6 = "fd00:1::10";
constexpr const char* kFar = "10.2.0.80";
constexpr const char* kFar6 = "fd00:2::80";
constexpr const char* kNode = "192.168.0.1";

class Walk : public StackFixture {
 protected:
  void walk(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      SCOPED_TRACE(row.says);
      start();
      receive(row.packet, row.ingress);
      check(row.outcome);
      stacks.clear();
    }
  }

  void check(const Outcome& outcome) {
    if (const Drop* reason = std::get_if<Drop>(&outcome)) {
      EXPECT_EQ(dropped(*reason), 1u) << "wanted " << to_string(*reason) << ", got " << reasons();
      EXPECT_EQ(drops(), *reason == Drop::kNeighborConsumed ? 0u : 1u) << reasons();
      EXPECT_EQ(count(&StackCounters::forwarded), 0u);
      EXPECT_EQ(count(&StackCounters::outbound) + count(&StackCounters::inbound), 0u);
      return;
    }
    EXPECT_EQ(drops(), 0u) << reasons();
    if (const To* to = std::get_if<To>(&outcome)) {
      const Sent sent = only(to->interface);
      const bool judged = to->interface == kUplink && sent.type() != 0x0806 && sent.protocol() != 132;
      EXPECT_TRUE(!judged || sent.checksums_hold());
      return;
    }
    const bool outbound = std::get<Engine>(outcome) == Engine::kOutbound;
    EXPECT_EQ(count(&StackCounters::outbound), outbound ? 1u : 0u);
    EXPECT_EQ(count(&StackCounters::inbound), outbound ? 0u : 1u);
    EXPECT_EQ(count(&StackCounters::forwarded), 0u);
  }

  std::string reasons() const {
    std::string text;
    for (std::size_t i = 0; i < kDropReasons; ++i)
      if (stacks[0]->drops().counters()[i] != 0) text += std::string(to_string(static_cast<Drop>(i))) + " ";
    return text;
  }
};

TEST_F(Walk, Ethernet) {
  const MacAddress other{{2, 9, 9, 9, 9, 9}};
  walk({
      {"empty", kMesh, pod_says().ip(kPod, kFar).udp(1, 2).cut(0), Drop::kFrameTruncated},
      {"13 bytes", kMesh, pod_says().ip(kPod, kFar).udp(1, 2).cut(13), Drop::kFrameTruncated},
      {"Ethernet alone", kMesh, pod_says().ip(kPod, kFar).udp(1, 2).cut(14), Drop::kIpTruncated},
      {"VLAN tag from a pod", kMesh, pod_says().vlan(5).ip(kPod, kFar).tcp(1, 2).syn(), Drop::kVlanTag},
      {"priority tag", kUplink, wire_says().vlan(0).ip(kFar, kPod).tcp(1, 2).syn(), Drop::kVlanTag},
      {"stacked tags", kUplink, wire_says().vlan(1).vlan(2).ip(kFar, kPod).tcp(1, 2), Drop::kVlanTag},
      {"provider tag", kUplink, wire_says().ether_type(0x88a8).ip(kFar, kPod).tcp(1, 2), Drop::kVlanTag},
      {"MPLS", kUplink, wire_says().ether_type(0x8847).ip(kFar, kPod).tcp(1, 2), Drop::kUnknownEtherType},
      {"802.3 length", kUplink, wire_says().ether_type(100).ip(kFar, kPod).tcp(1, 2), Drop::kUnknownEtherType},
      {"another's MAC", kUplink, eth(other, gateway_mac()).ip(kFar, "10.1.0.12").udp(1, 2), Drop::kNotOurMac},
      {"unknown interface", 99, pod_says().ip(kPod, kFar).udp(1, 2), Drop::kUnknownInterface},
  });
}

TEST_F(Walk, IpHeaders) {
  walk({
      {"v4 header cut", kPlain, plain_says().ip("10.1.0.12", kFar).udp(1, 2).cut(14 + 19), Drop::kIpTruncated},
      {"v6 header cut", kPlain, plain_says().ip("fd00:1::12", kFar6).udp(1, 2).cut(14 + 39), Drop::kIpTruncated},
      {"v4 in a v6 frame", kPlain, plain_says().ether_type(0x86dd).ip("10.1.0.12", kFar).udp(1, 2),
       Drop::kIpBadVersion},
      {"v6 in a v4 frame", kPlain, plain_says().ether_type(0x0800).ip("fd00:1::12", kFar6).udp(1, 2),
       Drop::kIpBadVersion},
      {"version 5", kPlain, plain_says().ip("10.1.0.12", kFar).udp(1, 2).set8(14, 0x55), Drop::kIpBadVersion},
      {"IHL 4", kPlain, plain_says().ip("10.1.0.12", kFar).udp(1, 2).set8(14, 0x44), Drop::kIpBadHeader},
      {"IHL beyond the packet", kPlain, plain_says().ip("10.1.0.12", kFar).udp(1, 2).set8(14, 0x4f),
       Drop::kIpTruncated},
      {"total length beyond the frame", kPlain, plain_says().ip("10.1.0.12", kFar).total_length(200).udp(1, 2),
       Drop::kIpTruncated},
      {"total length below the header", kPlain, plain_says().ip("10.1.0.12", kFar).total_length(19).udp(1, 2),
       Drop::kIpBadHeader},
      {"v6 length beyond the frame", kPlain, plain_says().ip("fd00:1::12", kFar6).total_length(200).udp(1, 2),
       Drop::kIpTruncated},
      {"header checksum", kPlain, plain_says().ip("10.1.0.12", kFar).udp(1, 2).bad_ip_checksum(),
       Drop::kIpBadChecksum},
      {"loose source route", kPlain,
       plain_says().ip("10.1.0.12", kFar).option({131, 7, 4, 10, 9, 9, 9}).udp(1, 2), Drop::kIpSourceRouting},
      {"strict source route", kPlain,
       plain_says().ip("10.1.0.12", kFar).option({137, 7, 4, 10, 9, 9, 9}).udp(1, 2), Drop::kIpSourceRouting},
      {"option without end", kPlain, plain_says().ip("10.1.0.12", kFar).option({7, 40, 4, 0}).udp(1, 2),
       Drop::kIpBadHeader},
      {"option of length 0", kPlain, plain_says().ip("10.1.0.12", kFar).option({7, 0, 4, 0}).udp(1, 2),
       Drop::kIpBadHeader},
      {"honest option", kPlain, plain_says().ip("10.1.0.12", kFar).option({148, 4, 0, 0}).udp(1, 2), To{kUplink}},
      {"padded by Ethernet", kPlain, plain_says().ip("10.1.0.12", kFar).udp(1, 2).padded(60), To{kUplink}},
      {"routing header", kPlain,
       plain_says().ip("fd00:1::12", kFar6).extension(43, {0, 1, 0, 0, 0, 0}).udp(1, 2), Drop::kIpSourceRouting},
      {"routing header that is spent", kPlain,
       plain_says().ip("fd00:1::12", kFar6).extension(43, {0, 0, 0, 0, 0, 0}).udp(1, 2), To{kUplink}},
      {"hop-by-hop not first", kPlain,
       plain_says().ip("fd00:1::12", kFar6).extension(60).extension(0).udp(1, 2), Drop::kIpBadHeader},
      {"extension header cut", kPlain,
       plain_says().ip("fd00:1::12", kFar6).extension(60).udp(1, 2).set8(14 + 41, 3), Drop::kIpTruncated},
      {"extension headers without number", kPlain,
       plain_says().ip("fd00:1::12", kFar6).extension(60, Bytes(100)).extension(60, Bytes(100)).udp(1, 2),
       Drop::kIpExtensionHeaders},
      {"two fragment headers", kPlain,
       plain_says().ip("fd00:1::12", kFar6).extension(44, Bytes(6)).extension(44, Bytes(6)).udp(1, 2),
       Drop::kIpBadHeader},
  });
}

TEST_F(Walk, Spoofing) {
  const MacAddress pod_mac = peer_mac(kMesh);
  walk({
      {"pod, another's v4", kMesh, pod_says().ip("10.1.0.11", kFar).tcp(1, 2).syn(), Drop::kSpoofedSource},
      {"pod, another's v6", kMesh, pod_says().ip("fd00:1::11", kFar6).tcp(1, 2).syn(), Drop::kSpoofedSource},
      {"pod, the node's", kMesh, pod_says().ip(kNode, kFar).tcp(1, 2).syn(), Drop::kSpoofedSource},
      {"pod, a stranger's", kPlain, plain_says().ip("8.8.8.8", kFar).udp(1, 2), Drop::kSpoofedSource},
      {"pod, the gateway's", kPlain, plain_says().ip("169.254.1.1", "10.1.0.10").udp(1, 2), Drop::kSpoofedSource},
      {"pod, link-local TCP", kMesh, pod_says().ip("fe80::5", kFar6).tcp(1, 2).syn(), Drop::kSpoofedSource},
      {"pod, link-local TCP to the gateway", kMesh, pod_says().ip("fe80::5", "fe80::1").tcp(1, 2).syn(),
       Drop::kSpoofedSource},
      {"pod, v4 in v6", kMesh, pod_says().ip("::ffff:10.1.0.10", kFar6).tcp(1, 2).syn(), Drop::kMartianSource},
      {"pod, hidden in a fragment", kMesh, pod_says().ip("10.1.0.11", kFar).fragment(0, true).udp(1, 2).payload_of(64),
       Drop::kSpoofedSource},
      {"pod, ARP for another", kMesh,
       eth(MacAddress::broadcast(), pod_mac).arp(1, pod_mac, "10.1.0.11", {}, "169.254.1.1"), Drop::kArpSpoofed},
      {"pod, ARP reply as the gateway", kMesh,
       eth(our_mac(kMesh), pod_mac).arp(2, pod_mac, "169.254.1.1", our_mac(kMesh), kPod), Drop::kArpSpoofed},
      {"pod, ND as the gateway", kMesh,
       eth(our_mac(kMesh), pod_mac).ip("fe80::1", "fe80::5").advertisement("fe80::1", &pod_mac, 0x20),
       Drop::kNdSpoofed},
      {"pod, ND for another", kMesh,
       eth(our_mac(kMesh), pod_mac).ip(kPod6, "fe80::1").advertisement("fd00:1::11", &pod_mac, 0x20),
       Drop::kNdSpoofed},
      {"pod, ND from another's source", kMesh,
       eth(our_mac(kMesh), pod_mac).ip("fd00:1::11", "fe80::1").solicitation("fe80::1", &pod_mac),
       Drop::kSpoofedSource},
      {"pod, DAD for another's", kMesh,
       eth(our_mac(kMesh), pod_mac).ip("::", "ff02::1:ff00:11").solicitation("fd00:1::11", nullptr),
       Drop::kNdSpoofed},
      {"wire, a local pod's v4", kUplink, wire_says().ip("10.1.0.11", kPod).tcp(1, 2).syn(),
       Drop::kLocalSourceOnUplink},
      {"wire, a local pod's v6", kUplink, wire_says().ip("fd00:1::11", kPod6).tcp(1, 2).syn(),
       Drop::kLocalSourceOnUplink},
      {"wire, the node's v4", kUplink, wire_says().ip(kNode, kPod).tcp(1, 2).syn(), Drop::kLocalSourceOnUplink},
      {"wire, the node's v6", kUplink, wire_says().ip("2001:db8::1", kPod6).tcp(1, 2).syn(),
       Drop::kLocalSourceOnUplink},
      {"wire, ARP for a local pod", kUplink,
       eth(MacAddress::broadcast(), gateway_mac()).arp(2, gateway_mac(), kPod, {}, kPod), Drop::kArpSpoofed},
      {"wire, NA for a local pod", kUplink,
       wire_says().ip("2001:db8::fe", "2001:db8::1").advertisement(kPod6, &pod_mac, 0x60), Drop::kNdSpoofed},
      {"host, a local pod's", kHost, host_says().ip("10.1.0.11", kPod).tcp(1, 2).syn(), Drop::kLocalSourceOnHost},
      {"loopback source", kUplink, wire_says().ip("127.0.0.1", kPod).tcp(1, 2).syn(), Drop::kMartianSource},
      {"multicast source", kUplink, wire_says().ip("224.0.0.1", kPod).tcp(1, 2).syn(), Drop::kMartianSource},
      {"unspecified source", kUplink, wire_says().ip("0.0.0.0", kPod).tcp(1, 2).syn(), Drop::kMartianSource},
      {"land", kUplink, wire_says().ip(kPod, kPod).tcp(2, 2).syn(), Drop::kMartianSource},
  });
}

TEST_F(Walk, Destinations) {
  walk({
      {"wire to wire", kUplink, wire_says().ip(kFar, "10.9.9.9").udp(1, 2), Drop::kNotForUs},
      {"wire to a Service", kUplink, wire_says().ip(kFar, "10.96.0.10").udp(1, 53), Drop::kServiceFromUplink},
      {"loopback", kPlain, plain_says().ip("10.1.0.12", "127.0.0.1").udp(1, 2), Drop::kMartianDestination},
      {"broadcast", kPlain, plain_says().ip("10.1.0.12", "255.255.255.255").udp(68, 67), Drop::kMartianDestination},
      {"v4 in v6", kPlain, plain_says().ip("fd00:1::12", "::ffff:1.2.3.4").udp(1, 2), Drop::kMartianDestination},
      {"multicast", kPlain, plain_says().ip("10.1.0.12", "224.0.0.251").udp(1, 2), Drop::kMulticast},
      {"v6 multicast", kPlain, plain_says().ip("fd00:1::12", "ff02::fb").udp(1, 2), Drop::kMulticast},
      {"link-local", kPlain, plain_says().ip("10.1.0.12", "169.254.169.254").udp(1, 2), Drop::kLinkLocal},
      {"UDP to the gateway", kPlain, plain_says().ip("10.1.0.12", "169.254.1.1").udp(1, 53), Drop::kGatewayUnserved},
      {"no Service on that port", kPlain, plain_says().ip("10.1.0.12", "10.96.0.10").udp(1, 54), Drop::kServiceNoPort},
      {"no backend", kPlain, plain_says().ip("10.1.0.12", "10.96.0.13").udp(1, 53), Drop::kServiceNoBackend},
      {"ping a Service", kPlain, plain_says().ip("10.1.0.12", "10.96.0.10").icmp(8), Drop::kServiceNoPort},
      {"pod to pod", kPlain, plain_says().ip("10.1.0.12", "10.1.0.13").udp(1, 2), To{kServer}},
      {"pod to far pod", kPlain, plain_says().ip("fd00:1::12", kFar6).udp(1, 2), To{kUplink}},
      {"pod to the node", kPlain, plain_says().ip("10.1.0.12", kNode).udp(1, 2), To{kHost}},
      {"mesh pod's UDP", kMesh, pod_says().ip(kPod, kFar).udp(1, 2), To{kUplink}},
      {"mesh pod's ping", kMesh, pod_says().ip(kPod6, kFar6).icmp(128), To{kUplink}},
      {"mesh pod's SCTP", kMesh, pod_says().ip(kPod, kFar).protocol(132).payload_of(40), To{kUplink}},
      {"wire to pod", kUplink, wire_says().ip(kFar, "10.1.0.12").udp(1, 2), To{kPlain}},
      {"wire to the node", kUplink, wire_says().ip(kFar, kNode).tcp(1, 22).syn(), To{kHost}},
      {"host to far", kHost, host_says().ip(kNode, kFar).tcp(1, 80).syn(), To{kUplink}},
      {"host to pod, UDP", kHost, host_says().ip(kNode, kPod).udp(1, 80), To{kMesh}},
      {"gateway answers ping", kMesh, pod_says().ip(kPod, "169.254.1.1").icmp(8), To{kMesh}},
      {"gateway answers ping, v6", kMesh, pod_says().ip(kPod6, "fe80::1").icmp(128), To{kMesh}},
      {"uplink answers ping", kUplink, wire_says().ip(kFar, kNode).icmp(8), To{kUplink}},
      {"a spoiled ping", kUplink, wire_says().ip(kFar, kNode).icmp(8).bad_l4_checksum(), Drop::kL4BadChecksum},
  });
}

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
