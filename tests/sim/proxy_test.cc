// What the proxy does to connections between pods, one behaviour a test, in a simulated mesh of two nodes.
#include <gtest/gtest.h>

#include "tests/sim/proxy_fixture.h"

namespace weft::sim {
namespace {

TEST_F(ProxyTest, ServiceCallIsMutualTlsOnTheWire) {
  world.record_wire = true;
  for (const bool v6 : {false, true}) {
    EXPECT_EQ(call("client", "web", v6), "hello web");
    EXPECT_FALSE(world.wire_holds("hello web"));
  }
}

TEST_F(ProxyTest, BothPeersAreKnown) {
  Socket& s = world.connect("client", "web");
  ASSERT_TRUE(reaches(s, "x"));
  for (const unsigned node : {0u, 1u}) {
    const auto records = world.node(node).proxy(0).connections(world.now(), kNoInterface, 10);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].source_identity, identity_of("client"));
    EXPECT_EQ(records[0].destination_identity, identity_of("web"));
    EXPECT_EQ(records[0].tls.substr(0, 7), "TLSv1.3");
  }
}

TEST_F(ProxyTest, LaterConnectionsResumeWithTheSamePeers) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(call("client", "web"), "hello web");
  for (const unsigned node : {0u, 1u}) {
    const auto& counters = world.node(node).proxy(0).counters();
    EXPECT_EQ(counters.handshakes.value(), 4u);
    EXPECT_EQ(counters.resumed_handshakes.value(), 3u);
  }
  Socket& s = world.connect("client", "web");
  ASSERT_TRUE(reaches(s, "x"));
  const auto records = world.node(1).proxy(0).connections(world.now(), kNoInterface, 10);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].source_identity, identity_of("client"));
  EXPECT_EQ(records[0].tls, "TLSv1.3 TLS_AES_128_GCM_SHA256 resumed");
}

TEST_F(ProxyTest, AServerSeesItsClientsOwnAddress) {
  Socket& s = world.connect("client", "web");
  ASSERT_TRUE(reaches(s, "x"));
  EXPECT_EQ(web().accepted(8080).back()->remote.address, s.local.address);
}

TEST_F(ProxyTest, APodsOwnAddressIsPassedThroughInPlaintext) {
  world.record_wire = true;
  EXPECT_EQ(exchange(world.connect("client", world.at("web", 8080)), "in the clear"), "in the clear");
  EXPECT_TRUE(world.wire_holds("in the clear"));
  EXPECT_EQ(exchange(world.connect("client", world.at("outsider", 9000)), "to nobody"), "");
}

TEST_F(ProxyTest, AMeshPodReachesAServerOutsideTheMesh) {
  world.pod("outsider").listen(9000, echo());
  EXPECT_EQ(exchange(world.connect("client", world.at("outsider", 9000)), "out"), "out");
  EXPECT_EQ(exchange(world.connect("client", world.at("outsider", 9000, true)), "out6"), "out6");
}

TEST_F(ProxyTest, PermissiveServesPlaintextAndStrictDoesNot) {
  EXPECT_EQ(outsider_calls(), "plain");
  world.cluster.put("mtls", peer_authentication("STRICT"));
  world.publish();
  EXPECT_EQ(outsider_calls(), "");
  EXPECT_EQ(world.refusals(Refusal::kNoFilterChain), 1u);
  EXPECT_EQ(call("client", "web"), "hello web");
}

TEST_F(ProxyTest, StrictClosesOpenPlaintextConnectionsOnly) {
  Socket& plain = world.pod("outsider").connect(world.at("web", 8080));
  Socket& mutual = world.connect("client", "web");
  ASSERT_TRUE(reaches(plain, "a"));
  ASSERT_TRUE(reaches(mutual, "b"));
  world.cluster.put("mtls", peer_authentication("STRICT"));
  world.publish();
  EXPECT_TRUE(world.run_until([&] { return plain.reset(); }));
  EXPECT_TRUE(reaches(mutual, "still here"));
  EXPECT_EQ(world.ends(EndReason::kPolicyChanged), 1u);
}

