// Errors that we send: TTL, MTU, no route, silence of the next hop; and those that come in for the TCP engine.
#include <gtest/gtest.h>

#include "tests/builders/stack_fixture.h"

namespace weft::net {
namespace {

using namespace weft::testing;

class Errors : public StackFixture {
 protected:
  Sent expect_error(InterfaceId interface, std::uint8_t type, std::uint8_t code) {
    Sent sent = only(interface);
    EXPECT_EQ(sent.frame[sent.l4()], type);
    EXPECT_EQ(sent.frame[sent.l4() + 1], code);
    EXPECT_TRUE(sent.checksums_hold());
    return sent;
  }
};

TEST_F(Errors, TimeExceeded) {
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").hop_limit(1).udp(1, 2), kPlain);
  EXPECT_EQ(expect_error(kPlain, 11, 0).source(), gateway_v4());
  receive(from(kPlain).ip("fd00:1::12", "fd00:2::1").hop_limit(1).udp(1, 2), kPlain);
  EXPECT_EQ(expect_error(kPlain, 3, 0).source(), gateway_v6());
  EXPECT_EQ(dropped(Drop::kHopLimit), 2u);
}

TEST_F(Errors, HopLimitGoesDownByOne) {
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").hop_limit(9).udp(1, 2), kPlain);
  const Sent sent = only(kUplink);
  EXPECT_EQ(sent.frame[14 + 8], 8);
  EXPECT_TRUE(sent.checksums_hold());
}

TEST_F(Errors, TooBigSaysTheMtuAndQuotesWhatTheSenderWrote) {
  spec.interfaces[0].link.mtu = 1400;
  set_network();
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").dont_fragment().udp(1, 2).payload_of(1400), kPlain);
  const Sent error = expect_error(kPlain, 3, 4);
  EXPECT_EQ(load_be16(error.frame.data() + error.l4() + 6), 1400);
  receive(from(kPlain).ip("fd00:1::12", "fd00:2::1").udp(1, 2).payload_of(1400), kPlain);
  const Sent error6 = expect_error(kPlain, 2, 0);
  EXPECT_EQ(load_be32(error6.frame.data() + error6.l4() + 4), 1400u);
  EXPECT_EQ(dropped(Drop::kTooBig), 2u);
  // Through a Service: the quote names the Service, not the backend.
  receive(from(kPlain).ip("fd00:1::12", "fd00:96::10").udp(7, 53).payload_of(1400), kPlain);
  const Sent translated = expect_error(kPlain, 2, 0);
  EXPECT_EQ(IpAddress::v6(translated.frame.data() + translated.l4() + 8 + 24), ip_of("fd00:96::10"));
  EXPECT_EQ(load_be16(translated.frame.data() + translated.l4() + 8 + 42), 53);
}

TEST_F(Errors, SuperSegmentsAreMeasuredByTheirSegments) {
  spec.interfaces[0].link.mtu = 1400;
  set_network();
  const auto segment = [&](std::uint16_t size) {
    return from(kPlain).ip("10.1.0.12", "10.2.0.1").dont_fragment().tcp(1, 80).ack().payload_of(20000).gso(size);
  };
  receive(segment(1460), kPlain);
  expect_error(kPlain, 3, 4);
  receive(segment(1360), kPlain);
  const auto sent = take_sent();
  EXPECT_EQ(sent.size(), 15u);
  for (const Sent& frame : sent) {
    EXPECT_LE(frame.frame.size(), 1414u);
    EXPECT_TRUE(frame.checksums_hold());
  }
}

TEST_F(Errors, WithoutDontFragmentItIsCut) {
  spec.interfaces[0].link.mtu = 1000;
  set_network();
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").udp(1, 2).payload_of(1400).partial_checksum(), kPlain);
  const auto sent = take_sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].frame.size(), 14u + 20 + 976);
  EXPECT_EQ(load_be16(sent[0].frame.data() + 20), 0x2000);
  EXPECT_EQ(load_be16(sent[1].frame.data() + 20), 976 / 8);
}

TEST_F(Errors, NoRoute) {
  spec.routes.clear();
  set_network();
  receive(from(kPlain).ip("10.1.0.12", "8.8.8.8").udp(1, 2), kPlain);
  expect_error(kPlain, 3, 0);
  EXPECT_EQ(dropped(Drop::kNoRoute), 1u);
}

TEST_F(Errors, ServiceWithoutBackendIsRefused) {
  receive(from(kPlain).ip("10.1.0.12", "10.96.0.13").udp(1, 53), kPlain);
  expect_error(kPlain, 3, 3);
}

TEST_F(Errors, RateIsLimitedPerInterface) {
  options.icmp_errors_per_second = 5;
  start();
  for (int i = 0; i < 20; ++i) receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").hop_limit(1).udp(1, 2), kPlain);
  EXPECT_EQ(take_sent().size(), 5u);
  EXPECT_EQ(dropped(Drop::kIcmpLimited), 15u);
  receive(from(kMesh).ip("10.1.0.10", "10.2.0.1").hop_limit(1).udp(1, 2), kMesh);
  expect_error(kMesh, 11, 0);
  advance(Duration::seconds(1));
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").hop_limit(1).udp(1, 2), kPlain);
  expect_error(kPlain, 11, 0);
}

