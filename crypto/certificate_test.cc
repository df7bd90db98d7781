#include "crypto/certificate.h"

#include <gtest/gtest.h>

#include "crypto/credentials.h"
#include "crypto/test_mesh.h"

namespace weft::crypto {
namespace {

constexpr std::int64_t kNow = TestMesh::kNow;

TEST(Certificate, LeafSaysWhatItWasSignedWith) {
  TestMesh mesh;
  LeafTemplate leaf = mesh.leaf("web");
  leaf.dns_sans = {"web.default.svc"};
  leaf.serial = {0x01, 0xab, 0xcd};
  const auto workload = mesh.workload(leaf);
  const auto& info = workload.certificate.info();
  EXPECT_EQ(info.uri_sans, std::vector<std::string>{"spiffe://cluster.local/ns/default/sa/web"});
  EXPECT_EQ(info.dns_sans, std::vector<std::string>{"web.default.svc"});
  EXPECT_EQ(info.serial, "1abcd");
  EXPECT_EQ(info.not_before, kNow - 1800);
  EXPECT_EQ(info.not_after, kNow + 1800);
  EXPECT_EQ(info.subject, "");
  EXPECT_EQ(info.issuer, "O=cluster.local");
  EXPECT_FALSE(info.is_ca);
  EXPECT_TRUE(mesh.root().info().is_ca);
  EXPECT_TRUE(key_matches(workload.certificate, workload.key));
  EXPECT_FALSE(key_matches(mesh.root(), workload.key));
}

TEST(Certificate, TravelsAsPemAndDer) {
  TestMesh mesh;
  const auto web = mesh.workload("web").certificate;
  EXPECT_EQ(Certificate::from_pem(web.pem())->info().fingerprint, web.info().fingerprint);
  EXPECT_EQ(Certificate::from_der(as_bytes(web.der()))->info().fingerprint, web.info().fingerprint);
  const auto chain = Certificate::all_from_pem("# text before\n" + web.pem() + mesh.root().pem());
  ASSERT_TRUE(chain.has_value()) << chain.error();
  EXPECT_EQ(chain->size(), 2u);
}

TEST(Certificate, RefusesWhatIsNoCertificate) {
  TestMesh mesh;
  EXPECT_EQ(Certificate::all_from_pem("").error(), "no PEM certificate");
  EXPECT_EQ(Certificate::all_from_pem(mesh.root_key().pem()).error(),
            "PEM block 1 is a PRIVATE KEY, not a certificate");
  std::string cut = mesh.root().pem();
  cut.resize(cut.size() / 2);
  EXPECT_FALSE(Certificate::all_from_pem(mesh.root().pem() + cut).has_value());
  EXPECT_FALSE(Certificate::from_der(as_bytes(mesh.root().der() + "x")).has_value());
}

TEST(CertificateRequest, CarriesKeyAndWishes) {
  const auto key = PrivateKey::generate_p256().value();
  const std::string pem = make_csr(key, "spiffe://cluster.local/ns/a/sa/b").value();
  const auto request = CertificateRequest::from_pem(pem);
  ASSERT_TRUE(request.has_value()) << request.error();
  EXPECT_EQ(request->uri_sans(), std::vector<std::string>{"spiffe://cluster.local/ns/a/sa/b"});
  EXPECT_EQ(request->public_key().der(), key.public_key().der());
  EXPECT_TRUE(CertificateRequest::from_pem(make_csr(key, "").value())->uri_sans().empty());
}

TEST(CertificateRequest, RefusesABrokenSelfSignature) {
  const auto key = PrivateKey::generate_p256().value();
  std::string pem = make_csr(key, "spiffe://cluster.local/ns/a/sa/b").value();
  // One letter of the SPIFFE ID, somewhere in the middle of the body.
  const std::size_t at = pem.find('\n', 60) + 20;
  pem[at] = pem[at] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(CertificateRequest::from_pem(pem).has_value());
  EXPECT_FALSE(CertificateRequest::from_pem("garbage").has_value());
}

TEST(CertificateAuthority, RefusesWhatItMustNotSign) {
  TestMesh mesh;
  const auto web = mesh.workload("web");
  const auto sign = [&](LeafTemplate leaf) {
    return sign_certificate(mesh.root(), mesh.root_key(), web.key.public_key(), leaf).error();
  };
  LeafTemplate leaf = mesh.leaf("x");
  leaf.uri_sans.clear();
  EXPECT_EQ(sign(leaf), "certificate without any SAN");
  leaf = mesh.leaf("x");
  leaf.not_after = leaf.not_before;
  EXPECT_EQ(sign(leaf), "certificate lifetime is empty");
  leaf.not_after = mesh.root().info().not_after + 1;
  EXPECT_EQ(sign(leaf), "certificate would outlive its issuer");
  EXPECT_EQ(sign_certificate(web.certificate, web.key, web.key.public_key(), mesh.leaf("x")).error(),
            "issuer is not a CA certificate");
  EXPECT_EQ(sign_certificate(mesh.root(), web.key, web.key.public_key(), mesh.leaf("x")).error(),
            "signing key does not belong to the issuer certificate");
}

TEST(VerifyChain, SaysWhy) {
  TestMesh mesh, other("other.mesh");
  const auto web = mesh.workload("web").certificate;
  EXPECT_TRUE(verify_chain(web, {}, {mesh.root()}, kNow).has_value());
  EXPECT_EQ(verify_chain(web, {}, {mesh.root()}, kNow + 1801).error(), "certificate has expired (depth 0)");
  EXPECT_EQ(verify_chain(web, {}, {mesh.root()}, kNow - 1801).error(), "certificate is not yet valid (depth 0)");
  EXPECT_EQ(verify_chain(web, {}, {other.root()}, kNow).error(), "unable to get local issuer certificate (depth 0)");
}

TEST(VerifyChain, ThroughAnIntermediate) {
  TestMesh mesh;
  LeafTemplate ca;
  ca.organization = "intermediate";
  ca.is_ca = true;
  ca.not_before = kNow - 3600;
  ca.not_after = kNow + 7200;
  const auto intermediate = mesh.workload(ca);
  const auto key = PrivateKey::generate_p256().value();
  const auto leaf =
      sign_certificate(intermediate.certificate, intermediate.key, key.public_key(), mesh.leaf("web")).value();
  EXPECT_FALSE(verify_chain(leaf, {}, {mesh.root()}, kNow).has_value());
  EXPECT_TRUE(verify_chain(leaf, {intermediate.certificate}, {mesh.root()}, kNow).has_value());
}

TEST(Credentials, RefusesWhatDoesNotFit) {
  TestMesh mesh;
  const auto web = mesh.workload("web"), other = mesh.workload("other");
  const std::map<std::string, std::string> bundles = {{"cluster.local", mesh.root().pem()}};
  EXPECT_EQ(Credentials::from_pem({web.certificate.pem(), other.key.pem(), bundles}).error(),
            "private key does not belong to the certificate");
  EXPECT_EQ(Credentials::from_pem({web.certificate.pem(), web.key.pem(), {}}).error(), "no trust bundle");
  EXPECT_EQ(Credentials::from_pem({"", web.key.pem(), bundles}).error(), "certificate chain: no PEM certificate");
  LeafTemplate dns;
  dns.dns_sans = {"x.y"};
  dns.not_before = kNow - 1;
  dns.not_after = kNow + 1;
  const auto no_uri = mesh.workload(dns);
  EXPECT_EQ(Credentials::from_pem({no_uri.certificate.pem(), no_uri.key.pem(), bundles}).error(),
            "certificate has no SPIFFE URI SAN");
  EXPECT_EQ(mesh.credentials(web)->identity(), "spiffe://cluster.local/ns/default/sa/web");
}

TEST(TrustDomain, OfASpiffeId) {
  EXPECT_EQ(trust_domain_of("spiffe://td/ns/x"), "td");
  EXPECT_EQ(trust_domain_of("https://td/ns/x"), "");
  EXPECT_EQ(trust_domain_of(""), "");
}

}  // namespace
}  // namespace weft::crypto