TEST_F(ProxyTest, AnotherLocalPodsPlaintextIsRefusedUnderStrictToo) {
  world.cluster.put("mtls", peer_authentication("STRICT"));
  world.publish();
  EXPECT_EQ(exchange(world.connect("outsider", world.at("near", 8080)), "plain"), "");
  EXPECT_EQ(exchange(world.connect("client", world.at("near", 8080)), "plain"), "");
  EXPECT_EQ(call("client", "near"), "hello near");
}

TEST_F(ProxyTest, DisabledMtlsIsPlaintextForEveryone) {
  world.record_wire = true;
  world.cluster.put("mtls", peer_authentication("DISABLE"));
  world.publish();
  EXPECT_EQ(call("client", "web"), "hello web");
  EXPECT_TRUE(world.wire_holds("hello web"));
  EXPECT_EQ(outsider_calls(), "plain");
}

TEST_F(ProxyTest, AServerThatSpeaksFirstIsHeardAtOnce) {
  world.pod("web").listen(8080, greet("220 ready\n"));
  Socket& mesh_client = world.connect("client", "web");
  EXPECT_TRUE(world.run_until([&] { return mesh_client.received == "220 ready\n"; }, Duration::milliseconds(100)));
  world.cluster.put("mtls", peer_authentication("DISABLE", "web"));
  world.publish();
  Socket& plain = world.connect("outsider", world.at("web", 8080));
  EXPECT_TRUE(world.run_until([&] { return plain.received == "220 ready\n"; }, Duration::milliseconds(100)));
}

TEST_F(ProxyTest, OneThatWaitsForFirstBytesIsLookedAtAgainWhenNoneAreWantedAnyMore) {
  world.pod("web").listen(8080, greet("220 ready\n"));
  Socket& plain = world.connect("outsider", world.at("web", 8080));
  world.run(Duration::milliseconds(100));
  EXPECT_EQ(plain.received, "");
  world.cluster.put("mtls", peer_authentication("DISABLE", "web"));
  world.publish();
  EXPECT_TRUE(world.run_until([&] { return plain.received == "220 ready\n"; }, Duration::milliseconds(100)));
}

TEST_F(ProxyTest, FirstBytesMayComeOneByOne) {
  world.pod("web").listen(8080, greet("220 ready\n"));
  Socket& s = world.connect("outsider", world.at("web", 8080));
  s.write_at_once = 1;
  s.write("\x16\x03 not a ClientHello after all");
  EXPECT_TRUE(world.run_until([&] { return s.received.size() > 20 || s.closed; }));
  world.pod("web").listen(8080, echo());
  Socket& tunnelled = world.connect("client", "web");
  tunnelled.write_at_once = 1;
  EXPECT_TRUE(reaches(tunnelled, "PRI * HTTP/2.0\r\n, or nearly"));
}

TEST_F(ProxyTest, ADeniedCallerNeverReachesTheServer) {
  world.cluster.put("p", authorization_policy("only-near", "ALLOW", "web", {"near"}));
  world.publish();
  EXPECT_EQ(call("client", "web"), "");
  EXPECT_EQ(web().syns(8080), 0u);
  EXPECT_EQ(world.refusals(Refusal::kPolicyNotAllowed), 1u);
  const auto record = world.last_refusal();
  EXPECT_EQ(record.reason, EndReason::kPolicy);
  EXPECT_EQ(record.source_identity, identity_of("client"));
  ASSERT_EQ(record.considered.size(), 1u);
  EXPECT_NE(record.considered[0].find("only-near"), std::string::npos);
  EXPECT_EQ(call("near", "web"), "hello web");
}

TEST_F(ProxyTest, ADenyPolicyIsNamed) {
  world.cluster.put("p", authorization_policy("no-client", "DENY", "web", {"client"}));
  world.publish();
  EXPECT_EQ(call("client", "web"), "");
  EXPECT_NE(world.last_refusal().policy.find("no-client"), std::string::npos);
  EXPECT_EQ(call("near", "web"), "hello web");
}

