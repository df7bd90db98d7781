#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/table.h"
#include "cli/token.h"
#include "cli/views.h"

namespace weft::cli {
namespace {

using nlohmann::json;

TEST(Table, IsAsWideAsItsCells) {
  EXPECT_EQ(format_table({"NAME", "READY"}, {{"a-long-name", "yes"}, {"b", ""}}),
            "NAME          READY\n"
            "a-long-name   yes\n"
            "b             -\n");
}

TEST(Table, AgesAreShort) {
  EXPECT_EQ(format_age(61'000), "61s");
  EXPECT_EQ(format_age(3'600'000), "60m");
  EXPECT_EQ(format_age(90'061'000), "25h");
  EXPECT_EQ(format_age(86'400'000LL * 3), "3d");
}

TEST(Views, ExplainNamesTheCallerAndThePolicies) {
  const json document = {{"decisions", {{{"namespace", "shop"}, {"pod", "web"}, {"verdict", "refused"},
                                        {"reason", "refused by policy"}, {"peer_identity", "spiffe://td/ns/shop/sa/x"},
                                        {"considered", {"ns[shop]-policy[web]-rule[0]"}}}}}};
  const std::string text = format_document("explain", document);
  EXPECT_NE(text.find("caller: spiffe://td/ns/shop/sa/x"), std::string::npos);
  EXPECT_NE(text.find("ALLOW policies that did not match: ns[shop]-policy[web]-rule[0]"), std::string::npos);
}

TEST(Views, AnEmptyTopicSaysSo) {
  EXPECT_EQ(format_document("pods", {{"pods", json::array()}}), "no pods are attached\n");
}

TEST(Token, LifetimesHaveUnits) {
  EXPECT_EQ(parse_lifetime("90m"), 5400);
  for (const char* wrong : {"", "5", "h", "-1h", "1d", "1h1", "99999999999h"})
    EXPECT_FALSE(parse_lifetime(wrong)) << wrong;
}

TEST(Token, AnAbsentKeyIsNamed) {
  TokenRequest request;
  request.ca_directory = "/nonexistent";
  const auto token = make_token(request, 0);
  ASSERT_FALSE(token);
  EXPECT_NE(token.error().find("/nonexistent"), std::string::npos);
}

}  // namespace
}  // namespace weft::cli
