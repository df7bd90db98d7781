// Who gets which certificate, and what is said to those who get none.
#include "controlplane/ca/signer.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "controlplane/ca/authenticator.h"
#include "controlplane/ca/files.h"
#include "controlplane/registry/test_cluster.h"
#include "crypto/service_account_token.h"

namespace weft::controlplane {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;
constexpr const char* kWeb = "spiffe://cluster.local/ns/shop/sa/web";

class TemporaryDirectory {
 public:
  TemporaryDirectory() { path_ = mkdtemp(text_); }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  char text_[20] = "/tmp/weft-ca-XXXXXX";
  std::string path_;
};

Caller node_agent(const std::string& node) {
  return {Caller::Proof::kToken, {}, "weft-system", "weft-dataplane", "agent", "uid-agent", node};
}

class SignerFixture : public testing::Test {
 protected:
  SignerFixture() : key_(*crypto::PrivateKey::generate_p256()) {
    auto authority = Authority::open({directory_.path() + "/ca", "", "cluster.local"}, kNow);
    EXPECT_TRUE(authority) << authority.error();
    authority_.emplace(std::move(*authority));
    index_ = TestCluster().put("shop.yaml", kShop).index();
    signer_ = std::make_unique<Signer>(*authority_, SignerOptions{{"weft-system/weft-dataplane"}, 30},
                                       [this] { return index_; });
  }

  SignRequest request(const std::string& impersonated, const std::string& san = "") {
    return {*crypto::make_csr(key_, san), 0, impersonated};
  }
  std::string refusal(const Caller& caller, const SignRequest& request, std::int64_t now = kNow) {
    const auto chain = signer_->sign(caller, request, now);
    return chain ? "issued " + chain->identity : std::string(to_string(chain.error().refusal));
  }

  TemporaryDirectory directory_;
  crypto::PrivateKey key_;
  std::optional<Authority> authority_;
  std::shared_ptr<const Index> index_;
  std::unique_ptr<Signer> signer_;
};

TEST_F(SignerFixture, ANodeAgentGetsTheAccountsOfItsPods) {
  const auto chain = signer_->sign(node_agent("node-a"), request(kWeb), kNow);
  ASSERT_TRUE(chain) << chain.error().message;
  ASSERT_EQ(chain->pems.size(), 2u);  // leaf, root bundle
  const auto leaf = *crypto::Certificate::from_pem(chain->pems[0]);
  EXPECT_EQ(leaf.info().uri_sans, std::vector<std::string>{kWeb});
  EXPECT_EQ(leaf.info().not_after, kNow + 24 * 3600);
  EXPECT_TRUE(crypto::verify_chain(leaf, {}, authority_->roots(), kNow));
}

TEST_F(SignerFixture, AnAccountWithoutAPodOnTheNodeIsRefusedForGoodAfterAWhile) {
  EXPECT_EQ(refusal(node_agent("node-b"), request(kWeb)), to_string(CaRefusal::kPodNotKnown));
  EXPECT_EQ(refusal(node_agent("node-b"), request(kWeb), kNow + 29), to_string(CaRefusal::kPodNotKnown));
  EXPECT_EQ(refusal(node_agent("node-b"), request(kWeb), kNow + 31), to_string(CaRefusal::kNoPodOnNode));
}

TEST_F(SignerFixture, AForeignNameInTheRequestIsRefusedByName) {
  const auto chain = signer_->sign(node_agent("node-a"), request(kWeb, "spiffe://cluster.local/ns/shop/sa/db"), kNow);
  ASSERT_FALSE(chain);
  EXPECT_EQ(chain.error().refusal, CaRefusal::kForeignSan);
  EXPECT_NE(chain.error().message.find("spiffe://cluster.local/ns/shop/sa/db"), std::string::npos);
  EXPECT_EQ(refusal(node_agent("node-a"), request(kWeb, kWeb)), std::string("issued ") + kWeb);
}

TEST_F(SignerFixture, OthersThanNodeAgentsGetTheirOwnOnly) {
  Caller web{Caller::Proof::kCertificate, "cluster.local", "shop", "web", {}, {}, {}};
  EXPECT_EQ(refusal(web, request("")), std::string("issued ") + kWeb);
  EXPECT_EQ(refusal(web, request("spiffe://cluster.local/ns/shop/sa/db")), to_string(CaRefusal::kUntrustedAccount));
}

TEST_F(SignerFixture, ACredentialWithoutANodeCannotImpersonate) {
  EXPECT_EQ(refusal(node_agent(""), request(kWeb)), to_string(CaRefusal::kNoNode));
  Caller certificate = node_agent("node-a");
  certificate.proof = Caller::Proof::kCertificate;
  EXPECT_EQ(refusal(certificate, request(kWeb)), to_string(CaRefusal::kNoNode));
}

TEST_F(SignerFixture, MalformedThingsAreRefused) {
  EXPECT_EQ(refusal(node_agent("node-a"), {"garbage", 0, kWeb}), to_string(CaRefusal::kBadRequest));
  EXPECT_EQ(refusal(node_agent("node-a"), request("spiffe://cluster.local/shop/web")),
            to_string(CaRefusal::kBadRequest));
  EXPECT_EQ(refusal(node_agent("node-a"), request("spiffe://else/ns/shop/sa/web")),
            to_string(CaRefusal::kForeignTrustDomain));
}

TEST_F(SignerFixture, WithoutConfigurationNobodyGetsAnything) {
  index_ = nullptr;
  EXPECT_EQ(refusal(node_agent("node-a"), request(kWeb)), to_string(CaRefusal::kNotReady));
}

TEST_F(SignerFixture, LifetimesAreCutAndMayChange) {
  signer_->set_lifetimes({60, 60});
  SignRequest wanted = request(kWeb);
  wanted.validity_seconds = 86400;
  const auto chain = signer_->sign(node_agent("node-a"), wanted, kNow);
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->not_after, kNow + 60);
  const auto leaf = *crypto::Certificate::from_pem(chain->pems[0]);
  EXPECT_GE(leaf.info().not_before, kNow - 10);  // half of its life is still ahead
}

