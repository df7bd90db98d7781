#include "dataplane/net/network.h"

#include <gtest/gtest.h>

#include "tests/builders/stack_fixture.h"

namespace weft::net {
namespace {

using testing::endpoint_of;
using testing::ip_of;
using testing::node_spec;

std::string error_of(const NetworkSpec& spec) {
  auto network = Network::compile(spec);
  return network ? "" : network.error();
}

TEST(Network, LongestPrefixWins) {
  auto network = *Network::compile(node_spec());
  EXPECT_EQ(network->route_to(ip_of("10.2.3.4"))->gateway, ip_of("192.168.0.2"));
  EXPECT_EQ(network->route_to(ip_of("10.3.0.1"))->gateway, ip_of("192.168.0.254"));
  EXPECT_FALSE(network->route_to(ip_of("192.168.0.77"))->gateway.has_value());
  EXPECT_EQ(network->route_to(ip_of("fd00:2::9"))->gateway, ip_of("2001:db8::2"));
}

TEST(Network, FindsPodsNodesAndServices) {
  auto network = *Network::compile(node_spec());
  EXPECT_EQ(network->pod_with(ip_of("fd00:1::12"))->interface, testing::kPlain);
  EXPECT_EQ(network->pod_with(ip_of("10.1.0.99")), nullptr);
  EXPECT_TRUE(network->is_own_address(ip_of("2001:db8::1")));
  EXPECT_TRUE(network->is_service_address(ip_of("10.96.0.10")));
  EXPECT_NE(network->service(endpoint_of("10.96.0.10:53"), L4Protocol::kUdp), nullptr);
  EXPECT_EQ(network->service(endpoint_of("10.96.0.10:53"), L4Protocol::kTcp), nullptr);
}

TEST(Network, RefusesWhatContradictsItself) {
  struct Row {
    const char* says;
    void (*spoil)(NetworkSpec&);
  };
  const Row rows[] = {
      {"id 0 is reserved", [](NetworkSpec& s) { s.interfaces[0].id = 0; }},
      {"the id is taken", [](NetworkSpec& s) { s.interfaces[3].id = testing::kMesh; }},
      {"a second uplink", [](NetworkSpec& s) { s.interfaces[2].kind = InterfaceKind::kUplink; }},
      {"MTU below 576", [](NetworkSpec& s) { s.interfaces[0].link.mtu = 500; }},
      {"no usable MAC", [](NetworkSpec& s) { s.interfaces[0].mac = {}; }},
      {"no usable peer MAC", [](NetworkSpec& s) { s.interfaces[2].peer_mac = MacAddress::broadcast(); }},
      {"no such pod port", [](NetworkSpec& s) { s.pods[0].interface = testing::kHost; }},
      {"two pods on one port", [](NetworkSpec& s) { s.pods[1].interface = testing::kMesh; }},
      {"is another pod's address too", [](NetworkSpec& s) { s.pods[1].addresses = s.pods[0].addresses; }},
      {"unusable address", [](NetworkSpec& s) { s.pods[1].addresses = {ip_of("127.0.0.1")}; }},
      {"is a pod's address", [](NetworkSpec& s) { s.node_addresses = {ip_of("10.1.0.10")}; }},
      {"leaves by neither", [](NetworkSpec& s) { s.routes[0].interface = testing::kMesh; }},
      {"gateway of another family", [](NetworkSpec& s) { s.routes[0].gateway = ip_of("2001:db8::2"); }},
      {"impossible prefix length", [](NetworkSpec& s) { s.routes[0].destination.length = 33; }},
      {"has another route", [](NetworkSpec& s) { s.routes.push_back(s.routes[0]); }},
      {"stands twice", [](NetworkSpec& s) { s.services.push_back(s.services[0]); }},
      {"of another family", [](NetworkSpec& s) { s.services[0].backends = {endpoint_of("[fd00::1]:53")}; }},
  };
  for (const Row& row : rows) {
    NetworkSpec spec = node_spec();
    row.spoil(spec);
    EXPECT_NE(error_of(spec).find(row.says), std::string::npos) << row.says << ": " << error_of(spec);
  }
}

TEST(MacAddress, ReadsOneForm) {
  EXPECT_EQ(MacAddress::parse("02:00:00:aB:01:0f")->to_string(), "02:00:00:ab:01:0f");
  for (const char* bad : {"", "02:00:00:00:00", "02-00-00-00-00-01", "02:00:00:00:00:0g", "0200:00:00:00:01:2"})
    EXPECT_FALSE(MacAddress::parse(bad)) << bad;
}

}  // namespace
}  // namespace weft::net
