// A workload's certificate and key as BoringSSL's contexts: suites, groups, versions.
#include "crypto/tls_contexts.h"

#include <array>
#include <vector>

namespace weft::crypto {

using namespace boring;

namespace {

using std::unexpected;
using Buffers = std::vector<bssl::UniquePtr<CRYPTO_BUFFER>>;

// The suites of TLS 1.2 that Envoy offers by default. Those of 1.3 are BoringSSL's: AES-128 first
// where the CPU has AES, which is three quarters of AES-256's work.
constexpr const char* kSuites12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// Envoy's two, and P-384 for peers that may use nothing else. BoringSSL's own list begins with a
// post-quantum hybrid, whose key share alone costs more than X25519's both halves.
constexpr std::array<std::uint16_t, 3> kGroups = {SSL_GROUP_X25519, SSL_GROUP_SECP256R1,
                                                  SSL_GROUP_SECP384R1};

// One copy of a certificate in the process, however many connections it came by.
CRYPTO_BUFFER_POOL* certificate_pool() {
  static CRYPTO_BUFFER_POOL* const pool = CRYPTO_BUFFER_POOL_new();
  return pool;
}

// What is sent: a self-signed root at the end is left out, the peer has it or does not trust it
// (RFC 8446 section 4.4.2), and each certificate costs the peer a parse.
Buffers sent_chain(std::span<const Certificate> chain) {
  Buffers buffers;
  for (const Certificate& certificate : chain) {
    const CertificateInfo& info = certificate.info();
    if (!buffers.empty() && info.is_ca && info.subject == info.issuer) continue;
    const std::string der = certificate.der();
    buffers.emplace_back(CRYPTO_BUFFER_new(as_bytes(der).data(), der.size(), certificate_pool()));
  }
  return buffers;
}

// Empty on success.
std::string configure(SSL_CTX* context, const Buffers& chain, EVP_PKEY* key) {
  std::vector<CRYPTO_BUFFER*> certificates;
  for (const auto& buffer : chain) certificates.push_back(buffer.get());
  SSL_CTX_set0_buffer_pool(context, certificate_pool());
  if (SSL_CTX_set_chain_and_key(context, certificates.data(), certificates.size(), key, nullptr) !=
      1) {
    return "certificate chain: " + take_error();
  }
  if (SSL_CTX_set_strict_cipher_list(context, kSuites12) != 1)
    return "cipher list: " + take_error();
  if (SSL_CTX_set1_group_ids(context, kGroups.data(), kGroups.size()) != 1)
    return "groups: " + take_error();
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
    return "versions: " + take_error();
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);  // but for those that resumption.cc lets
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  install_handshake_callbacks(context);
  return {};
}

}  // namespace

std::expected<std::shared_ptr<const Credentials::Contexts>, std::string> make_contexts(
    std::span<const Certificate> chain, ByteSpan key_der) {
  CBS input;
  CBS_init(&input, key_der.data(), key_der.size());
  const bssl::UniquePtr<EVP_PKEY> key(EVP_parse_private_key(&input));
  if (!key) return unexpected("private key: " + take_error());
  auto contexts = std::make_shared<Credentials::Contexts>();
  contexts->client.reset(SSL_CTX_new(TLS_with_buffers_method()));
  contexts->server.reset(SSL_CTX_new(TLS_with_buffers_method()));
  const Buffers buffers = sent_chain(chain);
  for (SSL_CTX* context : {contexts->client.get(), contexts->server.get()}) {
    if (context == nullptr) return unexpected("TLS context: " + take_error());
    if (std::string why = configure(context, buffers, key.get()); !why.empty())
      return unexpected(std::move(why));
  }
  configure_resumption(contexts->client.get(), contexts->server.get());
  return contexts;
}

}  // namespace weft::crypto