TEST_F(ProxyTest, AChangeOfPolicyClosesWhatItDeniesAndNothingElse) {
  Socket& denied = world.connect("client", "web");
  Socket& allowed = world.connect("near", "web");
  Socket& elsewhere = world.connect("client", "near");
  for (Socket* s : {&denied, &allowed, &elsewhere}) ASSERT_TRUE(reaches(*s, "x"));
  world.cluster.put("p", authorization_policy("only-near", "ALLOW", "web", {"near"}));
  world.publish();
  EXPECT_TRUE(world.run_until([&] { return denied.reset(); }));
  EXPECT_TRUE(reaches(allowed, "y"));
  EXPECT_TRUE(reaches(elsewhere, "y"));
  EXPECT_TRUE(web().accepted(8080)[0]->reset());
}

TEST_F(ProxyTest, PolicyHoldsBetweenPodsOfOneNode) {
  Socket& before = world.connect("client", "near");
  ASSERT_TRUE(reaches(before, "x"));
  const unsigned syns = world.pod("near").syns(8080);
  world.cluster.put("p", authorization_policy("only-web", "ALLOW", "near", {"web"}));
  world.publish();
  EXPECT_TRUE(world.run_until([&] { return before.reset(); }));
  EXPECT_EQ(call("client", "near"), "");
  EXPECT_EQ(world.pod("near").syns(8080), syns);
  EXPECT_EQ(call("web", "near"), "hello near");
}

TEST_F(ProxyTest, BetweenPodsOfOneNodeNothingIsEncryptedAndIdentityIsAValue) {
  Socket& s = world.connect("client", "near");
  ASSERT_TRUE(reaches(s, "x"));
  const auto records = world.node(0).proxy(0).connections(world.now(), kNoInterface, 10);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].direction, "local");
  EXPECT_EQ(records[0].source_identity, identity_of("client"));
  EXPECT_EQ(records[0].destination_identity, identity_of("near"));
  EXPECT_EQ(records[0].tls, "");
  EXPECT_EQ(world.node(0).proxy(0).counters().handshakes.value(), 0u);
}

TEST_F(ProxyTest, AnExpiredCertificateRefusesOnTheWireAndByValue) {
  world.cluster.set_lifetime("client", crypto::TestMesh::kNow - 100, crypto::TestMesh::kNow - 1);
  world.publish();
  EXPECT_EQ(call("client", "near"), "");
  EXPECT_EQ(call("client", "web"), "");
  EXPECT_EQ(world.ends(EndReason::kCertificateExpired), 2u);
  EXPECT_EQ(call("near", "web"), "hello web");
}

TEST_F(ProxyTest, AServersExpiredCertificateIsRefusedByTheClient) {
  world.cluster.set_lifetime("web", crypto::TestMesh::kNow - 100, crypto::TestMesh::kNow - 1);
  world.publish();
  Socket& s = world.connect("client", "web");
  s.write("x");
  EXPECT_TRUE(world.run_until([&] { return s.reset(); }));
  EXPECT_NE(world.last_refusal().detail.find("expired"), std::string::npos) << world.last_refusal().detail;
  // The other side hears it by an alert.
  EXPECT_TRUE(world.run_until([&] { return world.ends(EndReason::kTls) == 2; }));
  EXPECT_EQ(world.last_refusal().detail, "from the client: peer sent a TLS alert: certificate_expired");
}

TEST_F(ProxyTest, WithoutACertificateNothingGoesOut) {
  world.cluster.take_certificate("client");
  world.publish();
  EXPECT_EQ(call("client", "web"), "");
  EXPECT_EQ(call("client", "near"), "");
  EXPECT_EQ(world.ends(EndReason::kNoCredentials), 2u);
}

TEST_F(ProxyTest, APodReachesItselfThroughItsServiceAndSeesTheGateway) {
  EXPECT_EQ(call("near", "near"), "hello near");
  EXPECT_EQ(world.pod("near").accepted(8080).back()->remote.address, net::gateway_v4());
  EXPECT_EQ(call("near", "near", true), "hello near");
  EXPECT_EQ(world.pod("near").accepted(8080).back()->remote.address, net::gateway_v6());
}

}  // namespace
}  // namespace weft::sim
