#include "mesh/authorization.h"

#include <gtest/gtest.h>

#include <array>

namespace weft::mesh {
namespace {

using Kind = RbacCondition::Kind;

RbacCondition any() { return {}; }
RbacCondition principal(StringMatcher matcher) {
  RbacCondition made;
  made.kind = Kind::kAuthenticated;
  made.has_text = true;
  made.text = std::move(matcher);
  return made;
}
RbacCondition invert(RbacCondition child) {
  RbacCondition made;
  made.kind = Kind::kNot;
  made.children = {std::move(child)};
  return made;
}
StringMatcher prefix(std::string text) { return {StringMatcher::Kind::kPrefix, std::move(text)}; }

NetworkRbac filter(RbacAction action, std::vector<RbacPolicy> policies) {
  auto rules = std::make_shared<RbacRules>();
  rules->action = action;
  rules->policies = std::move(policies);
  return {rules, nullptr, ""};
}

struct Peer {
  std::array<std::string_view, 1> uris;
  PeerFacts facts;
  explicit Peer(std::string_view uri) : uris{uri} {
    facts.tls = true;
    facts.uri_sans = uris;
  }
};

TEST(NetworkRbac, AnEmptyAllowRefusesAllAndAnEmptyDenyNone) {
  PeerFacts facts;
  std::vector<NetworkRbac> allow = {filter(RbacAction::kAllow, {})}, deny = {filter(RbacAction::kDeny, {})};
  EXPECT_FALSE(judge(allow, facts).allowed);
  EXPECT_TRUE(judge(deny, facts).allowed);
  EXPECT_TRUE(judge({}, facts).allowed);
}

TEST(NetworkRbac, DenyThenAllowAndWhoDecided) {
  std::vector<NetworkRbac> filters = {
      filter(RbacAction::kDeny, {{"d", {any()}, {principal(prefix("spiffe://td/ns/bad/"))}}}),
      filter(RbacAction::kAllow, {{"a1", {any()}, {principal(prefix("spiffe://td/ns/good/"))}},
                                  {"a2", {any()}, {principal({StringMatcher::Kind::kExact, "spiffe://td/x"})}}})};
  RbacVerdict bad = judge(filters, Peer("spiffe://td/ns/bad/sa/x").facts);
  EXPECT_FALSE(bad.allowed);
  EXPECT_EQ(bad.action, RbacAction::kDeny);
  EXPECT_EQ(bad.policy, "d");
  RbacVerdict good = judge(filters, Peer("spiffe://td/ns/good/sa/x").facts);
  EXPECT_TRUE(good.allowed);
  EXPECT_EQ(good.policy, "a1");
  RbacVerdict other = judge(filters, Peer("spiffe://td/ns/other/sa/x").facts);
  EXPECT_FALSE(other.allowed);
  EXPECT_EQ(other.action, RbacAction::kAllow);
  EXPECT_EQ(other.unmatched_allow, (std::vector<std::string_view>{"a1", "a2"}));
}

TEST(NetworkRbac, NotAPrincipalIsTrueForPlaintext) {
  RbacCondition not_ours = invert(principal(prefix("spiffe://td/")));
  PeerFacts plaintext;
  EXPECT_TRUE(not_ours.matches(plaintext));
  EXPECT_FALSE(not_ours.matches(Peer("spiffe://td/ns/a/sa/b").facts));
}

TEST(NetworkRbac, AnyCertificateIsNotAnyConnection) {
  RbacCondition authenticated;
  authenticated.kind = Kind::kAuthenticated;
  PeerFacts tls_without_certificate;
  tls_without_certificate.tls = true;
  EXPECT_FALSE(authenticated.matches(tls_without_certificate));
  EXPECT_TRUE(authenticated.matches(Peer("spiffe://td/ns/a/sa/b").facts));
}

TEST(NetworkRbac, ShadowRulesAreToldAndNotEnforced) {
  NetworkRbac shadow = filter(RbacAction::kDeny, {{"d", {any()}, {any()}}});
  std::swap(shadow.rules, shadow.shadow_rules);
  shadow.shadow_prefix = "istio_dry_run_deny_";
  std::vector<NetworkRbac> filters = {shadow, filter(RbacAction::kLog, {{"l", {any()}, {any()}}})};
  RbacVerdict verdict = judge(filters, {});
  EXPECT_TRUE(verdict.allowed);
  EXPECT_EQ(verdict.shadow_denied, std::vector<std::string>{"istio_dry_run_deny_d"});
  EXPECT_EQ(verdict.logged, std::vector<std::string_view>{"l"});
}

TEST(StringMatcher, Kinds) {
  EXPECT_TRUE(StringMatcher(StringMatcher::Kind::kSuffix, "/sa/B", true).matches("x/SA/b"));
  EXPECT_TRUE(StringMatcher(StringMatcher::Kind::kContains, "ns").matches("a/ns/b"));
  EXPECT_FALSE(StringMatcher(StringMatcher::Kind::kContains, "NS").matches("a/ns/b"));
  EXPECT_FALSE(StringMatcher(StringMatcher::Kind::kExact, "a").matches("A"));
  auto regex = StringMatcher::regex(".*/ns/legacy/.*");
  ASSERT_TRUE(regex);
  EXPECT_TRUE(regex->matches("spiffe://td/ns/legacy/sa/x"));
  EXPECT_FALSE(StringMatcher::regex("legacy")->matches("spiffe://td/ns/legacy/sa/x"));  // the whole text
  EXPECT_FALSE(StringMatcher::regex("("));
}

}  // namespace
}  // namespace weft::mesh
