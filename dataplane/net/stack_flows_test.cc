// Flows that only pass: Service translation both ways, 'host' connections, excluded ports; one worker and two.
#include <gtest/gtest.h>

#include "dataplane/net/owner.h"
#include "tests/builders/stack_fixture.h"

namespace weft::net {
namespace {

using namespace weft::testing;

constexpr const char* kClient = "10.1.0.12";
constexpr const char* kDns = "10.96.0.10";

// With two workers: every packet is given to the worker that the test names, right or wrong.
class Flows : public StackFixture, public ::testing::WithParamInterface<unsigned> {
 protected:
  Flows() : StackFixture(GetParam()) {}
  unsigned any() { return static_cast<unsigned>(random_.below(options.workers)); }
  void send(const PacketBuilder& packet, InterfaceId interface) { receive(packet, interface, any()); }

  std::uint32_t flows() const {
    std::uint32_t n = 0;
    for (auto& stack : stacks) n += stack->nat_flows();
    return n;
  }

  Random random_{7};
};
INSTANTIATE_TEST_SUITE_P(Workers, Flows, ::testing::Values(1u, 2u, 3u));

TEST_P(Flows, ServiceAddressIsTranslatedBothWays) {
  for (std::uint16_t port = 2000; port < 2064; ++port) {
    send(from(kPlain).ip(kClient, kDns).udp(port, 53).payload("question"), kPlain);
    const Sent there = only(kServer);
    EXPECT_EQ(there.source(), ip_of(kClient));
    EXPECT_EQ(there.destination(), ip_of("10.1.0.13"));
    EXPECT_EQ(there.destination_port(), 5353);
    EXPECT_TRUE(there.checksums_hold());
    send(from(kServer).ip("10.1.0.13", kClient).udp(5353, port).payload("answer"), kServer);
    const Sent back = only(kPlain);
    EXPECT_EQ(back.source(), ip_of(kDns));
    EXPECT_EQ(back.source_port(), 53);
    EXPECT_EQ(back.destination_port(), port);
    EXPECT_TRUE(back.checksums_hold());
  }
  EXPECT_EQ(drops(), 0u);
  EXPECT_EQ(count(&StackCounters::nat_created), 64u);
  EXPECT_EQ(count(&StackCounters::handed_over) > 0, options.workers > 1);
}

TEST_P(Flows, BackendOnAnotherNodeAndIpv6) {
  for (std::uint16_t port = 2000; port < 2016; ++port) {
    send(from(kMesh).ip("fd00:1::10", "fd00:96::10").udp(port, 53).payload("question"), kMesh);
    const Sent there = only(kUplink);
    EXPECT_EQ(there.destination(), ip_of("fd00:2::53"));
    EXPECT_EQ(there.to(), gateway_mac());
    EXPECT_TRUE(there.checksums_hold());
    send(from(kUplink).ip("fd00:2::53", "fd00:1::10").udp(5353, port).payload("answer"), kUplink);
    const Sent back = only(kMesh);
    EXPECT_EQ(back.source(), ip_of("fd00:96::10"));
    EXPECT_TRUE(back.checksums_hold());
  }
  EXPECT_EQ(drops(), 0u);
}

TEST_P(Flows, TcpOfPlainPodsThroughAService) {
  for (std::uint16_t port = 2000; port < 2032; ++port) {
    send(from(kPlain).ip(kClient, kDns).tcp(port, 80).syn().partial_checksum(), kPlain);
    const Sent there = only(kUplink);
    EXPECT_EQ(there.destination(), ip_of("10.2.0.80"));
    EXPECT_EQ(there.destination_port(), 8080);
    EXPECT_TRUE(there.checksums_hold());
    send(from(kUplink).ip("10.2.0.80", kClient).tcp(8080, port).syn().ack(1001), kUplink);
    const Sent back = only(kPlain);
    EXPECT_EQ(back.source(), ip_of(kDns));
    EXPECT_EQ(back.source_port(), 80);
    EXPECT_TRUE(back.checksums_hold());
  }
}

TEST_P(Flows, PodThatReachesItselfSeesTheGateway) {
  for (std::uint16_t port = 2000; port < 2032; ++port) {
    send(from(kPlain).ip(kClient, "10.96.0.12").udp(port, 53).payload("question"), kPlain);
    const Sent there = only(kPlain);
    EXPECT_EQ(there.source(), gateway_v4());
    EXPECT_EQ(there.destination(), ip_of(kClient));
    send(from(kPlain).ip(kClient, "169.254.1.1").udp(53, there.source_port()).payload("answer"), kPlain);
    const Sent back = only(kPlain);
    EXPECT_EQ(back.source(), ip_of("10.96.0.12"));
    EXPECT_EQ(back.destination(), ip_of(kClient));
    EXPECT_EQ(back.destination_port(), port);
  }
  EXPECT_EQ(drops(), 0u);
}

// Two Services with one backend, one client socket.
TEST_P(Flows, SameClientPortThroughTwoServicesIsKeptApart) {
  spec.services.push_back({endpoint_of("10.96.0.99:53"), L4Protocol::kUdp, {endpoint_of("10.1.0.13:5353")}});
  set_network();
  send(from(kPlain).ip(kClient, kDns).udp(2000, 53), kPlain);
  const Sent first = only(kServer);
  send(from(kPlain).ip(kClient, "10.96.0.99").udp(2000, 53), kPlain);
  const Sent second = only(kServer);
  EXPECT_NE(first.source_port(), second.source_port());
  send(from(kServer).ip("10.1.0.13", kClient).udp(5353, second.source_port()), kServer);
  EXPECT_EQ(only(kPlain).source(), ip_of("10.96.0.99"));
  send(from(kServer).ip("10.1.0.13", kClient).udp(5353, first.source_port()), kServer);
  EXPECT_EQ(only(kPlain).source(), ip_of(kDns));
}

TEST_P(Flows, PlainClientOfAMeshBackendMeetsTheEngineAndSeesTheService) {
  for (std::uint16_t port = 2000; port < 2032; ++port) {
    send(from(kPlain).ip(kClient, "10.96.0.11").tcp(port, 80).ack(5).seq(9).psh().payload("mid-flow"), kPlain);
    const Sent reset = only(kPlain);
    EXPECT_EQ(reset.frame[reset.l4() + 13] & 4, 4);
    EXPECT_EQ(reset.source(), ip_of("10.96.0.11"));
    EXPECT_EQ(reset.source_port(), 80);
    EXPECT_EQ(reset.destination_port(), port);
  }
  send(from(kPlain).ip(kClient, "10.96.0.11").tcp(3000, 80).syn(), kPlain);
  const FlowKey key = only_syn();
  EXPECT_EQ(key.local, endpoint_of("10.1.0.11:8080"));
  EXPECT_EQ(key.remote.address, ip_of(kClient));
  // A connection of the backend's own from that port is outbound like any other.
  send(from(kMeshB).ip("10.1.0.11", kClient).tcp(8080, key.remote.port).syn(), kMeshB);
  EXPECT_EQ(count(&StackCounters::forwarded), 0u);
  EXPECT_EQ(count(&StackCounters::outbound), 1u);
}

TEST_P(Flows, InterceptedFlowsMeetOneWorkerInBothDirections) {
  for (std::uint16_t port = 2000; port < 2032; ++port) {
    unsigned first = 0, second = 0;
    send(from(kMesh).ip("10.1.0.10", "10.2.0.80").tcp(port, 80).syn(), kMesh);
    EXPECT_EQ(only_syn(&first).remote.port, port);
    send(from(kUplink).ip("10.2.0.80", "10.1.0.10").tcp(80, port).syn(), kUplink);
    EXPECT_EQ(only_syn(&second).local.port, port);
    EXPECT_EQ(first, second);
    EXPECT_EQ(first, owner_of(endpoint_of("10.2.0.80:80"), {ip_of("10.1.0.10"), port}, options.workers));
  }
}

TEST_P(Flows, KubeletProbePassesBesideTheMeshBothWays) {
  for (std::uint16_t port = 2000; port < 2016; ++port) {
    send(from(kHost).ip("192.168.0.1", "10.1.0.10").tcp(port, 80).syn(), kHost);
    EXPECT_EQ(only(kMesh).destination_port(), 80);
    send(from(kMesh).ip("10.1.0.10", "192.168.0.1").tcp(80, port).syn().ack(1001), kMesh);
    EXPECT_EQ(only(kHost).destination_port(), port);
    send(from(kHost).ip("192.168.0.1", "10.1.0.10").tcp(port, 80).ack().fin(), kHost);
    EXPECT_EQ(only(kMesh).source_port(), port);
  }
  EXPECT_EQ(count(&StackCounters::host), 48u);
  EXPECT_EQ(count(&StackCounters::outbound) + count(&StackCounters::inbound), 0u);
  advance(Duration::seconds(120));  // FlowAge::kTcpClosing, and the sweep behind it
  std::uint32_t left = 0;
  for (auto& stack : stacks) left += stack->bypass_flows().size();
  EXPECT_EQ(left, 0u);
}

TEST_P(Flows, HostRightCanBeSwitchedOff) {
  spec.host_bypasses_mesh = false;
  set_network();
  send(from(kHost).ip("192.168.0.1", "10.1.0.10").tcp(2000, 80).syn(), kHost);
  EXPECT_EQ(only_syn().interface, kHost);
}

TEST_P(Flows, ExcludedPortsPassBothWays) {
  for (std::uint16_t port = 2000; port < 2016; ++port) {
    send(from(kMesh).ip("10.1.0.10", "10.2.0.33").tcp(port, 3306).syn(), kMesh);
    only(kUplink);
    send(from(kUplink).ip("10.2.0.33", "10.1.0.10").tcp(3306, port).syn().ack(1), kUplink);
    only(kMesh);
    send(from(kUplink).ip("10.2.0.33", "10.1.0.10").tcp(port, 9999).syn(), kUplink);
    only(kMesh);
    send(from(kMesh).ip("10.1.0.10", "10.2.0.33").tcp(9999, port).syn().ack(1), kMesh);
    only(kUplink);
  }
  EXPECT_EQ(count(&StackCounters::excluded), 64u);
  EXPECT_EQ(count(&StackCounters::outbound) + count(&StackCounters::inbound), 0u);
}

TEST_P(Flows, ExcludedPortThroughAService) {
  spec.services.push_back({endpoint_of("10.96.0.33:3306"), L4Protocol::kTcp, {endpoint_of("10.2.0.33:3306")}});
  set_network();
  for (std::uint16_t port = 2000; port < 2016; ++port) {
    send(from(kMesh).ip("10.1.0.10", "10.96.0.33").tcp(port, 3306).syn(), kMesh);
    const Sent there = only(kUplink);
    EXPECT_EQ(there.destination(), ip_of("10.2.0.33"));
    send(from(kUplink).ip("10.2.0.33", "10.1.0.10").tcp(3306, there.source_port()).syn().ack(1), kUplink);
    const Sent back = only(kMesh);
    EXPECT_EQ(back.source(), ip_of("10.96.0.33"));
    EXPECT_EQ(back.destination_port(), port);
  }
  EXPECT_EQ(drops(), 0u);
}

TEST_P(Flows, UdpChoosesAnewWhenItsBackendLeaves) {
  send(from(kPlain).ip(kClient, kDns).udp(2000, 53), kPlain);
  only(kServer);
  spec.services[0].backends = {endpoint_of("10.2.0.53:53")};
  set_network();
  send(from(kPlain).ip(kClient, kDns).udp(2000, 53), kPlain);
  EXPECT_EQ(only(kUplink).destination(), ip_of("10.2.0.53"));
}

TEST_P(Flows, SilentFlowsAreForgottenAndVanishedPodsLeaveNothing) {
  for (std::uint16_t port = 2000; port < 2050; ++port) send(from(kPlain).ip(kClient, kDns).udp(port, 53), kPlain);
  EXPECT_EQ(flows(), 50u);
  advance(Duration::seconds(35));
  EXPECT_EQ(flows(), 0u);
  send(from(kPlain).ip(kClient, kDns).udp(2000, 53), kPlain);
  EXPECT_EQ(flows(), 1u);
  std::erase_if(spec.interfaces, [](const Interface& i) { return i.id == kPlain; });
  std::erase_if(spec.pods, [](const Pod& p) { return p.interface == kPlain; });
  std::erase_if(spec.services, [](const Service& s) { return s.address.address == ip_of("10.96.0.12"); });
  set_network();
  EXPECT_EQ(flows(), 0u);
  take_sent();
}

TEST_P(Flows, OnePodCannotFillTheTable) {
  options.nat_flows_max = 16;
  start();
  for (std::uint16_t port = 2000; port < 2100; ++port) send(from(kPlain).ip(kClient, kDns).udp(port, 53), kPlain);
  EXPECT_EQ(dropped(Drop::kNatTableFull), 100u - 8 * options.workers);
  take_sent();
  send(from(kMesh).ip("10.1.0.10", kDns).udp(2000, 53), kMesh);
  only(kServer);
}

// An error about a flow must find the flow's table.
TEST_P(Flows, IcmpErrorsFollowTheTranslatedFlowBothWays) {
  for (std::uint16_t port = 2000; port < 2016; ++port) {
    send(from(kPlain).ip(kClient, kDns).udp(port, 53).payload("q"), kPlain);
    const Sent there = only(kServer);
    send(from(kServer).ip("10.1.0.13", kClient).icmp(3, 3).payload(there.datagram()), kServer);
    const Sent error = only(kPlain);
    EXPECT_EQ(error.source(), ip_of(kDns));  // the backend speaks as the Service
    EXPECT_TRUE(error.checksums_hold());
    const std::uint8_t* quoted = error.frame.data() + error.l4() + 8;
    EXPECT_EQ(IpAddress::v4(quoted + 16), ip_of(kDns));
    EXPECT_EQ(load_be16(quoted + 22), 53);
    send(from(kServer).ip("10.1.0.13", kClient).udp(5353, port), kServer);
    const Sent back = only(kPlain);
    send(from(kPlain).ip(kClient, kDns).icmp(3, 3).payload(back.datagram()), kPlain);
    const Sent refused = only(kServer);
    EXPECT_EQ(refused.destination(), ip_of("10.1.0.13"));
    EXPECT_TRUE(refused.checksums_hold());
    EXPECT_EQ(IpAddress::v4(refused.frame.data() + refused.l4() + 8 + 12), ip_of("10.1.0.13"));
  }
  EXPECT_EQ(count(&StackCounters::icmp_errors_in), 32u);
  EXPECT_EQ(drops(), 0u);
}

TEST_P(Flows, FragmentsAreGatheredThenTranslatedThenCutAgain) {
  const PacketBuilder whole = from(kPlain).ip(kClient, "10.96.0.10").udp(2000, 53).payload_of(4000);
  const Bytes datagram = whole.datagram();
  for (std::size_t at = 20; at < datagram.size(); at += 1480) {
    const std::size_t size = std::min<std::size_t>(1480, datagram.size() - at);
    const Bytes part(datagram.begin() + static_cast<std::ptrdiff_t>(at),
                     datagram.begin() + static_cast<std::ptrdiff_t>(at + size));
    send(from(kPlain).ip(kClient, "10.96.0.10").protocol(17).fragment(static_cast<std::uint32_t>(at - 20),
                                                                        at + size < datagram.size())
             .payload(part), kPlain);
  }
  const std::vector<Sent> sent = take_sent();
  ASSERT_EQ(sent.size(), 3u);
  Bytes payload;
  for (const Sent& fragment : sent) {
    EXPECT_EQ(fragment.interface, kServer);
    EXPECT_LE(fragment.frame.size(), 1514u);
    EXPECT_EQ(fragment.destination(), ip_of("10.1.0.13"));
    payload.insert(payload.end(), fragment.frame.begin() + 34, fragment.frame.end());
  }
  EXPECT_EQ(payload.size(), 4008u);
  EXPECT_EQ(load_be16(payload.data() + 2), 5353);
  EXPECT_TRUE(std::equal(payload.begin() + 8, payload.end(), datagram.begin() + 28));
  EXPECT_EQ(count(&StackCounters::reassembled), 1u);
}

TEST_P(Flows, TcpFragmentsAreGatheredBeforeInterception) {
  for (std::uint32_t id = 1; id < 9; ++id) {
    const auto port = static_cast<std::uint16_t>(2000 + id);
    const Bytes whole = from(kMesh).ip("fd00:1::10", "fd00:2::80").tcp(port, 80).syn().payload_of(100).datagram();
    const Bytes segment(whole.begin() + 40, whole.end());
    const auto piece = [&](std::uint32_t at, std::uint32_t end, bool more) {
      return from(kMesh).ip("fd00:1::10", "fd00:2::80").protocol(6).fragment(at, more, id)
          .payload(Bytes(segment.begin() + at, segment.begin() + end));
    };
    send(piece(64, 120, false), kMesh);
    send(piece(0, 64, true), kMesh);
    EXPECT_EQ(only_syn().remote.port, port);
  }
  EXPECT_EQ(count(&StackCounters::forwarded), 0u);
  EXPECT_EQ(drops(), 0u);
}

}  // namespace
}  // namespace weft::net
