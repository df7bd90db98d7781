// The whole control plane in one process, over its real ports: what a node agent does, from token to configuration.
#include "controlplane/server.h"

#include <envoy/service/discovery/v3/ads.grpc.pb.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <security/v1alpha1/ca.grpc.pb.h>
#include <stdlib.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "controlplane/registry/test_cluster.h"
#include "crypto/certificate.h"
#include "crypto/service_account_token.h"

namespace weft::controlplane {
namespace {

namespace discovery = envoy::service::discovery::v3;
constexpr const char* kWeb = "spiffe://cluster.local/ns/shop/sa/web";

std::string contents(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class ServerFixture : public testing::Test {
 protected:
  ServerFixture() {
    char text[] = "/tmp/weft-cp-XXXXXX";
    directory_ = mkdtemp(text);
    std::filesystem::create_directory(directory_ + "/cluster");
    write("shop.yaml", kShop);
    Bootstrap bootstrap;
    bootstrap.config.directory = directory_ + "/cluster";
    bootstrap.ca.directory = directory_ + "/ca";
    for (Endpoint* at : {&bootstrap.listen.secure, &bootstrap.listen.plaintext, &bootstrap.listen.monitoring,
                         &bootstrap.listen.ready}) {
      *at = {IpAddress::v4(127, 0, 0, 1), 0};
    }
    bootstrap.ca.max_workload_ttl = bootstrap.ca.workload_ttl;
    auto server = Server::start(bootstrap);
    EXPECT_TRUE(server) << server.error();
    server_ = std::move(*server);
  }
  ~ServerFixture() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void write(const std::string& file, std::string_view text) {
    const std::string path = directory_ + "/cluster/" + file;
    std::ofstream(path + ".tmp") << text;
    std::filesystem::rename(path + ".tmp", path);
  }

  std::string token(const std::string& node) {
    crypto::ServiceAccountClaims claims;
    claims.name_space = "weft-system";
    claims.service_account = "weft-dataplane";
    claims.node_name = node;
    claims.issued_at = std::time(nullptr);
    claims.expires = claims.issued_at + 600;
    return *crypto::TokenIssuer::open(directory_ + "/ca")->sign(claims);
  }

  std::shared_ptr<grpc::Channel> channel(const std::string& key = "", const std::string& chain = "") {
    const grpc::SslCredentialsOptions options{contents(directory_ + "/ca/root-cert.pem"), key, chain};
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("istiod.istio-system.svc");
    return grpc::CreateCustomChannel(server_->secure().to_string(), grpc::SslCredentials(options), arguments);
  }

  struct Issued {
    grpc::Status status;
    std::string key, chain;
  };
  // The source may still be reading: then again, for some seconds.
  Issued order(const std::string& token, const std::string& identity) {
    Issued issued = order_once(token, identity);
    for (int i = 0; i < 200 && issued.status.error_message().find("not complete yet") != std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      issued = order_once(token, identity);
    }
    return issued;
  }
  Issued order_once(const std::string& token, const std::string& identity) {
    const auto key = *crypto::PrivateKey::generate_p256();
    istio::v1::auth::IstioCertificateRequest request;
    istio::v1::auth::IstioCertificateResponse response;
    request.set_csr(*crypto::make_csr(key, ""));
    auto& fields = *request.mutable_metadata()->mutable_fields();
    fields["ImpersonatedIdentity"].set_string_value(identity);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    context.set_wait_for_ready(true);
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    const auto stub = istio::v1::auth::IstioCertificateService::NewStub(channel());
    grpc::Status status = stub->CreateCertificate(&context, request, &response);
    return {status, key.pem(), status.ok() ? response.cert_chain(0) : ""};
  }

  std::string directory_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerFixture, FromTokenToCertificateToConfiguration) {
  const Issued issued = order(token("node-a"), kWeb);
  ASSERT_TRUE(issued.status.ok()) << issued.status.error_message();
  EXPECT_EQ(crypto::Certificate::from_pem(issued.chain)->info().uri_sans.at(0), kWeb);

  const auto stub = discovery::AggregatedDiscoveryService::NewStub(channel(issued.key, issued.chain));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const auto stream = stub->DeltaAggregatedResources(&context);
  discovery::DeltaDiscoveryRequest request;
  request.mutable_node()->set_id("sidecar~10.1.0.1~web.shop~shop.svc.cluster.local");
  request.set_type_url("type.googleapis.com/envoy.config.listener.v3.Listener");
  ASSERT_TRUE(stream->Write(request));
  discovery::DeltaDiscoveryResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.resources_size(), 4);

  // An edited policy arrives well within a second.
  const auto start = std::chrono::steady_clock::now();
  write("deny.yaml", R"(
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: shop}
spec: {action: DENY, rules: [{}]}
)");
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.resources(0).name(), "virtualInbound");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST_F(ServerFixture, NobodyGetsInWithoutProof) {
  EXPECT_EQ(order("", kWeb).status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(order("a.b.c", kWeb).status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ServerFixture, AnotherPodsStreamIsRefused) {
  const Issued issued = order(token("node-b"), "spiffe://cluster.local/ns/shop/sa/db");
  ASSERT_TRUE(issued.status.ok()) << issued.status.error_message();
  const auto stub = discovery::AggregatedDiscoveryService::NewStub(channel(issued.key, issued.chain));
  grpc::ClientContext context;
  const auto stream = stub->DeltaAggregatedResources(&context);
  discovery::DeltaDiscoveryRequest request;
  request.mutable_node()->set_id("sidecar~10.1.0.1~web.shop~shop.svc.cluster.local");
  (*request.mutable_node()->mutable_metadata()->mutable_fields())["SERVICE_ACCOUNT"].set_string_value("web");
  request.set_type_url("type.googleapis.com/envoy.config.listener.v3.Listener");
  stream->Write(request);
  discovery::DeltaDiscoveryResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST(Bootstrap, UnknownKeysAndWrongUnitsNameFileLineAndKey) {
  const auto wrong = parse_bootstrap("cp.yaml", "config: {directory: /x}\nca:\n  workload_ttl: 60\n  colour: red\n");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().find("cp.yaml:3:17: ca.workload_ttl: '60'"), std::string::npos) << wrong.error();
  EXPECT_NE(wrong.error().find("cp.yaml:4:3: ca.colour: unknown key"), std::string::npos) << wrong.error();
  EXPECT_NE(parse_bootstrap("cp.yaml", "a: [\n").error().find("cp.yaml:"), std::string::npos);
  EXPECT_NE(parse_bootstrap("cp.yaml", "listen: {secure: ':1'}").error().find("listen.secure"), std::string::npos);
}

TEST(Bootstrap, ReadsDurations) {
  EXPECT_EQ(*parse_duration("100ms"), Duration::milliseconds(100));
  EXPECT_EQ(*parse_duration("24h"), Duration::seconds(86400));
  for (const char* wrong : {"", "5", "s", "-1s", "1.5s", "5 s", "99999999999h"}) EXPECT_FALSE(parse_duration(wrong));
}

// The documented file is the documentation: it must be one that is taken.
TEST(Bootstrap, TheDocumentedFileIsGood) {
  const auto documented = load_bootstrap(std::string(WEFT_SOURCE_ROOT) + "/configs/controlplane.yaml");
  ASSERT_TRUE(documented) << documented.error();
  EXPECT_EQ(documented->ca.trusted_node_accounts, Bootstrap().ca.trusted_node_accounts);
  EXPECT_EQ(documented->listen.secure, Bootstrap().listen.secure);
}

}  // namespace
}  // namespace weft::controlplane
