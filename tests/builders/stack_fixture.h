// One node's packet layer in a test: its interfaces, four pods, some Services, and as many workers as the test wants.
//
//   uplink 1  192.168.0.1, 2001:db8::1     routes: default via 192.168.0.254 / 2001:db8::fe,
//   host   2  (node 192.168.0.1, ...)              10.2.0.0/16 via 192.168.0.2, fd00:2::/64 via 2001:db8::2
//   pod 10 "mesh"    10.1.0.10 fd00:1::10  in the mesh; outbound 3306 and inbound 9999 excluded
//   pod 11 "mesh_b"  10.1.0.11 fd00:1::11  in the mesh
//   pod 12 "plain"   10.1.0.12 fd00:1::12  not in the mesh
//   pod 13 "server"  10.1.0.13 fd00:1::13  not in the mesh
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "dataplane/net/stack.h"
#include "tests/builders/packet_builder.h"

namespace weft::testing {

inline constexpr InterfaceId kUplink = 1, kHost = 2, kMesh = 10, kMeshB = 11, kPlain = 12, kServer = 13;

net::MacAddress our_mac(InterfaceId id);   // 02:00:00:00:00:<id>
net::MacAddress peer_mac(InterfaceId id);  // 02:00:00:00:01:<id>
net::MacAddress gateway_mac();             // of 192.168.0.254 and every other next hop on the wire

net::NetworkSpec node_spec();

// What left, as the test likes to see it.
struct Sent {
  InterfaceId interface;
  Bytes frame;
  Offload offload;

  Bytes datagram() const { return Bytes(frame.begin() + 14, frame.end()); }
  net::MacAddress to() const { return net::MacAddress::from(frame.data()); }
  std::uint16_t type() const { return load_be16(frame.data() + 12); }
  IpAddress source() const;
  IpAddress destination() const;
  std::size_t l4() const { return 14 + (type() == 0x86dd ? 40u : (frame[14] & 15u) * 4u); }
  std::uint8_t protocol() const { return type() == 0x86dd ? frame[20] : frame[23]; }
  std::uint16_t source_port() const { return load_be16(frame.data() + l4()); }
  std::uint16_t destination_port() const { return load_be16(frame.data() + l4() + 2); }
  bool checksums_hold() const;
};

class StackFixture : public ::testing::Test {
 protected:
  explicit StackFixture(unsigned workers = 1);
  ~StackFixture() override;

  void start();                                   // makes the stacks from `spec` and `options`
  void set_network();                             // after a change of `spec`
  // A frame from the peer of an interface, addressed to our MAC there.
  PacketBuilder from(InterfaceId interface) { return eth(our_mac(interface), peer_mac(interface)); }
  void receive(const PacketBuilder& packet, InterfaceId interface, unsigned worker = 0);
  // Hands over, answers the uplink's ARP and ND requests if `answer_neighbors`, and collects what is sent.
  void settle();
  void advance(Duration by);
  std::vector<Sent> take_sent();
  // The only frame that was sent; fails the test unless there is one, on this interface.
  Sent only(InterfaceId interface);
  std::uint64_t dropped(net::Drop reason) const;  // all workers
  std::uint64_t drops() const;
  std::uint64_t count(std::uint64_t net::StackCounters::* counter) const;
  // The key of the only SYN that some worker's engine reports; fails the test unless there is one.
  net::FlowKey only_syn(unsigned* worker = nullptr);

  net::NetworkSpec spec = node_spec();
  net::StackOptions options;
  HeapBufferPool headers{512}, frames{2304};
  std::vector<std::unique_ptr<net::Stack>> stacks;
  bool answer_neighbors = true;
  Time now = Time::from_ns(1'000'000'000);

 private:
  bool settle_once();
  void answer_request(const Sent& request);
  std::vector<Sent> sent_;
};

}  // namespace weft::testing
