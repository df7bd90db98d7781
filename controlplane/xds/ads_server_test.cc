// The service over real gRPC in one process: what only the network part can get wrong.
#include "controlplane/xds/ads_server.h"

#include <envoy/service/discovery/v3/ads.grpc.pb.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <thread>

#include "controlplane/registry/test_cluster.h"

namespace weft::controlplane {
namespace {

namespace discovery = envoy::service::discovery::v3;
using Ads = discovery::AggregatedDiscoveryService;

class AdsServerFixture : public testing::Test {
 protected:
  AdsServerFixture() {
    cluster_.put("shop.yaml", kShop);
    AdsOptions options;
    options.metrics = &metrics_;
    options.authenticate = [this](const grpc::ServerContextBase&) { return caller_; };
    ads_ = std::make_unique<AdsServer>(std::move(options));
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(ads_->service());
    server_ = builder.BuildAndStart();
    stub_ = Ads::NewStub(grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()));
  }
  ~AdsServerFixture() override {
    ads_->end_streams();
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  }

  void publish(std::shared_ptr<const World> world) {
    world_ = world;
    ads_->publish(std::move(world), std::chrono::steady_clock::now());
  }
  void publish_first() { publish(World::build(cluster_.index(), {}, nullptr)); }
  void change(const std::string& origin, std::string_view yaml) {
    const TestCluster::Step step = cluster_.step(origin, yaml);
    publish(World::build(step.index, step.delta, world_));
  }

  TestCluster cluster_;
  Metrics metrics_;
  std::expected<std::optional<Caller>, std::string> caller_ = std::nullopt;
  std::shared_ptr<const World> world_;
  std::unique_ptr<AdsServer> ads_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Ads::Stub> stub_;
};

// A client's delta stream of pod shop/web.
class Client {
 public:
  explicit Client(Ads::Stub& stub) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    stream_ = stub.DeltaAggregatedResources(&context_);
  }
  void ask(XdsType type) {
    discovery::DeltaDiscoveryRequest request;
    if (!asked_) {
      request.mutable_node()->set_id("sidecar~10.1.0.1~web.shop~shop.svc.cluster.local");
      auto& fields = *request.mutable_node()->mutable_metadata()->mutable_fields();
      fields["SERVICE_ACCOUNT"].set_string_value("web");
    }
    asked_ = true;
    request.set_type_url(std::string(type_url(type)));
    stream_->Write(request);
  }
  // nullopt: the stream has ended, see end().
  std::optional<discovery::DeltaDiscoveryResponse> read() {
    discovery::DeltaDiscoveryResponse response;
    if (!stream_->Read(&response)) return std::nullopt;
    return response;
  }
  grpc::Status end() {
    stream_->WritesDone();
    while (read()) {
    }
    return stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<discovery::DeltaDiscoveryRequest, discovery::DeltaDiscoveryResponse>>
      stream_;
  bool asked_ = false;
};

constexpr std::string_view kDeny = R"(
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: shop}
spec: {action: DENY, rules: [{}]}
)";

TEST_F(AdsServerFixture, BeforeTheFirstWorldStreamsAreUnavailable) {
  Client client(*stub_);
  client.ask(XdsType::kCluster);
  EXPECT_EQ(client.end().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(AdsServerFixture, AnswersAndPushes) {
  publish_first();
  Client client(*stub_);
  client.ask(XdsType::kListener);
  const auto first = client.read();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->resources_size(), 4);
  change("deny.yaml", kDeny);
  const auto second = client.read();
  ASSERT_TRUE(second);
  ASSERT_EQ(second->resources_size(), 1);
  EXPECT_EQ(second->resources(0).name(), "virtualInbound");
  EXPECT_TRUE(client.end().ok());
  EXPECT_EQ(metrics_.value(Metric::kXdsPushes, "type=\"lds\""), 2);
}

TEST_F(AdsServerFixture, TheCallersAccountMustBeTheNodes) {
  publish_first();
  caller_ = Caller{Caller::Proof::kCertificate, "cluster.local", "other", "web", {}, {}, {}};
  Client client(*stub_);
  client.ask(XdsType::kCluster);
  const grpc::Status status = client.end();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(status.error_message(), "the caller is other/web and may not speak for shop/web");
}

TEST_F(AdsServerFixture, WhoProvesNothingIsRefusedWithTheReason) {
  publish_first();
  caller_ = std::unexpected(std::string("token: expired"));
  Client client(*stub_);
  const grpc::Status status = client.end();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(status.error_message(), "token: expired");
}

// A client that does not read holds up nobody; what it missed comes as one response.
TEST_F(AdsServerFixture, ASleepingClientKeepsNobodyWaiting) {
  publish_first();
  Client sleeper(*stub_), reader(*stub_);
  for (Client* client : {&sleeper, &reader}) client->ask(XdsType::kListener);
  ASSERT_TRUE(sleeper.read());
  ASSERT_TRUE(reader.read());
  for (int i = 0; i < 20; ++i) {
    change("deny.yaml", i % 2 == 0 ? kDeny : "");
    ASSERT_TRUE(reader.read()) << i;
  }
  EXPECT_TRUE(sleeper.read());
}

TEST_F(AdsServerFixture, StreamsThatEndAreForgotten) {
  publish_first();
  {
    Client client(*stub_);
    client.ask(XdsType::kCluster);
    ASSERT_TRUE(client.read());
    EXPECT_EQ(ads_->streams().size(), 1u);
    EXPECT_EQ(ads_->streams()[0].proxy, "sidecar~10.1.0.1~web.shop~shop.svc.cluster.local");
    EXPECT_TRUE(client.end().ok());
  }
  for (int i = 0; i < 100 && !ads_->streams().empty(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(ads_->streams().empty());
}

}  // namespace
}  // namespace weft::controlplane
