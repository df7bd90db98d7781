#include "crypto/peer_verdict.h"

#include <gtest/gtest.h>

#include "crypto/test_mesh.h"
#include "crypto/verified_peers.h"

namespace weft::crypto {
namespace {

constexpr std::int64_t kNow = TestMesh::kNow;
using Role = Handshake::Role;

struct Judge {
  TestMesh mesh;
  std::shared_ptr<const Credentials> ours = mesh.credentials("ours");
  std::vector<SanMatcher> expected;
  std::int64_t now = kNow;
  Role role = Role::kServer;

  PeerVerdict operator()(const std::vector<std::string>& sent) const {
    std::vector<ByteSpan> spans;
    for (const std::string& der : sent) spans.push_back(as_bytes(der));
    return judge_peer({*ours, role, spans, expected, now});
  }
};

TEST(PeerVerdict, ASecondLookJudgesTimeAndIdentityAgain) {
  Judge judge;
  const std::vector<std::string> sent = {judge.mesh.workload("web").certificate.der()};
  ASSERT_EQ(judge(sent).failure, TlsFailure::kNone);
  EXPECT_EQ(judge(sent).peer.uri_san, "spiffe://cluster.local/ns/default/sa/web");
  judge.expected = {{SanMatcher::Kind::kSuffix, "/sa/other"}};
  EXPECT_EQ(judge(sent).failure, TlsFailure::kPeerSanMismatch);
  EXPECT_EQ(judge(sent).alert, 42);
  judge.expected.clear();
  judge.now = kNow + 1800;
  EXPECT_EQ(judge(sent).failure, TlsFailure::kPeerCertificateExpired);
  EXPECT_EQ(judge(sent).alert, 45);
  judge.now = kNow - 1801;
  EXPECT_EQ(judge(sent).failure, TlsFailure::kPeerCertificateNotYetValid);
  judge.now = kNow;
  EXPECT_EQ(judge(sent).failure, TlsFailure::kNone);
}

TEST(PeerVerdict, AVerdictDoesNotOutliveTheChain) {
  Judge judge;
  LeafTemplate ca;
  ca.organization = "intermediate";
  ca.is_ca = true;
  ca.not_before = kNow - 3600;
  ca.not_after = kNow + 600;
  const auto intermediate = judge.mesh.workload(ca);
  const auto key = PrivateKey::generate_p256().value();
  LeafTemplate leaf = judge.mesh.leaf("web");
  leaf.not_after = kNow + 600;
  const auto certificate =
      sign_certificate(intermediate.certificate, intermediate.key, key.public_key(), leaf).value();
  const std::vector<std::string> sent = {certificate.der(), intermediate.certificate.der()};
  EXPECT_EQ(judge({certificate.der()}).failure, TlsFailure::kPeerUnknownCa);
  EXPECT_EQ(judge({certificate.der()}).alert, 48);
  ASSERT_EQ(judge(sent).failure, TlsFailure::kNone);
  judge.now = kNow + 600;
  EXPECT_EQ(judge(sent).failure, TlsFailure::kPeerCertificateExpired);
}

TEST(PeerVerdict, WhatIsNoCertificate) {
  const Judge judge;
  EXPECT_EQ(judge({}).failure, TlsFailure::kPeerBadCertificate);
  EXPECT_EQ(judge({"garbage"}).failure, TlsFailure::kPeerBadCertificate);
  EXPECT_EQ(judge({"garbage"}).alert, 42);
  const std::string der = judge.mesh.workload("web").certificate.der();
  ASSERT_EQ(judge({der}).failure, TlsFailure::kNone);
  EXPECT_EQ(judge({der + "x"}).failure, TlsFailure::kPeerBadCertificate);
  EXPECT_EQ(judge({der, "x"}).failure, TlsFailure::kPeerBadCertificate);
}

TEST(VerifiedPeers, AreBounded) {
  VerifiedPeers peers(2);
  const auto peer = std::make_shared<const VerifiedPeer>(VerifiedPeer{{}, 10, 20});
  for (std::uint8_t i = 0; i < 5; ++i) peers.keep(Fingerprint{i}, peer);
  int known = 0;
  for (std::uint8_t i = 0; i < 5; ++i) known += peers.find(Fingerprint{i}, 15) != nullptr;
  EXPECT_EQ(known, 2);
  EXPECT_NE(peers.find(Fingerprint{4}, 10), nullptr);
  EXPECT_EQ(peers.find(Fingerprint{4}, 9), nullptr);
  EXPECT_EQ(peers.find(Fingerprint{4}, 20), nullptr);
}

}  // namespace
}  // namespace weft::crypto
