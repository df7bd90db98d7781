#include "dataplane/agent/xds_session.h"

#include <gtest/gtest.h>

#include "dataplane/agent/proto_json.h"
#include "dataplane/agent/xds_examples.h"
#include "envoy/config/core/v3/base.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

#include <nlohmann/json.hpp>

namespace weft::agent {
namespace {

class ResponseBuilder {
 public:
  explicit ResponseBuilder(const std::string& type_url) {
    out_.set_type_url(type_url);
    out_.set_nonce("n-" + std::to_string(++last_));
    out_.set_system_version_info("v");
  }
  ResponseBuilder& with(const std::string& name, const google::protobuf::Message& message,
                        const std::string& version = "1") {
    auto& resource = *out_.add_resources();
    resource.set_name(name);
    resource.set_version(version);
    resource.mutable_resource()->PackFrom(message);
    return *this;
  }
  ResponseBuilder& without(const std::string& name) {
    out_.add_removed_resources(name);
    return *this;
  }
  DeltaResponse build() const { return out_; }

 private:
  static inline int last_ = 0;
  DeltaResponse out_;
};

std::vector<std::string> names(const google::protobuf::RepeatedPtrField<std::string>& field) {
  return {field.begin(), field.end()};
}

using Names = std::vector<std::string>;

class XdsSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    envoy::config::core::v3::Node node;
    node.set_id("sidecar~10.0.0.1~a.b~b.svc.cluster.local");
    node_ = node.SerializeAsString();
    opened_ = session_.open(node_);
  }
  void serve() {
    (void)session_.receive(ResponseBuilder(kClusterUrl).with("web", example_cluster("web")).build());
    (void)session_.receive(ResponseBuilder(kEndpointsUrl).with("web", example_endpoints("web")).build());
    (void)session_.receive(ResponseBuilder(kListenerUrl)
                               .with("virtualOutbound", example_listener("virtualOutbound", "web"))
                               .with("virtualInbound", example_listener("virtualInbound", "web"))
                               .build());
  }

  XdsCaches caches_;
  XdsSession session_{caches_};
  std::string node_;
  std::vector<DeltaRequest> opened_;
};

TEST_F(XdsSessionTest, OpensWithWildcardsAndTheNodeOnce) {
  ASSERT_EQ(opened_.size(), 2u);
  EXPECT_EQ(opened_[0].type_url(), kClusterUrl);
  EXPECT_EQ(opened_[1].type_url(), kListenerUrl);
  EXPECT_EQ(names(opened_[0].resource_names_subscribe()), Names{"*"});
  EXPECT_EQ(opened_[0].node().id(), "sidecar~10.0.0.1~a.b~b.svc.cluster.local");
  EXPECT_FALSE(opened_[1].has_node());
  EXPECT_FALSE(session_.ready());
}

TEST_F(XdsSessionTest, AcknowledgesAndFollowsEndpoints) {
  const auto response = ResponseBuilder(kClusterUrl).with("web", example_cluster("web")).build();
  const auto sent = session_.receive(response);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].response_nonce(), response.nonce());
  EXPECT_FALSE(sent[0].has_error_detail());
  EXPECT_EQ(sent[1].type_url(), kEndpointsUrl);
  EXPECT_EQ(names(sent[1].resource_names_subscribe()), Names{"web"});
  const auto more =
      session_.receive(ResponseBuilder(kClusterUrl).with("api", example_cluster("api")).without("web").build());
  ASSERT_EQ(more.size(), 2u);
  EXPECT_EQ(names(more[1].resource_names_subscribe()), Names{"api"});
  EXPECT_EQ(names(more[1].resource_names_unsubscribe()), Names{"web"});
}

