#include "dataplane/agent/ca_client.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "dataplane/agent/fake_control_plane.h"

namespace weft::agent {
namespace {

constexpr const char* kSleep = "spiffe://cluster.local/ns/samples/sa/sleep";

class CaClientTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/weft-ca-XXXXXX";
    path_ = mkdtemp(name);
    write("root.pem", control_plane_.root_pem());
    write("token", "first\n");
    options_.address = control_plane_.address();
    options_.root_ca = path_ + "/root.pem";
    options_.server_name = "istiod.istio-system.svc";
    options_.token_file = path_ + "/token";
    options_.backoff_min = Duration::milliseconds(50);
    options_.backoff_max = Duration::milliseconds(200);
    loop_.start();
  }
  void TearDown() override {
    loop_.stop();
    client_.reset();
    std::filesystem::remove_all(path_);
  }
  void write(const std::string& name, std::string_view text) { std::ofstream(path_ + "/" + name) << text; }
  void want(std::set<std::string> identities) {
    loop_.call([&] {
      if (!client_) client_ = std::make_unique<CaClient>(loop_, options_, MeshOptions(), Random(1), [](auto&) {});
      client_->want(identities);
    });
  }
  CertificateStatus status() {
    return loop_.call([&] {
      const auto all = client_->status();
      return all.empty() ? CertificateStatus() : all.front();
    });
  }
  // Waits up to 10 s.
  bool eventually(const std::function<bool(const CertificateStatus&)>& test) {
    for (int i = 0; i < 500; ++i) {
      if (test(status())) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }
  std::string lacks() {
    return loop_.call([&] { return client_->lacks(kSleep); });
  }

  std::string path_;
  FakeControlPlane control_plane_;
  CaOptions options_;
  EventLoop loop_;
  std::unique_ptr<CaClient> client_;
};

TEST_F(CaClientTest, AsksWithTheNodesTokenOnBehalfOfThePod) {
  want({kSleep});
  ASSERT_TRUE(eventually([](const auto& s) { return s.credentials != nullptr; })) << status().last_error;
  EXPECT_EQ(status().credentials->identity(), kSleep);
  EXPECT_EQ(lacks(), "");
  const auto orders = control_plane_.orders();
  ASSERT_EQ(orders.size(), 1u);
  EXPECT_EQ(orders[0].authorization, "Bearer first");
  EXPECT_EQ(orders[0].identity, kSleep);
  const std::int64_t left = status().next_attempt - unix_now();
  EXPECT_GE(left, 3600 * 4 / 10) << "half of the life, give or take";
  EXPECT_LE(left, 3600 * 6 / 10);
}

TEST_F(CaClientTest, RefusalIsTriedAgainWithTheTokenOfTheDay) {
  control_plane_.refuse("token expired");
  want({kSleep});
  ASSERT_TRUE(eventually([](const auto& s) { return s.failures >= 2; }));
  EXPECT_EQ(status().last_error, "CA: token expired (code 16)");
  EXPECT_EQ(lacks(), "certificate (CA: token expired (code 16))");
  write("token", "second");
  control_plane_.refuse("");
  ASSERT_TRUE(eventually([](const auto& s) { return s.credentials != nullptr; })) << status().last_error;
  EXPECT_EQ(control_plane_.orders().back().authorization, "Bearer second");
}

TEST_F(CaClientTest, FailedRenewalKeepsTheCertificateUntilItExpires) {
  control_plane_.set_lifetime(3);
  want({kSleep});
  ASSERT_TRUE(eventually([](const auto& s) { return s.credentials != nullptr; })) << status().last_error;
  control_plane_.refuse("no more");
  ASSERT_TRUE(eventually([](const auto& s) { return s.failures >= 1; }));
  EXPECT_NE(status().credentials, nullptr);
  EXPECT_EQ(lacks(), "") << "still valid";
  ASSERT_TRUE(eventually([](const auto& s) { return s.credentials->not_after() < unix_now(); }));
  EXPECT_EQ(lacks(), "certificate that has not expired (CA: no more (code 16))");
  control_plane_.refuse("");
  ASSERT_TRUE(eventually([](const auto& s) { return s.last_error.empty(); }));
  EXPECT_EQ(lacks(), "");
}

TEST_F(CaClientTest, RenewsInTime) {
  control_plane_.set_lifetime(2);
  want({kSleep});
  ASSERT_TRUE(eventually([](const auto& s) { return s.issued >= 3; })) << status().last_error;
  EXPECT_EQ(status().failures, 0u);
}

TEST_F(CaClientTest, AnotherIdentityThanAskedForIsNotTaken) {
  control_plane_.sign_for("spiffe://cluster.local/ns/samples/sa/other");
  want({kSleep});
  ASSERT_TRUE(eventually([](const auto& s) { return s.failures >= 1; }));
  EXPECT_EQ(status().last_error, "CA: answered with a certificate of spiffe://cluster.local/ns/samples/sa/other");
  EXPECT_EQ(status().credentials, nullptr);
}

TEST_F(CaClientTest, AServerThatTheRootsDoNotVouchForIsNotAsked) {
  FakeControlPlane other;
  write("root.pem", other.root_pem());
  want({kSleep});
  ASSERT_TRUE(eventually([](const auto& s) { return s.failures >= 1; }));
  EXPECT_TRUE(control_plane_.orders().empty());
  write("root.pem", control_plane_.root_pem());
  EXPECT_TRUE(eventually([](const auto& s) { return s.credentials != nullptr; })) << "the file is read at each use";
}

TEST_F(CaClientTest, AnotherNameThanTheServersIsRefused) {
  options_.server_name = "other.istio-system.svc";
  want({kSleep});
  ASSERT_TRUE(eventually([](const auto& s) { return s.failures >= 1; }));
  EXPECT_TRUE(control_plane_.orders().empty());
}

TEST_F(CaClientTest, MissingTokenIsNamed) {
  std::filesystem::remove(path_ + "/token");
  want({kSleep});
  ASSERT_TRUE(eventually([](const auto& s) { return s.failures >= 1; }));
  EXPECT_EQ(status().last_error, "ca.token_file " + path_ + "/token: No such file or directory");
}

TEST_F(CaClientTest, UnwantedIdentitiesAreDropped) {
  want({kSleep});
  ASSERT_TRUE(eventually([](const auto& s) { return s.credentials != nullptr; }));
  want({});
  EXPECT_EQ(loop_.call([&] { return client_->credentials(kSleep); }), nullptr);
  EXPECT_EQ(loop_.call([&] { return client_->pem(kSleep); }), nullptr);
}

}  // namespace
}  // namespace weft::agent