TEST(Authority, IsKeptWithTheRightPermissions) {
  TemporaryDirectory directory;
  const std::string ca = directory.path() + "/deep/ca";
  const auto first = Authority::open({ca, "", "cluster.local"}, kNow);
  ASSERT_TRUE(first) << first.error();
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(ca).permissions(), perms::owner_all);
  EXPECT_EQ(std::filesystem::status(ca + "/ca-key.pem").permissions(), perms::owner_read | perms::owner_write);
  const auto again = Authority::open({ca, "", "cluster.local"}, kNow + 5);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->root_bundle_pem(), first->root_bundle_pem());
}

TEST(Authority, ExposedOrHalfSetsAreRefusedByName) {
  TemporaryDirectory directory;
  const std::string ca = directory.path() + "/ca";
  ASSERT_TRUE(Authority::open({ca, "", "cluster.local"}, kNow));
  std::filesystem::permissions(ca + "/ca-key.pem", std::filesystem::perms::all);
  EXPECT_NE(Authority::open({ca, "", "cluster.local"}, kNow).error().find("ca-key.pem: other users may read"),
            std::string::npos);
  std::filesystem::remove(ca + "/ca-key.pem");
  EXPECT_NE(Authority::open({ca, "", "cluster.local"}, kNow).error().find("ca-key.pem: missing"), std::string::npos);
}

