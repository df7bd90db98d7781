#include "crypto/credentials.h"

#include "crypto/credentials_impl.h"
#include "crypto/openssl_support.h"

namespace weft::crypto {

namespace {

using std::unexpected;
using Bundles = std::map<std::string, std::vector<Certificate>, std::less<>>;

std::expected<Bundles, std::string> parse_bundles(const std::map<std::string, std::string>& pems) {
  Bundles bundles;
  for (const auto& [domain, pem] : pems) {
    auto roots = Certificate::all_from_pem(pem);
    if (!roots) return unexpected("trust bundle of " + domain + ": " + roots.error());
    bundles.emplace(domain, std::move(*roots));
  }
  if (bundles.empty()) return unexpected("no trust bundle");
  return bundles;
}

}  // namespace

std::string_view trust_domain_of(std::string_view uri) {
  constexpr std::string_view kScheme = "spiffe://";
  if (!uri.starts_with(kScheme)) return {};
  uri.remove_prefix(kScheme.size());
  return uri.substr(0, uri.find('/'));
}

Credentials::Credentials() = default;
Credentials::~Credentials() = default;

std::expected<std::shared_ptr<const Credentials>, std::string> Credentials::from_pem(const CredentialsPem& pem) {
  auto chain = Certificate::all_from_pem(pem.certificate_chain);
  if (!chain) return unexpected("certificate chain: " + chain.error());
  auto key = PrivateKey::from_pem(pem.private_key);
  if (!key) return unexpected("private key: " + key.error());
  if (!key_matches(chain->front(), *key)) return unexpected("private key does not belong to the certificate");
  const auto& uris = chain->front().info().uri_sans;
  if (uris.empty() || trust_domain_of(uris.front()).empty()) return unexpected("certificate has no SPIFFE URI SAN");
  auto bundles = parse_bundles(pem.trust_bundles);
  if (!bundles) return unexpected(bundles.error());

  std::shared_ptr<Credentials> made(new Credentials);
  made->chain_ = std::move(*chain);
  made->bundles_ = std::move(*bundles);
  std::string der = key->der();
  auto contexts = make_contexts(made->chain_, as_bytes(der));
  OPENSSL_cleanse(der.data(), der.size());
  if (!contexts) return unexpected(contexts.error());
  made->contexts_ = std::move(*contexts);
  made->trust_ = make_trust(*made);
  return made;
}

}  // namespace weft::crypto
