#include "mesh/filter_chain.h"

#include <gtest/gtest.h>

#include "mesh/filter_chain_index.h"

namespace weft::mesh {
namespace {

// A listener of named chains, and the name of the one that a connection takes.
class Chains {
 public:
  Chains() { listener_.index = nullptr; }

  Chains& add(std::string name, FilterChainMatch match) {
    auto chain = std::make_unique<FilterChain>();
    chain->name = std::move(name);
    added_ = index_->add(match, chain.get()) && added_;
    listener_.chains.push_back(std::move(chain));
    return *this;
  }
  Chains& otherwise(std::string name) {
    auto chain = std::make_unique<FilterChain>();
    chain->name = std::move(name);
    listener_.default_chain = std::move(chain);
    return *this;
  }
  bool all_different() const { return added_; }

  std::string of(ConnectionFacts facts) {
    if (index_) listener_.index = std::move(index_);
    const FilterChain* chain = listener_.match(facts);
    return chain ? chain->name : "none";
  }

 private:
  std::unique_ptr<FilterChainIndex> index_ = std::make_unique<FilterChainIndex>();
  Listener listener_;
  bool added_ = true;
};

ConnectionFacts to(const char* destination, const char* source = "10.9.9.9:1000") {
  return {*Endpoint::parse(source), *Endpoint::parse(destination), false, {}, {}};
}
ConnectionFacts tls(ConnectionFacts facts, std::string_view sni, std::span<const std::string_view> alpn = {}) {
  facts.tls = true;
  facts.server_name = sni;
  facts.application_protocols = alpn;
  return facts;
}

TEST(FilterChainMatch, APortThatIsNamedIsNotSteppedBackFrom) {
  Chains chains;
  chains.add("any tls", {.transport_protocol = "tls"})
      .add("80 raw", {.destination_port = 80, .transport_protocol = "raw_buffer"});
  EXPECT_EQ(chains.of(to("10.0.0.1:80")), "80 raw");
  EXPECT_EQ(chains.of(tls(to("10.0.0.1:80"), "")), "none");
  EXPECT_EQ(chains.of(tls(to("10.0.0.1:81"), "")), "any tls");
}

TEST(FilterChainMatch, TheDefaultChainTakesWhatNoneMatches) {
  Chains chains;
  chains.add("80", {.destination_port = 80, .transport_protocol = "tls"}).otherwise("default");
  EXPECT_EQ(chains.of(to("10.0.0.1:80")), "default");
  EXPECT_EQ(chains.of(to("10.0.0.1:81")), "default");
}

TEST(FilterChainMatch, LongestDestinationPrefixWinsForGood) {
  Chains chains;
  chains.add("8", {.destination_prefixes = {*IpPrefix::parse("10.0.0.0/8")}})
      .add("24", {.destination_prefixes = {*IpPrefix::parse("10.1.1.0/24")}, .transport_protocol = "tls"})
      .add("any", {})
      .add("v6", {.destination_prefixes = {*IpPrefix::parse("fd00::/8")}});
  EXPECT_EQ(chains.of(to("10.2.0.1:80")), "8");
  EXPECT_EQ(chains.of(to("10.1.1.1:80")), "none");  // 10.1.1.0/24 is taken, and has no raw_buffer
  EXPECT_EQ(chains.of(to("192.0.2.1:80")), "any");
  EXPECT_EQ(chains.of(to("[fd00::1]:80")), "v6");
}

TEST(FilterChainMatch, ServerNamesExactThenLongestSuffixThenAny) {
  Chains chains;
  chains.add("exact", {.server_names = {"a.example.com"}})
      .add("suffix", {.server_names = {"*.example.com"}})
      .add("com", {.server_names = {"*.com"}})
      .add("any", {});
  EXPECT_EQ(chains.of(tls(to("10.0.0.1:443"), "a.example.com")), "exact");
  EXPECT_EQ(chains.of(tls(to("10.0.0.1:443"), "b.example.com")), "suffix");
  EXPECT_EQ(chains.of(tls(to("10.0.0.1:443"), "x.y.example.com")), "suffix");
  EXPECT_EQ(chains.of(tls(to("10.0.0.1:443"), "other.com")), "com");
  EXPECT_EQ(chains.of(tls(to("10.0.0.1:443"), "example.org")), "any");
  EXPECT_EQ(chains.of(to("10.0.0.1:443")), "any");
}

TEST(FilterChainMatch, TheClientsOrderOfProtocolsDecides) {
  Chains chains;
  chains.add("h2", {.application_protocols = {"h2"}}).add("istio", {.application_protocols = {"istio", "istio-h2"}});
  std::string_view istio_first[] = {"x", "istio", "h2"}, h2_first[] = {"h2", "istio"}, other[] = {"x"};
  EXPECT_EQ(chains.of(tls(to("10.0.0.1:443"), "", istio_first)), "istio");
  EXPECT_EQ(chains.of(tls(to("10.0.0.1:443"), "", h2_first)), "h2");
  EXPECT_EQ(chains.of(tls(to("10.0.0.1:443"), "", other)), "none");
}

TEST(FilterChainMatch, SourcesByTypePrefixAndPort) {
  Chains chains;
  chains.add("local", {.source_type = SourceType::kSameIpOrLoopback})
      .add("near", {.source_prefixes = {*IpPrefix::parse("10.9.0.0/16")}})
      .add("near 53", {.source_prefixes = {*IpPrefix::parse("10.9.0.0/16")}, .source_ports = {53}})
      .add("any", {});
  EXPECT_EQ(chains.of(to("10.0.0.1:80", "127.0.0.1:5")), "local");
  EXPECT_EQ(chains.of(to("10.0.0.1:80", "10.0.0.1:5")), "local");
  EXPECT_EQ(chains.of(to("10.0.0.1:80", "10.9.1.1:5")), "near");
  EXPECT_EQ(chains.of(to("10.0.0.1:80", "10.9.1.1:53")), "near 53");
  EXPECT_EQ(chains.of(to("10.0.0.1:80", "192.0.2.1:53")), "any");
}

TEST(FilterChainMatch, DirectSourceComesBeforeSource) {
  Chains chains;
  chains.add("direct", {.direct_source_prefixes = {*IpPrefix::parse("10.9.0.0/16")}})
      .add("source", {.source_prefixes = {*IpPrefix::parse("10.9.9.9/32")}});
  EXPECT_EQ(chains.of(to("10.0.0.1:80")), "direct");
  EXPECT_EQ(chains.of(to("10.0.0.1:80", "10.8.0.1:1")), "none");
}

TEST(FilterChainMatch, TheSameRuleTwiceIsTold) {
  Chains chains;
  chains.add("one", {.destination_port = 80, .application_protocols = {"h2", "x"}});
  EXPECT_TRUE(chains.all_different());
  chains.add("two", {.destination_port = 80, .application_protocols = {"x"}});
  EXPECT_FALSE(chains.all_different());
}

TEST(PortPredicate, Algebra) {
  PortPredicate range{PortPredicate::Kind::kPortRange, 10, 20, {}};
  PortPredicate never{PortPredicate::Kind::kNot, 0, 0, {{PortPredicate::Kind::kAny, 0, 0, {}}}};
  PortPredicate either{PortPredicate::Kind::kOr, 0, 0, {range, never}};
  PortPredicate both{PortPredicate::Kind::kAnd, 0, 0, {range, never}};
  EXPECT_TRUE(either.matches(10));
  EXPECT_TRUE(either.matches(19));
  EXPECT_FALSE(either.matches(20));
  EXPECT_FALSE(both.matches(10));
}

TEST(TcpProxy, PicksByWeight) {
  TcpProxy proxy;
  proxy.clusters = {{"a", 80}, {"b", 20}};
  proxy.total_weight = 100;
  int a = 0;
  for (std::uint64_t draw = 0; draw < 1000; ++draw) a += proxy.pick(draw) == "a";
  EXPECT_EQ(a, 800);
}

}  // namespace
}  // namespace weft::mesh
