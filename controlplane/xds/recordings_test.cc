// Our resources beside the recorded pushes of a real istiod for the same Kubernetes objects: what
// they say about TCP ports must be the same. (Ports that Istio takes for HTTP are served as TCP
// here, so they are left out.)
#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/endpoint/v3/endpoint.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/network/rbac/v3/rbac.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>
#include <envoy/service/discovery/v3/discovery.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/gzip_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <networking/nds/nds.pb.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "controlplane/xds/generate.h"
#include "controlplane/registry/test_cluster.h"

namespace weft::controlplane {
namespace {

using Json = nlohmann::json;
using Resources = std::map<std::string, Json>;

// What is left out of the comparison, for TCP does not know it: HTTP, HBONE, and the metadata exchange filter with its
// ALPN (envoy_parts.cc says why we have none).
void strip(envoy::config::endpoint::v3::ClusterLoadAssignment*) {}
void strip(istio::networking::nds::v1::NameTable*) {}
void strip(envoy::config::cluster::v3::Cluster* cluster) {
  cluster->clear_filters();
  cluster->clear_typed_extension_protocol_options();
  auto* matches = cluster->mutable_transport_socket_matches();
  if (!matches->empty() && matches->at(0).name() == "hbone") matches->DeleteSubrange(0, 1);
}
void strip(envoy::config::listener::v3::Listener* listener) {
  for (int i = listener->filter_chains_size() - 1; i >= 0; --i) {
    auto* filters = listener->mutable_filter_chains(i)->mutable_filters();
    if (!filters->empty() && filters->at(0).name() == "istio.metadata_exchange") filters->DeleteSubrange(0, 1);
    const bool http = !filters->empty() && filters->rbegin()->name() == "envoy.filters.network.http_connection_manager";
    if (http) listener->mutable_filter_chains()->DeleteSubrange(i, 1);
  }
}

template <typename Message>
Json to_json(const std::string& body) {
  Message message;
  EXPECT_TRUE(message.ParseFromString(body));
  strip(&message);
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  EXPECT_TRUE(status.ok()) << status;
  return Json::parse(status.ok() ? text : "{}");
}

template <typename Message>
Resources to_json(const std::vector<ResourcePtr>& resources) {
  Resources out;
  for (const ResourcePtr& each : resources) out[each->name] = to_json<Message>(each->body);
  return out;
}

struct Case {
  const char* scenario;
  const char* file;
  const char* name_space;
  const char* pod;  // the start of its name
  std::vector<int> tcp_ports;
};

const std::string& data() {
  static const std::string path = WEFT_TEST_DATA;
  return path;
}

// Every response that a real istiod sent: a varint length before each message, all of it gzipped.
template <typename Message>
Resources recorded(const Case& c) {
  std::ifstream file(data() + "/" + c.scenario + "/" + c.file + ".raw.gz");
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  google::protobuf::io::ArrayInputStream array(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::GzipInputStream gzip(&array);
  Resources out;
  while (true) {
    google::protobuf::io::CodedInputStream coded(&gzip);
    std::uint32_t size = 0;
    std::string body;
    envoy::service::discovery::v3::DeltaDiscoveryResponse response;
    if (!coded.ReadVarint32(&size) || !coded.ReadString(&body, static_cast<int>(size))) break;
    EXPECT_TRUE(response.ParseFromString(body));
    const std::string url = "type.googleapis.com/" + std::string(Message::descriptor()->full_name());
    if (response.type_url() != url) continue;
    for (const auto& each : response.resources()) out[each.name()] = to_json<Message>(each.resource().value());
  }
  EXPECT_FALSE(out.empty());
  return out;
}

GeneratedResources ours(const Case& c) {
  TestCluster cluster;
  cluster.put_directory(data() + "/mesh");
  const std::string input = data() + "/" + c.scenario + "/input";
  if (std::filesystem::exists(input)) cluster.put_directory(input);
  const auto index = cluster.index();
  for (const auto& [key, workload] : index->workloads()) {
    if (key.name_space == c.name_space && key.name.starts_with(c.pod)) return generate_resources(index, *workload);
  }
  ADD_FAILURE() << "no pod " << c.pod;
  return {};
}

// What a chain means on TCP: match, TLS or not, policies, cluster.
Json meaning(const Json& chain) {
  Json out{{"match", chain.value("filter_chain_match", Json::object())},
           {"mtls", chain.contains("transport_socket")},
           {"rbac", Json::array()}};
  if (out["match"].contains("application_protocols")) {
    auto& protocols = out["match"]["application_protocols"];
    std::sort(protocols.begin(), protocols.end());
  }
  for (const Json& filter : chain["filters"]) {
    if (filter["name"] == "envoy.filters.network.rbac") out["rbac"].push_back(filter["typed_config"]);
    if (filter["name"] == "envoy.filters.network.tcp_proxy") out["cluster"] = filter["typed_config"]["cluster"];
  }
  return out;
}

std::vector<Json> chains_of(const Json& listener, int port) {
  std::vector<Json> out;
  for (const Json& chain : listener["filter_chains"]) {
    const Json match = chain.value("filter_chain_match", Json::object());
    if (match.value("destination_port", 0) == port) out.push_back(meaning(chain));
  }
  return out;
}

class Recording : public testing::TestWithParam<Case> {};

TEST_P(Recording, InboundChainsOfTcpPorts) {
  const Json theirs = recorded<envoy::config::listener::v3::Listener>(GetParam()).at("virtualInbound");
  const Json mine = to_json<envoy::config::listener::v3::Listener>(ours(GetParam()).at(XdsType::kListener))
                        .at("virtualInbound");
  for (const int port : GetParam().tcp_ports) {
    EXPECT_EQ(chains_of(mine, port), chains_of(theirs, port)) << port;
    EXPECT_FALSE(chains_of(mine, port).empty()) << port;
  }
  EXPECT_EQ(chains_of(mine, 15006), chains_of(theirs, 15006));
}

TEST_P(Recording, EndpointsAreEqual) {
  const Resources theirs = recorded<envoy::config::endpoint::v3::ClusterLoadAssignment>(GetParam());
  const Resources mine = to_json<envoy::config::endpoint::v3::ClusterLoadAssignment>(
      ours(GetParam()).at(XdsType::kEndpoints));
  int compared = 0;
  for (const auto& [name, assignment] : theirs) {
    if (name.find("kubernetes.default") != std::string::npos) continue;  // of the API server, not of the mesh
    if (name.find("ambient-demo") != std::string::npos) continue;        // over HBONE there
    ASSERT_TRUE(mine.contains(name)) << name;
    EXPECT_EQ(mine.at(name), assignment) << name;
    ++compared;
  }
  EXPECT_GT(compared, 15);
}

TEST_P(Recording, OutboundListenersOfTcpPortsAreEqual) {
  const Resources theirs = recorded<envoy::config::listener::v3::Listener>(GetParam());
  const Resources mine =
      to_json<envoy::config::listener::v3::Listener>(ours(GetParam()).at(XdsType::kListener));
  int compared = 0;
  for (const char* name : {"10.96.3.1_3306", "10.96.2.3_9000", "10.96.2.3_9001", "10.96.0.10_53", "10.244.1.19_9042",
                           "10.244.2.19_7000", "virtualOutbound"}) {
    EXPECT_EQ(mine.contains(name), theirs.contains(name)) << name;
    if (!mine.contains(name) || !theirs.contains(name)) continue;
    EXPECT_EQ(mine.at(name), theirs.at(name)) << name;
    ++compared;
  }
  EXPECT_GE(compared, 4);
}

Json without_alpn(Json cluster) {
  const auto strip_socket = [](Json& socket) {
    if (socket.contains("typed_config") && socket["typed_config"].contains("common_tls_context")) {
      socket["typed_config"]["common_tls_context"].erase("alpn_protocols");
    }
  };
  if (cluster.contains("transport_socket")) strip_socket(cluster["transport_socket"]);
  if (cluster.contains("transport_socket_matches")) {
    for (Json& match : cluster["transport_socket_matches"]) strip_socket(match["transport_socket"]);
  }
  return cluster;
}

TEST_P(Recording, ClustersOfTcpPortsAreEqual) {
  if (std::string_view(GetParam().scenario) == "headless") GTEST_SKIP() << "a DestinationRule decides there";
  const Resources theirs = recorded<envoy::config::cluster::v3::Cluster>(GetParam());
  const Resources mine =
      to_json<envoy::config::cluster::v3::Cluster>(ours(GetParam()).at(XdsType::kCluster));
  std::vector<std::string> names{"outbound|3306||mysql.data.svc.cluster.local",
                                 "outbound|9000||tcp-echo.samples.svc.cluster.local",
                                 "outbound|53||kube-dns.kube-system.svc.cluster.local",
                                 "outbound|9042||cassandra.data.svc.cluster.local",
                                 "PassthroughCluster", "InboundPassthroughCluster", "BlackHoleCluster"};
  for (const int port : GetParam().tcp_ports) names.push_back("inbound|" + std::to_string(port) + "||");
  for (const std::string& name : names) {
    ASSERT_TRUE(mine.contains(name)) << name;
    EXPECT_EQ(without_alpn(mine.at(name)), without_alpn(theirs.at(name))) << name;
  }
}

// But for the order of a headless Service's addresses.
Json sorted(Json table) {
  for (Json& info : table) std::sort(info["ips"].begin(), info["ips"].end());
  return table;
}

TEST_P(Recording, NameTableIsEqual) {
  Json theirs = recorded<istio::networking::nds::v1::NameTable>(GetParam()).at("")["table"];
  theirs.erase("kubernetes.default.svc.cluster.local");
  const Json mine =
      to_json<istio::networking::nds::v1::NameTable>(ours(GetParam()).at(XdsType::kNameTable)).at("")["table"];
  EXPECT_EQ(sorted(mine), sorted(theirs));
}

INSTANTIATE_TEST_SUITE_P(
    Istiod, Recording,
    testing::Values(Case{"plain", "mysql", "data", "mysql", {3306}},
                    Case{"strict-mtls", "mysql", "data", "mysql", {3306}},
                    Case{"authz-l4", "mysql", "data", "mysql", {3306}},
                    Case{"authz-l4", "tcp-echo-v1", "samples", "tcp-echo-v1", {9000, 9001}},
                    Case{"permissive-port-disable", "tcp-echo-v1", "samples", "tcp-echo-v1", {9000, 9001}},
                    Case{"headless", "cassandra-0", "data", "cassandra-0", {9042, 7000}}),
    [](const auto& each) {
      std::string name = std::string(each.param.scenario) + "_" + each.param.file;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

}  // namespace
}  // namespace weft::controlplane
