#include "crypto/credentials.h"

#include "crypto/credentials_contexts.h"

namespace weft::crypto {

using namespace detail;

namespace {

using std::unexpected;
using Bundles = std::map<std::string, std::vector<Certificate>, std::less<>>;

// Empty on success.
std::string configure(SSL_CTX* context, const std::vector<Certificate>& chain, const PrivateKey& key) {
  if (SSL_CTX_use_certificate(context, chain.front().native()) != 1) return "certificate: " + take_error();
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain[i].native()) != 1) return "certificate chain: " + take_error();
  }
  if (SSL_CTX_use_PrivateKey(context, key.native()) != 1) return "private key: " + take_error();
  // As Envoy prefers them: AES-128 first, which is three quarters of AES-256's work; OpenSSL's own order is the other.
  if (SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") !=
      1) {
    return "cipher suites: " + take_error();
  }
  // The suites of TLS 1.2 that Envoy offers by default.
  if (SSL_CTX_set_cipher_list(context,
                              "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                              "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                              "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305") != 1) {
    return "cipher list: " + take_error();
  }
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  install_handshake_callbacks(context);
  return {};
}

X509StorePtr store_of(const std::vector<Certificate>& roots) {
  X509StorePtr store(X509_STORE_new());
  for (const Certificate& root : roots) X509_STORE_add_cert(store.get(), root.native());
  // An intermediate in the bundle is trusted by itself, as Envoy's trusted_ca does.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  ERR_clear_error();
  return store;
}

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

Credentials::Credentials() : contexts_(std::make_unique<Contexts>()) {}
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
  Contexts& contexts = *made->contexts_;
  for (const auto& [domain, roots] : made->bundles_) contexts.stores.emplace(domain, store_of(roots));
  contexts.client.reset(SSL_CTX_new(TLS_client_method()));
  contexts.server.reset(SSL_CTX_new(TLS_server_method()));
  for (SSL_CTX* context : {contexts.client.get(), contexts.server.get()}) {
    if (context == nullptr) return unexpected("OpenSSL context: " + take_error());
    if (std::string why = configure(context, made->chain_, *key); !why.empty()) return unexpected(std::move(why));
  }
  return made;
}

}  // namespace weft::crypto
