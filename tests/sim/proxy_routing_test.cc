// Where connections go, and the named reasons for which they go nowhere, in a simulated mesh of two nodes.
#include <gtest/gtest.h>

#include "tests/sim/proxy_fixture.h"

namespace weft::sim {
namespace {

using RoutingTest = ProxyTest;

TEST_F(RoutingTest, AServiceWithoutEndpointsIsRefused) {
  world.add_service("empty", "nobody", 80, 8080);
  world.publish();
  EXPECT_EQ(call("client", "empty"), "");
  EXPECT_EQ(world.refusals(Refusal::kNoEndpoints), 1u);
}

TEST_F(RoutingTest, WithRegistryOnlyWhatIsUnknownIsABlackHole) {
  world.pod("outsider").listen(9000, echo());
  world.cluster.put("mesh", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\n"
                            "data: {mesh: \"outboundTrafficPolicy: {mode: REGISTRY_ONLY}\"}\n");
  world.publish();
  EXPECT_EQ(exchange(world.connect("client", world.at("outsider", 9000)), "x"), "");
  EXPECT_EQ(world.refusals(Refusal::kBlackHole), 1u);
  EXPECT_EQ(world.pod("outsider").syns(9000), 0u);
  EXPECT_EQ(call("client", "web"), "hello web");
}

TEST_F(RoutingTest, AnEndpointBehindHboneIsRefusedByThatName) {
  world.cluster.tune("client", [](mesh::Cluster& cluster) {
    for (mesh::Priority& priority : cluster.priorities) {
      for (mesh::UpstreamHost& host : priority.hosts) host.needs_hbone = true;
    }
  });
  world.publish();
  EXPECT_EQ(call("client", "web"), "");
  EXPECT_EQ(world.refusals(Refusal::kNeedsHbone), 1u);
}

TEST_F(RoutingTest, TheApplianceItselfIsNoDestination) {
  EXPECT_EQ(exchange(world.connect("client", *Endpoint::parse("169.254.1.1:80")), "x"), "");
  EXPECT_EQ(exchange(world.connect("client", *Endpoint::parse("10.99.0.1:80")), "x"), "");
  EXPECT_EQ(world.ends(EndReason::kLoop), 2u);
}

TEST_F(RoutingTest, AnAddressWithoutARouteIsRefused) {
  EXPECT_EQ(exchange(world.connect("client", *Endpoint::parse("203.0.113.1:80")), "x"), "");
  EXPECT_EQ(world.ends(EndReason::kNoRoute), 1u);
}

TEST_F(RoutingTest, APodThatIsNotReadyIsWaitedFor) {
  world.add_pod({.name = "late", .ready = false});
  world.publish();
  Socket& s = world.connect("late", "web");
  world.run(Duration::seconds(5));
  EXPECT_FALSE(s.established);
  EXPECT_FALSE(s.closed);
  world.cluster.pod("late").ready = true;
  world.publish();
  EXPECT_TRUE(reaches(s, "at last"));
}

TEST_F(RoutingTest, APodThatStaysNotReadyIsRefusedAfterAWhile) {
  world.add_pod({.name = "late", .ready = false});
  world.publish();
  Socket& s = world.connect("late", "web");
  EXPECT_TRUE(world.run_until([&] { return s.reset(); }, Duration::seconds(20)));
  EXPECT_EQ(world.last_refusal().reason, EndReason::kNotReady);
  EXPECT_EQ(world.last_refusal().detail, "lacks listeners");
}

TEST_F(RoutingTest, ALocalServerThatIsNotReadyIsWaitedForToo) {
  world.cluster.pod("near").ready = false;
  world.publish();
  Socket& s = world.connect("client", "near");
  s.write("early");
  world.run(Duration::seconds(5));
  EXPECT_EQ(world.pod("near").syns(8080), 0u);
  world.cluster.pod("near").ready = true;
  world.publish();
  EXPECT_TRUE(world.run_until([&] { return s.received == "early"; }));
}

TEST_F(RoutingTest, ARemovedPodsConnectionsAreResetAtBothEnds) {
  Socket& far = world.connect("client", "web");
  Socket& local = world.connect("client", "near");
  for (Socket* s : {&far, &local}) ASSERT_TRUE(reaches(*s, "x"));
  Socket& at_near = *world.pod("near").accepted(8080).back();
  world.remove_pod("client");
  world.publish();
  EXPECT_TRUE(world.run_until([&] { return web().accepted(8080).back()->reset() && at_near.reset(); }));
  EXPECT_TRUE(far.reset() && local.reset());
  EXPECT_EQ(world.ends(EndReason::kPodRemoved), 2u);
}

TEST_F(RoutingTest, APodWithTheSameAddressInheritsNothing) {
  world.cluster.put("p", authorization_policy("only-client", "ALLOW", "web", {"client"}));
  world.publish();
  Socket& s = world.connect("client", "web");
  ASSERT_TRUE(reaches(s, "x"));
  const unsigned number = world.cluster.pod("client").number;
  world.remove_pod("client");
  world.add_pod({.name = "stranger", .number = number});
  world.publish();
  EXPECT_TRUE(world.run_until([&] { return web().accepted(8080).back()->reset(); }));
  EXPECT_EQ(call("stranger", "web"), "");
  EXPECT_EQ(world.refusals(Refusal::kPolicyNotAllowed), 1u);
}

TEST_F(RoutingTest, ACircuitBreakerCountsTheWholePodAndLocalPairsToo) {
  world.cluster.tune("client", [](mesh::Cluster& cluster) { cluster.limits.max_connections = 2; });
  world.publish();
  for (const char* service : {"web", "near"}) {
    Socket& first = world.connect("client", service);
    Socket& second = world.connect("client", service);
    ASSERT_TRUE(reaches(first, "x") && reaches(second, "x")) << service;
    EXPECT_EQ(call("client", service), "") << service;
    EXPECT_EQ(world.last_refusal().reason, EndReason::kConnectionLimit);
    EXPECT_EQ(exchange(first, ""), "x");
    EXPECT_EQ(call("client", service), std::string("hello ") + service);
  }
}

TEST_F(RoutingTest, LeastRequestSeesLocalConnectionsAsWell) {
  world.add_pod({.name = "pool-near", .app = "pool"}).listen(8080, echo());
  world.add_pod({.name = "pool-far", .node = 1, .app = "pool"}).listen(8080, echo());
  world.add_service("pool", "pool", 80, 8080);
  world.publish();
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(reaches(world.connect("client", "pool"), "x"));
  const auto near = world.pod("pool-near").accepted(8080).size(), far = world.pod("pool-far").accepted(8080).size();
  EXPECT_EQ(near + far, 40u);
  EXPECT_GT(std::min(near, far), 12u) << near << " near, " << far << " far";
}

TEST_F(RoutingTest, AnExcludedPortOfALocalPodIsReachedBesideItsPolicy) {
  world.add_pod({.name = "open", .excluded_inbound_ports = {9999}}).listen(9999, echo());
  world.cluster.put("p", authorization_policy("nobody", "ALLOW", "open", {"no-one"}));
  world.cluster.put("mtls", peer_authentication("STRICT"));
  world.publish();
  EXPECT_EQ(exchange(world.connect("client", world.at("open", 9999)), "in"), "in");
}

}  // namespace
}  // namespace weft::sim