TEST_F(Errors, NoErrorAboutAnError) {
  const Bytes quoted = weft::testing::ip("10.2.0.1", "10.1.0.12").udp(2, 1).datagram();
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").hop_limit(1).icmp(3, 3).payload(quoted), kPlain);
  EXPECT_TRUE(take_sent().empty());
  EXPECT_EQ(dropped(Drop::kHopLimit), 1u);
}

TEST_F(Errors, SilentNextHop) {
  answer_neighbors = false;
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").udp(1, 2), kPlain);
  EXPECT_EQ(only(kUplink).type(), 0x0806);
  advance(Duration::seconds(5));
  const auto sent = take_sent();
  ASSERT_EQ(sent.size(), 3u);  // two more requests, then the answer to the sender
  EXPECT_EQ(sent[2].interface, kPlain);
  EXPECT_EQ(sent[2].frame[sent[2].l4()], 3);
  EXPECT_EQ(sent[2].frame[sent[2].l4() + 1], 1);
  EXPECT_EQ(dropped(Drop::kNeighborUnresolved), 1u);
}

TEST_F(Errors, WhatWaitsForTheNextHopIsBounded) {
  answer_neighbors = false;
  for (std::uint16_t i = 0; i < 40; ++i) receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").udp(i, 2), kPlain);
  EXPECT_EQ(dropped(Drop::kNeighborQueueFull), 40u - 16);
  EXPECT_EQ(take_sent().size(), 1u);
  receive(from(kUplink).arp(2, gateway_mac(), "192.168.0.2", our_mac(kUplink), "192.168.0.1"), kUplink);
  const auto sent = take_sent();
  ASSERT_EQ(sent.size(), 16u);
  for (std::uint16_t i = 0; i < 16; ++i) EXPECT_EQ(sent[i].source_port(), i);
}

TEST_F(Errors, IncomingErrorsMustQuoteWhatTheReporterCouldHaveSeen) {
  const auto quoted = [](const char* from_address, const char* to_address) {
    return weft::testing::ip(from_address, to_address).tcp(1000, 80).ack().datagram();
  };
  // For somebody else than who is said to have sent the packet.
  receive(from(kUplink).ip("10.2.0.1", "10.1.0.12").icmp(3, 4, 1000).payload(quoted("10.1.0.10", "10.2.0.1")), kUplink);
  // A pod about a packet that never went to it.
  receive(from(kPlain).ip("10.1.0.12", "10.1.0.10").icmp(3, 4, 1000).payload(quoted("10.1.0.10", "10.2.0.1")), kPlain);
  // Cut before the ports.
  Bytes cut = quoted("10.1.0.10", "10.2.0.1");
  cut.resize(24);
  receive(from(kUplink).ip("10.2.0.1", "10.1.0.10").icmp(3, 4, 1000).payload(cut), kUplink);
  EXPECT_EQ(dropped(Drop::kIcmpUnmatched), 3u);
  receive(from(kUplink).ip("10.2.0.1", "10.1.0.10").icmp(3, 4).payload(quoted("10.1.0.10", "10.2.0.1"))
              .bad_l4_checksum(), kUplink);
  EXPECT_EQ(dropped(Drop::kL4BadChecksum), 1u);
  receive(from(kUplink).ip("10.2.0.1", "10.1.0.10").icmp(3, 4, 1000).payload(quoted("10.1.0.10", "10.2.0.1")), kUplink);
  EXPECT_EQ(count(&StackCounters::icmp_errors_in), 1u);
  EXPECT_TRUE(take_sent().empty());  // the engine's, not the pod's
}

TEST_F(Errors, FragmentsThatNeverCompleteAreReported) {
  receive(from(kPlain).ip("10.1.0.12", "10.2.0.1").udp(1, 2).fragment(0, true).payload_of(64), kPlain);
  advance(Duration::seconds(31));
  expect_error(kPlain, 11, 1);
  EXPECT_EQ(dropped(Drop::kFragmentTimeout), 1u);
}

TEST_F(Errors, DropsLeaveARecord) {
  receive(from(kPlain).ip("10.1.0.12", "224.0.0.9").udp(1, 2), kPlain);
  const auto recent = stacks[0]->drops().recent();
  ASSERT_EQ(recent.size(), 1u);
  EXPECT_EQ(recent[0].reason, Drop::kMulticast);
  EXPECT_EQ(recent[0].interface, kPlain);
  EXPECT_EQ(recent[0].source.address, ip_of("10.1.0.12"));
  EXPECT_EQ(recent[0].destination.address, ip_of("224.0.0.9"));
  EXPECT_EQ(recent[0].protocol, 17);
  EXPECT_EQ(recent[0].time, now);
}

}  // namespace
}  // namespace weft::net
