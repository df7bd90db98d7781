#include "cni/result.h"

#include <gtest/gtest.h>

namespace weft::cni {
namespace {

TEST(Result, ReadsHostLocalsAnswer) {
  auto result = parse_ipam_result(
      R"({"cniVersion":"1.0.0","ips":[{"address":"10.244.1.2/24","gateway":"10.244.1.1"},{"address":"fd00::2/64"}]})");
  ASSERT_TRUE(result);
  ASSERT_EQ(result->addresses.size(), 2u);
  EXPECT_EQ(result->addresses[1].to_string(), "fd00::2");
}

TEST(Result, RefusesWhatAPodCannotHave) {
  for (auto text : {"", "[]", R"({"ips":[]})", R"({"ips":{}})", R"({"ips":[{"address":"10.1"}]})",
                    R"({"ips":[{"address":"10.0.0.1/8"},{"address":"10.0.0.2/8"}]})"}) {
    EXPECT_FALSE(parse_ipam_result(text)) << text;
  }
}

TEST(Result, SpeaksTheVersionAskedFor) {
  Attachment attachment{"eth0", "/run/netns/x", "02:00:00:00:00:01", 1500, {*IpAddress::parse("10.1.0.5")},
                        "169.254.1.1", "fe80::1", nullptr};
  auto newest = nlohmann::json::parse(add_result(attachment, "1.1.0"));
  EXPECT_EQ(newest["interfaces"][0]["mtu"], 1500);
  EXPECT_EQ(newest["ips"][0]["address"], "10.1.0.5/32");
  EXPECT_FALSE(newest["ips"][0].contains("version"));
  EXPECT_EQ(newest["routes"][0]["gw"], "169.254.1.1");
  auto older = nlohmann::json::parse(add_result(attachment, "0.4.0"));
  EXPECT_EQ(older["ips"][0]["version"], "4");
  EXPECT_FALSE(older["interfaces"][0].contains("mtu"));
}

}  // namespace
}  // namespace weft::cni
