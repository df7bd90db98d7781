#include "cni/ipam.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace weft::cni {
namespace {

// A folder with one plugin in it, a shell script.
class IpamTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "ipam-test-XXXXXX";
    folder_ = std::filesystem::absolute(mkdtemp(pattern));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void plugin(const std::string& body) {
    const auto path = folder_ / "addresses";
    std::ofstream(path) << "#!/bin/sh\ninput=$(cat)\n"
                           "[ $CNI_COMMAND = VERSION ] && echo "
                           "'{\"supportedVersions\":[\"0.4.0\",\"1.0.0\"]}' && exit 0\n"
                        << body << "\n";
    chmod(path.c_str(), 0755);
  }
  Request request() const {
    Request request;
    request.path = {folder_.string()};
    request.config.cni_version = "1.1.0";
    request.config.ipam = {{"type", "addresses"}};
    request.config.whole = {{"cniVersion", "1.1.0"}, {"name", "weft"}, {"prevResult", nlohmann::json::object()}};
    return request;
  }

  std::filesystem::path folder_;
};

TEST_F(IpamTest, SpeaksTheNewestCommonVersionAndPassesNoPrevResult) {
  plugin(R"(case "$input" in
    *prevResult*) exit 9 ;;
    *1.0.0*) echo '{"ips":[{"address":"10.0.0.9/24"}]}' ;;
    *) exit 8 ;;
  esac)");
  auto ipam = Ipam::open(request());
  ASSERT_TRUE(ipam) << ipam.error().message;
  EXPECT_EQ(ipam->version(), "1.0.0");
  auto result = ipam->add();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->addresses[0].to_string(), "10.0.0.9");
}

TEST_F(IpamTest, ShowsThePluginsOwnError) {
  plugin(R"(echo '{"code":999,"msg":"no IP addresses available in range set"}'; exit 1)");
  auto result = Ipam::open(request())->add();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "IPAM ADD: no IP addresses available in range set");
}

TEST_F(IpamTest, AnAbsentPluginIsNamed) {
  auto ipam = Ipam::open(request());
  ASSERT_FALSE(ipam);
  EXPECT_NE(ipam.error().message.find("\"addresses\" is not in CNI_PATH"), std::string::npos);
}

TEST(Ipam, NegotiatesDownNeverUp) {
  EXPECT_EQ(negotiate({"0.4.0", "1.0.0"}, "1.1.0"), "1.0.0");
  EXPECT_EQ(negotiate({"1.0.0", "1.1.0"}, "0.4.0"), "");
  EXPECT_EQ(negotiate({"0.1.0"}, "1.1.0"), "");
}

}  // namespace
}  // namespace weft::cni
