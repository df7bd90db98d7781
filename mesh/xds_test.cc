// What is accepted, and what is NACKed with which words.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/extensions/filters/listener/original_dst/v3/original_dst.pb.h"
#include "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h"
#include "envoy/extensions/filters/network/rbac/v3/rbac.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream.pb.h"
#include "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "mesh/decision.h"
#include "mesh/xds_pod_config_builder.h"
#include "mesh/xds_support.h"

namespace weft::mesh {
namespace {

using Listener3 = envoy::config::listener::v3::Listener;
using Cluster3 = envoy::config::cluster::v3::Cluster;
using Endpoints3 = envoy::config::endpoint::v3::ClusterLoadAssignment;

template <typename T>
std::string from_text(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message.SerializeAsString();
}

const std::string kTcpProxy = "filters { name: 'tcp' typed_config { "
    "[type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy] { "
    "stat_prefix: 'x' cluster: 'c' } } }";

// A listener "l" at 10.0.0.1:80 with one chain of `filters`, and `more` fields.
std::string listener_text(const std::string& filters, const std::string& more = "") {
  return "name: 'l' address { socket_address { address: '10.0.0.1' port_value: 80 } } filter_chains { " + filters +
         " } " + more;
}

class Builder : public ::testing::Test {
 protected:
  std::string listener(const std::string& text, const std::string& name = "l") {
    return builder_.upsert(XdsType::kListener, name, from_text<Listener3>(text)).value_or("accepted");
  }
  std::string cluster(const std::string& text, const std::string& name = "c") {
    return builder_.upsert(XdsType::kCluster, name, from_text<Cluster3>(text)).value_or("accepted");
  }
  std::string endpoints(const std::string& text, const std::string& name = "c") {
    return builder_.upsert(XdsType::kEndpoints, name, from_text<Endpoints3>(text)).value_or("accepted");
  }
  XdsPodConfigBuilder builder_{std::make_shared<XdsCache>()};
};

TEST(XdsSupport, EveryRowNamesAFieldThatExists) {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  for (const FieldSupport& row : field_support()) {
    const auto* message = pool->FindMessageTypeByName(std::string(row.message));
    ASSERT_NE(message, nullptr) << row.message;
    std::string fields(row.fields), field;
    for (std::istringstream words(fields); words >> field;)
      EXPECT_NE(message->FindFieldByName(field), nullptr) << row.message << "." << field;
    EXPECT_TRUE(row.support == Support::kHonoured || !row.why.empty()) << row.message;
  }
}

TEST_F(Builder, NacksNameResourceAndField) {
  EXPECT_EQ(listener(listener_text(kTcpProxy)), "accepted");
  EXPECT_EQ(listener(listener_text(kTcpProxy, "udp_listener_config {}")),
            "listener 'l': udp_listener_config is not supported");
  EXPECT_EQ(listener(listener_text(kTcpProxy + " filter_chain_match { address_suffix: '1' }")),
            "listener 'l': filter_chains[0].filter_chain_match.address_suffix is not supported");
  EXPECT_EQ(listener(listener_text(kTcpProxy), "other"), "listener 'other': name 'l' is not the resource's name");
  EXPECT_EQ(listener(listener_text("filters { name: 'x' typed_config { type_url: 'type.googleapis.com/acme.Auth' } } " +
                                   kTcpProxy)),
            "listener 'l': filter_chains[0].filters[0].typed_config acme.Auth is not supported here");
  EXPECT_EQ(listener(listener_text("filters { name: 'mx' }")),
            "listener 'l': filter_chains[0].filters[0].typed_config has no typed_config");
  EXPECT_EQ(builder_.upsert(XdsType::kListener, "l", "\x0a"),
            "listener 'l': is not a valid envoy.config.listener.v3.Listener");
}

TEST_F(Builder, FieldsThatOurDescriptorsDoNotKnowAreNotPassedOver) {
  std::string bytes = from_text<Listener3>(listener_text(kTcpProxy)) + "\xc2\x3e\x01x";  // field 1000
  EXPECT_EQ(builder_.upsert(XdsType::kListener, "l", bytes), "listener 'l': (field number 1000) is not supported");
}

TEST_F(Builder, RbacThatANetworkFilterCannotJudge) {
  auto rbac = [&](const std::string& policy) {
    return listener(listener_text("filters { name: 'rbac' typed_config { "
        "[type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC] { stat_prefix: 'x' rules { policies { "
        "key: 'p' value { " + policy + " } } } } } } " + kTcpProxy));
  };
  const std::string at = "listener 'l': filter_chains[0].filters[0].typed_config.rules.policies[\"p\"].";
  EXPECT_EQ(rbac("permissions { any: true } principals { any: true }"), "accepted");
  EXPECT_EQ(rbac("permissions { header { name: 'a' } } principals { any: true }"),
            at + "permissions[0].header is not supported");
  EXPECT_EQ(rbac("permissions { any: true } principals { not_id { metadata { filter: 'x' } } }"),
            at + "principals[0].not_id.metadata is not supported");
  EXPECT_EQ(rbac("permissions { any: true } principals { any: true } condition {}"), at + "condition is not supported");
  EXPECT_EQ(rbac("permissions { any: true }"), at + "principals is empty");
  EXPECT_EQ(rbac("permissions { any: true } principals { authenticated { principal_name { prefix: '' } } }"),
            at + "principals[0].authenticated.principal_name has an empty pattern");
}

TEST_F(Builder, TheLastGoodVersionStays) {
  ASSERT_EQ(listener(listener_text(kTcpProxy)), "accepted");
  auto before = builder_.build();
  ASSERT_NE(listener(listener_text("filters { name: 'mx' }")), "accepted");
  ASSERT_EQ(builder_.build()->listeners().size(), 1u);
  EXPECT_EQ(builder_.build()->listeners()[0], before->listeners()[0]);
}

TEST_F(Builder, ARejectedListenerHoldsItsAddress) {
  ASSERT_EQ(listener("name: 'virtualOutbound' traffic_direction: OUTBOUND use_original_dst { value: true } "
                     "address { socket_address { address: '0.0.0.0' port_value: 15001 } } filter_chains { " +
                     kTcpProxy + "}", "virtualOutbound"), "accepted");
  ASSERT_NE(listener(listener_text("filters { name: 'mx' }")), "accepted");
  DecisionInput input;
  input.destination = *Endpoint::parse("10.0.0.1:80");
  auto config = builder_.build();
  EXPECT_EQ(to_name(decide(*config, input).refusal), "listener_rejected");
  ASSERT_EQ(listener(listener_text(kTcpProxy)), "accepted");
  config = builder_.build();
  EXPECT_EQ(to_name(decide(*config, input).refusal), "no_cluster");
}

TEST_F(Builder, AnAddressHasOneListener) {
  ASSERT_EQ(listener(listener_text(kTcpProxy)), "accepted");
  EXPECT_EQ(listener("name: 'm' additional_addresses { address { socket_address { address: '10.0.0.1' "
                     "port_value: 80 } } } "
                     "address { socket_address { address: '10.0.0.2' port_value: 80 } } filter_chains { " +
                     kTcpProxy + "}",
                     "m"),
            "listener 'm': address 10.0.0.1:80 is already that of listener 'l'");
}

TEST_F(Builder, ChainsThatMatchTheSameAreNacked) {
  EXPECT_EQ(listener(listener_text(kTcpProxy, "filter_chains { " + kTcpProxy + " }")),
            "listener 'l': filter_chains[1].filter_chain_match is the same as that of an earlier chain");
}

TEST_F(Builder, LoadBalancingThatWouldSendBytesElsewhere) {
  EXPECT_EQ(cluster("name: 'c' type: STATIC lb_policy: RING_HASH"),
            "cluster 'c': lb_policy RING_HASH is not supported");
  EXPECT_EQ(cluster("name: 'c' type: STATIC lb_policy: RANDOM"), "accepted");
  EXPECT_EQ(cluster("name: 'c' type: STATIC health_checks {}"), "cluster 'c': health_checks is not supported");
  EXPECT_EQ(cluster("name: 'c' type: STATIC lb_subset_config { fallback_policy: ANY_ENDPOINT }"),
            "cluster 'c': lb_subset_config is not supported");
  EXPECT_EQ(cluster("name: 'c' type: STATIC outlier_detection { consecutive_5xx { value: 5 } }"), "accepted");
  EXPECT_EQ(cluster("name: 'c' type: ORIGINAL_DST lb_policy: CLUSTER_PROVIDED "
                    "upstream_bind_config { source_address { address: '10.0.0.7' port_value: 0 } }"),
            "cluster 'c': upstream_bind_config.source_address is not 127.0.0.6 or ::6");
}

TEST_F(Builder, SecretsThatWeDoNotHave) {
  EXPECT_EQ(cluster("name: 'c' type: STATIC transport_socket { name: 'tls' typed_config { "
                    "[type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext] { "
                    "common_tls_context { tls_certificate_sds_secret_configs { name: 'file-cert:/a' } } } } }"),
            "cluster 'c': transport_socket.typed_config.common_tls_context.tls_certificate_sds_secret_configs[0].name "
            "secret 'file-cert:/a' is not 'default'");
}

TEST_F(Builder, NamesNeedDnsAndNumbersDoNot) {
  auto dns = [&](const std::string& host) {
    return cluster("name: 'c' type: STRICT_DNS load_assignment { endpoints { lb_endpoints { endpoint { address { "
                   "socket_address { address: '" + host + "' port_value: 80 } } } } } }");
  };
  ASSERT_EQ(dns("example.com"), "accepted");
  EXPECT_TRUE(builder_.build()->find_cluster("c")->needs_dns);
  ASSERT_EQ(dns("192.0.2.1"), "accepted");
  EXPECT_FALSE(builder_.build()->find_cluster("c")->needs_dns);
  EXPECT_TRUE(builder_.build()->find_cluster("c")->has_eligible());
}

TEST_F(Builder, ChangedEndpointsChangeTheClusterAndRemovedOnesStay) {
  ASSERT_EQ(cluster("name: 'c' type: EDS eds_cluster_config { service_name: 'c' }"), "accepted");
  EXPECT_EQ(builder_.wanted_endpoints(), std::vector<std::string>{"c"});
  EXPECT_EQ(builder_.build()->find_cluster("c"), nullptr);
  const std::string host =
      "lb_endpoints { endpoint { address { socket_address { address: '10.0.0.9' port_value: 1 } } } }";
  ASSERT_EQ(endpoints("cluster_name: 'c' endpoints { priority: 1 " + host + " }"), "accepted");
  auto config = builder_.build();
  ASSERT_EQ(config->find_cluster("c")->priorities.size(), 2u);
  EXPECT_EQ(config->find_cluster("c")->priorities[1].load_percent, 100u);
  builder_.remove(XdsType::kEndpoints, "c");
  EXPECT_TRUE(builder_.build()->find_cluster("c")->has_eligible());
  EXPECT_EQ(endpoints("cluster_name: 'c' policy { drop_overloads { category: 'x' } }"),
            "endpoints 'c': policy.drop_overloads is not supported");
  ASSERT_EQ(endpoints("cluster_name: 'c'"), "accepted");
  EXPECT_FALSE(builder_.build()->find_cluster("c")->has_eligible());
}

TEST_F(Builder, HboneIsKnownAndHeldBack) {
  ASSERT_EQ(cluster("name: 'c' type: EDS transport_socket_matches { name: 'hbone' match { fields { "
                    "key: 'tunnel' value { "
                    "string_value: 'http' } } } transport_socket { name: 'i' typed_config { "
                    "[type.googleapis.com/envoy.extensions.transport_sockets.internal_upstream.v3."
                    "InternalUpstreamTransport] {} } } }"), "accepted");
  ASSERT_EQ(endpoints("cluster_name: 'c' endpoints { lb_endpoints { metadata { filter_metadata { key: "
                      "'envoy.transport_socket_match' value { fields { key: 'tunnel' value { "
                      "string_value: 'http' } } } } } "
                      "endpoint { address { socket_address { address: '10.0.0.9' port_value: 1 } } } } "
                      "lb_endpoints { endpoint { address { envoy_internal_address { server_listener_name: 'x' } } } } "
                      "lb_endpoints { endpoint { address { socket_address { address: '10.0.0.8' "
                      "port_value: 1 } } } } }"),
            "accepted");
  const auto config = builder_.build();
  const auto& hosts = config->find_cluster("c")->priorities[0].hosts;
  ASSERT_EQ(hosts.size(), 3u);
  EXPECT_TRUE(hosts[0].needs_hbone);
  EXPECT_TRUE(hosts[1].needs_hbone);
  EXPECT_FALSE(hosts[2].needs_hbone);
}

}  // namespace
}  // namespace weft::mesh
