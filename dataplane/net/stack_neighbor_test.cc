// Who is asked, who is answered, and what several workers learn from one answer.
#include <gtest/gtest.h>

#include "dataplane/net/ethernet.h"
#include "dataplane/net/neighbor.h"
#include "tests/builders/stack_fixture.h"

namespace weft::net {
namespace {

using namespace weft::testing;

class Neighbors : public StackFixture {};
class NeighborsOfTwo : public StackFixture {
 protected:
  NeighborsOfTwo() : StackFixture(2) {}
};

TEST_F(Neighbors, ResolvesTheGatewayOnceThenSends) {
  answer_neighbors = false;
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").udp(1, 2), kPlain);
  const Sent request = only(kUplink);
  EXPECT_EQ(request.to(), MacAddress::broadcast());
  EXPECT_EQ(IpAddress::v4(request.frame.data() + 38), ip_of("192.168.0.2"));
  receive(from(kUplink).arp(2, gateway_mac(), "192.168.0.2", our_mac(kUplink), "192.168.0.1"), kUplink);
  EXPECT_EQ(only(kUplink).to(), gateway_mac());
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.9").udp(1, 2), kPlain);
  EXPECT_EQ(only(kUplink).to(), gateway_mac());
  EXPECT_EQ(count(&StackCounters::neighbor_requests), 1u);
}

TEST_F(Neighbors, SolicitsByGroupForIpv6) {
  answer_neighbors = false;
  receive(from(kPlain).ip("fd00:1::12", "fd00:2::1").udp(1, 2), kPlain);
  const Sent request = only(kUplink);
  EXPECT_EQ(request.to(), group_mac(solicited_node(ip_of("2001:db8::2"))));
  EXPECT_EQ(request.destination(), solicited_node(ip_of("2001:db8::2")));
  EXPECT_EQ(request.source(), ip_of("2001:db8::1"));
  EXPECT_TRUE(request.checksums_hold());
  const MacAddress mac = gateway_mac();
  receive(from(kUplink).ip("2001:db8::2", "2001:db8::1").advertisement("2001:db8::2", &mac, 0x60), kUplink);
  EXPECT_EQ(only(kUplink).destination(), ip_of("fd00:2::1"));
}

TEST_F(Neighbors, OnLinkDestinationIsAskedForItself) {
  answer_neighbors = false;
  receive(from(kPlain).ip("10.1.0.12", "192.168.0.77").udp(1, 2), kPlain);
  EXPECT_EQ(IpAddress::v4(only(kUplink).frame.data() + 38), ip_of("192.168.0.77"));
}

TEST_F(Neighbors, UnaskedReplyIsNotBelieved) {
  answer_neighbors = false;
  receive(from(kUplink).arp(2, peer_mac(99), "192.168.0.2", our_mac(kUplink), "192.168.0.1"), kUplink);
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").udp(1, 2), kPlain);
  EXPECT_EQ(only(kUplink).type(), 0x0806);
}

TEST_F(Neighbors, OldEntryIsAskedAgainByUnicastAndFollowsAMove) {
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").udp(1, 2), kPlain);
  only(kUplink);
  answer_neighbors = false;
  now = now + Duration::seconds(40);
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").udp(1, 2), kPlain);
  const auto sent = take_sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].to(), gateway_mac());
  EXPECT_EQ(sent[1].type(), 0x0806);
  EXPECT_EQ(sent[1].to(), gateway_mac());
  receive(eth(MacAddress::broadcast(), peer_mac(77)).arp(1, peer_mac(77), "192.168.0.2", {}, "192.168.0.2"), kUplink);
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").udp(1, 2), kPlain);
  EXPECT_EQ(only(kUplink).to(), peer_mac(77));
}

