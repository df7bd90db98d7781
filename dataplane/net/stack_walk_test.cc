// Ethernet, IP, sources and destinations: what every bad packet gets, and a few good ones.
#include "tests/builders/walk.h"

namespace weft::net {
namespace {

using namespace weft::testing;

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
      {"unicast in a broadcast frame", kUplink,
       eth(MacAddress::broadcast(), gateway_mac()).ip(kFar, "10.1.0.12").udp(1, 2), Drop::kNotOurMac},
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
      {"link-local beyond its link", kUplink, wire_says().ip("fe80::9", kPod6).tcp(1, 2).syn(), Drop::kLinkLocal},
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

}  // namespace
}  // namespace weft::net
