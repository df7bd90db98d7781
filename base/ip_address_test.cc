#include "base/ip_address.h"

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(IpAddress, RoundTripsThroughText) {
  for (auto text : {"10.1.2.3", "0.0.0.0", "::", "fd00::1", "2001:db8::ff:0:1"}) {
    EXPECT_EQ(IpAddress::parse(text)->to_string(), text);
  }
  for (auto text : {"", "10.1.2", "10.1.2.3.4", "fd00::1%eth0", "[::1]", "1.2.3.4/8", "::g"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpPrefix, ContainsByBits) {
  auto prefix = *IpPrefix::parse("10.244.16.0/20");
  EXPECT_TRUE(prefix.contains(*IpAddress::parse("10.244.31.255")));
  EXPECT_FALSE(prefix.contains(*IpAddress::parse("10.244.32.0")));
  EXPECT_FALSE(prefix.contains(*IpAddress::parse("::ffff:10.244.16.1")));
  EXPECT_TRUE(IpPrefix::parse("::/0")->contains(*IpAddress::parse("fd00::1")));
  EXPECT_FALSE(IpPrefix::parse("10.0.0.0/33"));
  EXPECT_FALSE(IpPrefix::parse("10.0.0.0/-1"));
}

TEST(Endpoint, ParsesBothFamilies) {
  EXPECT_EQ(Endpoint::parse("[fd00::1]:80")->to_string(), "[fd00::1]:80");
  EXPECT_EQ(Endpoint::parse("1.2.3.4:65535")->port, 65535);
  for (auto text : {"1.2.3.4", "fd00::1:80", "[1.2.3.4]:80", "1.2.3.4:65536", "1.2.3.4:"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
}

}  // namespace
}  // namespace weft
