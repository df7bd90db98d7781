// The virtual listeners by mode and address family.
#include "controlplane/xds/inbound.h"

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/endpoint/v3/endpoint.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/xds/generate.h"
#include "controlplane/registry/test_cluster.h"

namespace weft::controlplane {
namespace {

using envoy::config::cluster::v3::Cluster;
using envoy::config::listener::v3::Listener;

template <typename Message>
Message find(const GeneratedResources& resources, XdsType type, std::string_view name) {
  Message out;
  for (const ResourcePtr& each : resources.at(type)) {
    if (each->name != name) continue;
    EXPECT_TRUE(out.ParseFromString(each->body));
  }
  EXPECT_GT(out.ByteSizeLong(), 0u) << name;
  return out;
}

// Everything for pod shop/`pod` with more objects in the cluster.
GeneratedResources resources_of(const std::string& pod, std::string_view more) {
  TestCluster cluster;
  cluster.put("shop.yaml", kShop);
  if (!more.empty()) cluster.put("more.yaml", more);
  const auto index = cluster.index();
  return generate_resources(index, *index->find_workload("shop", pod));
}

Listener inbound_of(const std::string& pod, std::string_view more = "") {
  return find<Listener>(resources_of(pod, more), XdsType::kListener, "virtualInbound");
}

// "8080 tls istio mtls", one text a chain.
std::vector<std::string> chains(const Listener& listener) {
  std::vector<std::string> out;
  for (const auto& chain : listener.filter_chains()) {
    const auto& match = chain.filter_chain_match();
    std::string text = std::to_string(match.destination_port().value()) + " " + match.transport_protocol();
    if (!match.application_protocols().empty()) text += " istio";
    if (chain.has_transport_socket()) text += " mtls";
    out.push_back(text);
  }
  return out;
}

std::string authentication(std::string_view spec) {
  return "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: p, namespace: shop}\nspec: " +
         std::string(spec) + "\n";
}

TEST(VirtualInbound, PermissiveTakesAllThree) {
  EXPECT_THAT(chains(inbound_of("db")),
              testing::ElementsAre("15006 ", "0 tls istio mtls", "0 tls", "0 raw_buffer", "3306 tls istio mtls",
                                   "3306 tls", "3306 raw_buffer"));
}

TEST(VirtualInbound, StrictTakesMutualTlsOnly) {
  EXPECT_THAT(chains(inbound_of("db", authentication("{mtls: {mode: STRICT}}"))),
              testing::ElementsAre("15006 ", "0 tls mtls", "3306 tls mtls"));
}

TEST(VirtualInbound, DisableDoesNotWaitForTheClient) {
  const Listener listener = inbound_of("db", authentication("{mtls: {mode: DISABLE}}"));
  EXPECT_THAT(chains(listener), testing::ElementsAre("15006 ", "0 raw_buffer", "3306 raw_buffer"));
  EXPECT_EQ(listener.listener_filters_size(), 1);  // original_dst alone
}

TEST(VirtualInbound, APortOfItsOwnModeIsExemptFromInspection) {
  const Listener listener = inbound_of(
      "db", authentication("{selector: {matchLabels: {app: db}}, mtls: {mode: STRICT}, portLevelMtls: {3306: {mode: "
                           "DISABLE}}}"));
  EXPECT_THAT(chains(listener), testing::ElementsAre("15006 ", "0 tls mtls", "3306 raw_buffer"));
  ASSERT_EQ(listener.listener_filters_size(), 2);
  const auto& rules = listener.listener_filters(1).filter_disabled().or_match();
  ASSERT_EQ(rules.rules_size(), 2);
  EXPECT_EQ(rules.rules(0).destination_port_range().start(), 3306);
  EXPECT_EQ(rules.rules(1).destination_port_range().start(), 15006);
}

TEST(VirtualInbound, DisableButForOnePortInspectsThatPortAlone) {
  const Listener listener = inbound_of(
      "db", authentication("{selector: {matchLabels: {app: db}}, mtls: {mode: DISABLE}, portLevelMtls: {3306: {mode: "
                           "STRICT}}}"));
  const auto& disabled = listener.listener_filters(1).filter_disabled();
  EXPECT_EQ(disabled.not_match().destination_port_range().start(), 3306);
}

TEST(VirtualInbound, APortInNoServiceHasItsOwnModeToo) {
  const Listener listener = inbound_of(
      "db", authentication("{selector: {matchLabels: {app: db}}, portLevelMtls: {7777: {mode: STRICT}}}"));
  EXPECT_THAT(chains(listener), testing::Contains("7777 tls mtls"));
}

TEST(VirtualListeners, DualStackPodsListenOnBoth) {
  const GeneratedResources resources = resources_of("web", "");
  for (const char* name : {"virtualInbound", "virtualOutbound"}) {
    const Listener listener = find<Listener>(resources, XdsType::kListener, name);
    EXPECT_EQ(listener.address().socket_address().address(), "0.0.0.0");
    ASSERT_EQ(listener.additional_addresses_size(), 1);
    EXPECT_EQ(listener.additional_addresses(0).address().socket_address().address(), "::");
  }
  const Cluster cluster = find<Cluster>(resources, XdsType::kCluster, "inbound|8080||");
  EXPECT_EQ(cluster.upstream_bind_config().source_address().address(), "127.0.0.6");
  EXPECT_EQ(cluster.upstream_bind_config().extra_source_addresses(0).address().address(), "::6");
}

TEST(VirtualOutbound, RegistryOnlyEndsInTheBlackHole) {
  const Listener listener = find<Listener>(resources_of("db", R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"}
)"),
                                           XdsType::kListener, "virtualOutbound");
  EXPECT_THAT(listener.filter_chains(1).filters(0).typed_config().value(), testing::HasSubstr("BlackHoleCluster"));
}

TEST(Endpoints, DualStackPodsAreOneEndpointWithTwoAddresses) {
  const auto assignment = find<envoy::config::endpoint::v3::ClusterLoadAssignment>(
      resources_of("db", ""), XdsType::kEndpoints, "outbound|80||web.shop.svc.cluster.local");
  ASSERT_EQ(assignment.endpoints_size(), 1);
  ASSERT_EQ(assignment.endpoints(0).lb_endpoints_size(), 1);
  const auto& endpoint = assignment.endpoints(0).lb_endpoints(0).endpoint();
  EXPECT_EQ(endpoint.address().socket_address().address(), "10.1.0.1");
  EXPECT_EQ(endpoint.additional_addresses(0).address().socket_address().address(), "fd00::1");
}

TEST(OutboundListener, DualStackServicesListenOnBothAddresses) {
  const Listener listener = find<Listener>(resources_of("db", ""), XdsType::kListener, "10.0.0.1_80");
  ASSERT_EQ(listener.additional_addresses_size(), 1);
  EXPECT_EQ(listener.additional_addresses(0).address().socket_address().address(), "fd10::1");
}

}  // namespace
}  // namespace weft::controlplane