TEST_F(XdsSessionTest, ReadyOnceAllIsThere) {
  serve();
  (void)session_.build();
  EXPECT_TRUE(session_.ready()) << testing::PrintToString(session_.lacks());
  // A new cluster that waits for its endpoints does not take the pod down.
  (void)session_.receive(ResponseBuilder(kClusterUrl).with("api", example_cluster("api")).build());
  (void)session_.build();
  EXPECT_TRUE(session_.ready());
}

TEST_F(XdsSessionTest, BadResourceIsNackedByNameAndTheOthersTakeEffect) {
  const auto sent = session_.receive(ResponseBuilder(kListenerUrl)
                                         .with("virtualInbound", example_listener("virtualInbound", "web"))
                                         .with("10.0.0.1_80", bad_listener())
                                         .build());
  ASSERT_FALSE(sent.empty());
  ASSERT_TRUE(sent[0].has_error_detail());
  EXPECT_NE(sent[0].error_detail().message().find("10.0.0.1_80"), std::string::npos);
  EXPECT_NE(sent[0].error_detail().message().find("filters"), std::string::npos) << sent[0].error_detail().message();
  EXPECT_EQ(session_.resources(mesh::XdsType::kListener).size(), 1u);
  EXPECT_EQ(session_.status(mesh::XdsType::kListener).rejected, 1u);
  EXPECT_TRUE(session_.status(mesh::XdsType::kListener).refused.contains("10.0.0.1_80"));
}

TEST_F(XdsSessionTest, ResumesWithTheVersionsItHolds) {
  serve();
  auto changed = example_listener("virtualInbound", "web");
  *changed.mutable_filter_chains(0) = bad_listener().filter_chains(0);
  (void)session_.receive(ResponseBuilder(kListenerUrl).with("virtualInbound", changed, "2").build());
  const auto again = session_.open(node_);
  ASSERT_EQ(again.size(), 3u);
  EXPECT_EQ(again[0].initial_resource_versions().at("web"), "1");
  EXPECT_EQ(again[1].initial_resource_versions().at("virtualInbound"), "1") << "the version that was accepted";
  EXPECT_EQ(again[1].initial_resource_versions().size(), 2u);
  EXPECT_EQ(again[2].type_url(), kEndpointsUrl);
  EXPECT_EQ(names(again[2].resource_names_subscribe()), Names{"web"});
  EXPECT_EQ(again[2].initial_resource_versions().at("web"), "1");
}

TEST_F(XdsSessionTest, AnotherTypeThanAskedForIsRefused) {
  const auto sent = session_.receive(ResponseBuilder("type.googleapis.com/google.protobuf.Struct").build());
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_TRUE(sent[0].has_error_detail());
}

TEST_F(XdsSessionTest, EqualResourcesOfTwoPodsAreOneString) {
  XdsSession other(caches_);
  (void)other.open(node_);
  const auto response = ResponseBuilder(kClusterUrl).with("web", example_cluster("web")).build();
  (void)session_.receive(response);
  (void)other.receive(response);
  EXPECT_EQ(session_.resources(mesh::XdsType::kCluster).at("web").serialized,
            other.resources(mesh::XdsType::kCluster).at("web").serialized);
}

TEST(ProtoJson, ShowsAnysThatAreNotLinkedIn) {
  auto listener = example_listener("virtualOutbound", "web");
  auto& filter = *listener.mutable_filter_chains(0)->add_filters();
  filter.set_name("x");
  filter.mutable_typed_config()->set_type_url("type.googleapis.com/no.such.Type");
  filter.mutable_typed_config()->set_value("\x01\x02");
  const auto json = resource_to_json(kListenerUrl, listener.SerializeAsString());
  const auto& filters = json["filter_chains"][0]["filters"];
  EXPECT_EQ(filters[0]["typed_config"]["cluster"], "web");
  EXPECT_EQ(filters[1]["typed_config"]["value"]["type_url"], "type.googleapis.com/no.such.Type");
  EXPECT_EQ(filters[1]["typed_config"]["value"]["base64"], "AQI=");
}

}  // namespace
}  // namespace weft::agent