TEST_F(Neighbors, AnswersSayOurMac) {
  receive(eth(MacAddress::broadcast(), peer_mac(kMesh)).arp(1, peer_mac(kMesh), "10.1.0.10", {}, "169.254.1.1"), kMesh);
  const Sent arp = only(kMesh);
  EXPECT_EQ(arp.to(), peer_mac(kMesh));
  EXPECT_EQ(MacAddress::from(arp.frame.data() + 22), our_mac(kMesh));
  const MacAddress mac = peer_mac(kMesh);
  receive(from(kMesh).ip("fd00:1::10", "fe80::1").solicitation("fe80::1", &mac), kMesh);
  const Sent na = only(kMesh);
  EXPECT_EQ(na.frame[54], 136);
  EXPECT_EQ(na.frame[58], 0xe0);  // router, solicited, override
  EXPECT_EQ(MacAddress::from(na.frame.data() + 80), our_mac(kMesh));
  EXPECT_TRUE(na.checksums_hold());
}

TEST_F(Neighbors, DefendsItsAddressOnceInAWhile) {
  answer_neighbors = false;
  const auto claim = eth(MacAddress::broadcast(), peer_mac(66)).arp(1, peer_mac(66), "192.168.0.1", {}, "192.168.0.1");
  receive(claim, kUplink);
  receive(claim, kUplink);
  const Sent defence = only(kUplink);
  EXPECT_EQ(MacAddress::from(defence.frame.data() + 22), our_mac(kUplink));
  EXPECT_EQ(dropped(Drop::kNeighborConflict), 2u);
}

TEST_F(NeighborsOfTwo, OneAnswerServesBothWorkers) {
  answer_neighbors = false;
  // Untranslated UDP leaves by the worker that got it: both ask.
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").udp(1, 2), kPlain, 0);
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").udp(1, 2), kPlain, 1);
  EXPECT_EQ(take_sent().size(), 2u);
  receive(from(kUplink).arp(2, gateway_mac(), "192.168.0.2", our_mac(kUplink), "192.168.0.1"), kUplink, 1);
  EXPECT_EQ(take_sent().size(), 2u);
}

TEST(NeighborTable, IsBounded) {
  HeapBufferPool pool;
  NeighborTable table(8);
  const Time now = Time::from_ns(1);
  const auto address = [](int i) { return IpAddress::v4(10, 0, 0, static_cast<std::uint8_t>(i)); };
  for (int i = 0; i < 20; ++i) table.learn(now, address(i), {{2, 0, 0, 0, 0, 1}}, true);
  EXPECT_EQ(table.size(), 4u);  // who asked us fills half at most
  for (int i = 20; i < 60; ++i) {
    Packet packet;
    packet.bytes = ByteChain::copy_of(as_bytes("x"), pool);
    table.wait(now, address(i), std::move(packet));
  }
  EXPECT_EQ(table.size(), 8u);
}

// RFC 5227 2.1.1 and RFC 4862 5.4: it asks for its own addresses first, and says who has them too.
TEST_F(Neighbors, ProbesForItsAddressesAndAnnouncesThemAtStart) {
  answer_neighbors = false;
  stacks.clear();
  options.worker = 0;
  stacks.push_back(std::make_unique<Stack>(options));
  const IpAddress v6 = ip_of("2001:db8::1");
  set_network();
  settle();
  unsigned arp_probes = 0, solicitations = 0, announcements = 0;
  for (const Sent& sent : take_sent()) {
    if (sent.type() == 0x0806) {
      IpAddress::v4(sent.frame.data() + 28).is_unspecified() ? ++arp_probes : ++announcements;
    } else if (sent.frame[54] == 135) {
      EXPECT_TRUE(sent.source().is_unspecified());
      EXPECT_EQ(sent.destination(), solicited_node(v6));
      EXPECT_EQ(sent.frame.size(), 14u + 40 + 24) << "no link-layer address with an unspecified source";
      EXPECT_TRUE(sent.checksums_hold());
      ++solicitations;
    } else {
      ++announcements;
    }
  }
  EXPECT_EQ(arp_probes, 1u);
  EXPECT_EQ(solicitations, 1u);
  EXPECT_EQ(announcements, 2u);
}

}  // namespace
}  // namespace weft::net
