// Who a session lets in, at which TLS version, and what it says to whom it refuses.
#include <gtest/gtest.h>

#include "dataplane/tls/test_pair.h"

namespace weft::tls {
namespace {

using crypto::SanMatcher;
using crypto::TlsFailure;
using crypto::TlsVersion;
using State = Session::State;

struct Judged {
  TlsFailure by_server, by_client;
  std::string server_error, client_error;
};

Judged handshake(Pair& pair) {
  pair.start();
  pair.drive();
  EXPECT_FALSE(pair.client->is_open() && pair.server->is_open());
  return {pair.server->failure(), pair.client->failure(), std::string(pair.server->error()),
          std::string(pair.client->error())};
}

TEST(SessionIdentity, ExpiredClientCertificate) {
  Pair pair;
  auto leaf = pair.mesh.leaf("client");
  leaf.not_after = pair.now - 1;
  pair.client_credentials = pair.mesh.credentials(pair.mesh.workload(leaf));
  const Judged judged = handshake(pair);
  EXPECT_EQ(judged.by_server, TlsFailure::kPeerCertificateExpired);
  EXPECT_NE(judged.server_error.find("spiffe://cluster.local/ns/default/sa/client"), std::string::npos);
  EXPECT_EQ(judged.client_error, "peer sent a TLS alert: certificate_expired");
}

TEST(SessionIdentity, NotYetValidServerCertificate) {
  Pair pair;
  pair.now -= 3600;
  EXPECT_EQ(handshake(pair).by_client, TlsFailure::kPeerCertificateNotYetValid);
}

TEST(SessionIdentity, OtherTrustDomain) {
  Pair pair;
  const crypto::TestMesh other("other.mesh");
  pair.client_credentials =
      other.credentials(other.workload("client"), {{"cluster.local", pair.mesh.root().pem()}});
  const Judged judged = handshake(pair);
  EXPECT_EQ(judged.by_server, TlsFailure::kPeerOtherTrustDomain);
  EXPECT_EQ(judged.client_error, "peer sent a TLS alert: unknown_ca");
}

TEST(SessionIdentity, OtherTrustDomainThatIsFederated) {
  Pair pair;
  const crypto::TestMesh other("other.mesh");
  pair.client_credentials =
      other.credentials(other.workload("client"), {{"cluster.local", pair.mesh.root().pem()}});
  pair.server_credentials = pair.mesh.credentials(
      pair.mesh.workload("server"),
      {{"cluster.local", pair.mesh.root().pem()}, {"other.mesh", other.root().pem()}});
  pair.open();
  EXPECT_EQ(pair.server->peer().uri_san, "spiffe://other.mesh/ns/default/sa/client");
}

TEST(SessionIdentity, AFederatedCaCannotSpeakForOurDomain) {
  Pair pair;
  const crypto::TestMesh other("other.mesh");
  auto leaf = pair.mesh.leaf("client");  // our domain's name, their signature
  pair.client_credentials = other.credentials(other.workload(leaf), {{"cluster.local", pair.mesh.root().pem()}});
  pair.server_credentials = pair.mesh.credentials(
      pair.mesh.workload("server"),
      {{"cluster.local", pair.mesh.root().pem()}, {"other.mesh", other.root().pem()}});
  EXPECT_EQ(handshake(pair).by_server, TlsFailure::kPeerUnknownCa);
}

TEST(SessionIdentity, NoClientCertificateWhereOneIsRequired) {
  Pair pair;
  // A client of plain OpenSSL without a certificate stands in interop_test.cc; here: one that is not asked.
  pair.server_settings.require_client_certificate = false;
  pair.open();
  EXPECT_EQ(pair.server->peer().uri_san, "");
  EXPECT_EQ(pair.client->peer().uri_san, "spiffe://cluster.local/ns/default/sa/server");
}

TEST(SessionIdentity, UnexpectedServerIdentity) {
  Pair pair;
  pair.client_settings.peer_sans = {{SanMatcher::Kind::kExact, "spiffe://cluster.local/ns/default/sa/other"},
                                    {SanMatcher::Kind::kPrefix, "spiffe://cluster.local/ns/prod/"}};
  const Judged judged = handshake(pair);
  EXPECT_EQ(judged.by_client, TlsFailure::kPeerSanMismatch);
  EXPECT_EQ(judged.client_error,
            "peer certificate has an unexpected identity: spiffe://cluster.local/ns/default/sa/server is none of: "
            "exact spiffe://cluster.local/ns/default/sa/other, prefix spiffe://cluster.local/ns/prod/");
  EXPECT_EQ(judged.server_error, "peer sent a TLS alert: bad_certificate");
}

TEST(SessionIdentity, EachKindOfSanMatcherLetsIn) {
  for (const auto& [kind, value] : std::initializer_list<std::pair<SanMatcher::Kind, const char*>>{
           {SanMatcher::Kind::kExact, "spiffe://cluster.local/ns/default/sa/server"},
           {SanMatcher::Kind::kPrefix, "spiffe://cluster.local/ns/"},
           {SanMatcher::Kind::kSuffix, "/sa/server"},
           {SanMatcher::Kind::kContains, "/default/"}}) {
    Pair pair;
    pair.client_settings.peer_sans = {{kind, value}};
    pair.open();
  }
}

TEST(SessionIdentity, DowngradeIsRefused) {
  Pair pair;
  pair.client_settings.min_version = pair.client_settings.max_version = TlsVersion::kTls12;
  const Judged judged = handshake(pair);
  EXPECT_EQ(judged.by_server, TlsFailure::kVersionRefused);
  EXPECT_EQ(judged.client_error, "peer sent a TLS alert: protocol_version");
}

TEST(SessionIdentity, Tls12WhereSettingsAllowIt) {
  Pair pair;
  pair.client_settings.min_version = pair.client_settings.max_version = TlsVersion::kTls12;
  pair.server_settings.min_version = TlsVersion::kTls12;
  pair.start();
  const std::string text = random_text(pair.random, 40'000);
  pair.client->seal(pair.bytes(text));
  pair.drive();
  ASSERT_EQ(pair.server->state(), State::kOpen) << pair.server->error();
  EXPECT_EQ(pair.server->version(), TlsVersion::kTls12);
  EXPECT_EQ(pair.server->peer().uri_san, "spiffe://cluster.local/ns/default/sa/client");
  EXPECT_EQ(text_of(pair.server->take_plaintext()), text);
  pair.server->seal(pair.bytes("back"));
  pair.server->close_notify();
  pair.drive();
  EXPECT_EQ(text_of(pair.client->take_plaintext()), "back");
  EXPECT_EQ(pair.client->state(), State::kPeerClosed);
}

}  // namespace
}  // namespace weft::tls
