// One xDS resource as a control plane may send it: the first byte picks Listener, Cluster or ClusterLoadAssignment, the
// rest is the message. Whatever is accepted must also build, and answer for connections.
#include <google/protobuf/stubs/logging.h>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "mesh/decision.h"
#include "mesh/xds_pod_config_builder.h"

namespace {

using namespace weft;
using namespace weft::mesh;

template <typename T>
T parse(std::string_view bytes) {
  T message;
  (void)message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  return message;
}

// The name that the resource must come under to be accepted.
std::string name_in(XdsType type, std::string_view bytes) {
  if (type == XdsType::kListener) return parse<envoy::config::listener::v3::Listener>(bytes).name();
  if (type == XdsType::kCluster) return parse<envoy::config::cluster::v3::Cluster>(bytes).name();
  return parse<envoy::config::endpoint::v3::ClusterLoadAssignment>(bytes).cluster_name();
}

// What makes the fuzzed resource reachable: a way in, and a cluster for endpoints.
void add_frame(XdsPodConfigBuilder& builder, XdsType type, const std::string& name) {
  if (type == XdsType::kEndpoints) {
    envoy::config::cluster::v3::Cluster cluster;
    cluster.set_name(name);
    cluster.set_type(envoy::config::cluster::v3::Cluster::EDS);
    (void)builder.upsert(XdsType::kCluster, name, cluster.SerializeAsString());
  }
}

void ask(const PodConfig& config) {
  using FirstBytes = DecisionInput::FirstBytes;
  for (Direction direction : {Direction::kOutbound, Direction::kInbound})
    for (const char* destination : {"10.96.2.3:9000", "10.244.1.17:9001", "[fd00::1]:80", "10.0.0.1:15006"})
      for (FirstBytes bytes : {FirstBytes::kNone, FirstBytes::kTls, FirstBytes::kHttp11, FirstBytes::kUnknown}) {
        DecisionInput input;
        input.direction = direction;
        input.source = *Endpoint::parse("10.244.1.16:40000");
        input.destination = *Endpoint::parse(destination);
        input.first_bytes = bytes;
        input.server_name = "a.example.com";
        input.alpn = {"istio", "h2"};
        input.peer_uri_sans = {"spiffe://cluster.local/ns/samples/sa/sleep"};
        (void)decide(config, input);
      }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const google::protobuf::LogSilencer silent;  // a line for every string that is not UTF-8
  if (size == 0) return 0;
  auto type = static_cast<XdsType>(data[0] % 3);
  std::string_view bytes = as_text({data + 1, size - 1});
  XdsPodConfigBuilder builder(std::make_shared<XdsCache>());
  std::string name = name_in(type, bytes);
  add_frame(builder, type, name);
  (void)builder.upsert(type, name, bytes);
  for (XdsType received : {XdsType::kListener, XdsType::kCluster, XdsType::kEndpoints}) builder.mark_received(received);
  ask(*builder.build());
  (void)builder.lacks();
  builder.remove(type, name);
  ask(*builder.build());
  return 0;
}