// Istio's cacerts: an intermediate under a root elsewhere.
TEST(Authority, APluggedInIntermediateStandsInTheChain) {
  TemporaryDirectory directory;
  const auto root_key = *crypto::PrivateKey::generate_p256();
  const auto root = *crypto::self_signed_root(root_key, {"acme", kNow - 60, kNow + 100'000});
  const auto key = *crypto::PrivateKey::generate_p256();
  crypto::LeafTemplate intermediate;
  intermediate.organization = "acme";
  intermediate.is_ca = true;
  intermediate.not_before = kNow - 60;
  intermediate.not_after = kNow + 90'000;
  const auto certificate = *crypto::sign_certificate(root, root_key, key.public_key(), intermediate);
  for (const auto& [name, text] : std::map<std::string, std::string>{{"ca-cert.pem", certificate.pem()},
                                                                     {"ca-key.pem", key.pem()},
                                                                     {"cert-chain.pem", certificate.pem() + root.pem()},
                                                                     {"root-cert.pem", root.pem()}}) {
    ASSERT_TRUE(write_file(directory.path() + "/" + name, text, 0600));
  }
  const auto authority = Authority::open({"/nowhere", directory.path(), "cluster.local"}, kNow);
  ASSERT_TRUE(authority) << authority.error();
  ASSERT_EQ(authority->intermediates().size(), 1u);
  const auto leaf = authority->sign_workload(key.public_key(), kWeb, 86400, kNow);
  ASSERT_TRUE(leaf);
  EXPECT_TRUE(crypto::verify_chain(*leaf, authority->intermediates(), authority->roots(), kNow));
}

class AuthenticatorFixture : public testing::Test {
 protected:
  AuthenticatorFixture()
      : issuer_(*crypto::TokenIssuer::open_or_create(directory_.path())),
        authenticator_({{"istio-ca"}, std::string(crypto::kTokenIssuer)}, issuer_.key_set(),
                       [] { return std::vector<std::string>{"cluster.local"}; }) {}

  static crypto::ServiceAccountClaims claims() {
    crypto::ServiceAccountClaims out;
    out.name_space = "weft-system";
    out.service_account = "weft-dataplane";
    out.pod_name = "agent";
    out.pod_uid = "uid-agent";
    out.node_name = "node-a";
    out.issued_at = kNow;
    out.expires = kNow + 3600;
    return out;
  }
  std::string judged(const std::string& token, std::int64_t now = kNow) {
    const auto caller = authenticator_.by_token(token, now);
    return caller ? caller->account() + " on " + caller->node_name : caller.error();
  }

  TemporaryDirectory directory_;
  crypto::TokenIssuer issuer_;
  Authenticator authenticator_;
};

TEST_F(AuthenticatorFixture, AGoodTokenNamesAccountAndNode) {
  EXPECT_EQ(judged(*issuer_.sign(claims())), "weft-system/weft-dataplane on node-a");
}

TEST_F(AuthenticatorFixture, ExpiredWrongAudienceAndForgedTokensAreRefusedByName) {
  EXPECT_NE(judged(*issuer_.sign(claims()), kNow + 7200).find("token expired"), std::string::npos);
  auto other = claims();
  other.audiences = {"kube-apiserver"};
  EXPECT_NE(judged(*issuer_.sign(other)).find("wrong audience"), std::string::npos);
  TemporaryDirectory elsewhere;
  const auto forger = *crypto::TokenIssuer::open_or_create(elsewhere.path());
  EXPECT_NE(judged(*forger.sign(claims())).find("unknown key"), std::string::npos);
  EXPECT_NE(judged("a.b.c").find("malformed"), std::string::npos);
  std::string changed = *issuer_.sign(claims());
  changed[changed.size() - 5] = changed[changed.size() - 5] == 'A' ? 'B' : 'A';
  EXPECT_NE(judged(changed).find("bad signature"), std::string::npos);
}

TEST_F(AuthenticatorFixture, TheKeySurvives) {
  const std::string token = *issuer_.sign(claims());
  const auto again = crypto::TokenIssuer::open(directory_.path());
  ASSERT_TRUE(again);
  EXPECT_TRUE(crypto::verify_jwt(token, again->key_set(), {{"istio-ca"}, "", kNow, 0}));
}

TEST_F(SignerFixture, CertificatesProveOneSpiffeIdOfTheMesh) {
  const Authenticator authenticator({}, {}, [] { return std::vector<std::string>{"cluster.local"}; });
  const auto chain = signer_->sign(node_agent("node-a"), request(kWeb), kNow);
  ASSERT_TRUE(chain);
  EXPECT_EQ(authenticator.by_certificate(chain->pems[0])->account(), "shop/web");
  const auto server = authority_->sign_server(key_.public_key(), {"x.svc"}, 3600, kNow);
  EXPECT_NE(authenticator.by_certificate(server->pem()).error().find("0 URI SANs"), std::string::npos);
  const auto foreign = authority_->sign_workload(key_.public_key(), "spiffe://else/ns/a/sa/b", 3600, kNow);
  EXPECT_NE(authenticator.by_certificate(foreign->pem()).error().find("'else'"), std::string::npos);
}

}  // namespace
}  // namespace weft::controlplane
