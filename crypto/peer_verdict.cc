// Chain against its trust domain's roots, validity, purpose, and the expected SPIFFE ID.
#include "crypto/peer_verdict.h"

#include <algorithm>
#include <vector>

#include "crypto/credentials_impl.h"
#include "crypto/digest.h"
#include "crypto/openssl_support.h"
#include "crypto/verified_peers.h"

namespace weft::crypto {

using namespace detail;

struct Credentials::Trust {
  std::map<std::string, X509StorePtr, std::less<>> stores;  // by trust domain
  mutable VerifiedPeers verified{4096};
};

namespace {

using std::unexpected;
using Role = Handshake::Role;

// RFC 8446 section 6.2.
constexpr std::uint8_t kInternalError = 80;
constexpr std::uint8_t kBadCertificate = 42;
constexpr std::uint8_t kUnsupportedCertificate = 43;
constexpr std::uint8_t kCertificateExpired = 45;
constexpr std::uint8_t kCertificateUnknown = 46;
constexpr std::uint8_t kUnknownCa = 48;
constexpr std::uint8_t kDecryptError = 51;

TlsFailure failure_of(int x509_error) {
  switch (x509_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return TlsFailure::kPeerCertificateExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return TlsFailure::kPeerCertificateNotYetValid;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return TlsFailure::kPeerUnknownCa;
    default:
      return TlsFailure::kPeerBadCertificate;
  }
}

// The alert that OpenSSL's own handshakes send for it.
std::uint8_t alert_for(int x509_error) {
  switch (x509_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return kCertificateExpired;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_INVALID_CA:
      return kUnknownCa;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return kDecryptError;
    case X509_V_ERR_INVALID_PURPOSE:
      return kUnsupportedCertificate;
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_REJECTED:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
    case X509_V_ERR_EC_KEY_EXPLICIT_PARAMS:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
    case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
      return kBadCertificate;
    case X509_V_ERR_OUT_OF_MEM:
    case X509_V_ERR_STORE_LOOKUP:
    case X509_V_ERR_UNSPECIFIED:
      return kInternalError;
    default:
      return kCertificateUnknown;
  }
}

PeerVerdict refuse(TlsFailure failure, int x509_error, std::string text) {
  return {failure, alert_for(x509_error), std::move(text), {}};
}

std::string describe(const CertificateInfo& info) {
  return (info.uri_sans.empty() ? info.subject : info.uri_sans.front()) + " (serial " +
         info.serial + ")";
}

X509StorePtr store_of(const std::vector<Certificate>& roots) {
  X509StorePtr store(X509_STORE_new());
  for (const Certificate& root : roots) X509_STORE_add_cert(store.get(), root.native());
  // An intermediate in the bundle is trusted by itself, as Envoy's trusted_ca does.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  ERR_clear_error();
  return store;
}

// The chain as sent, for this purpose.
Fingerprint key_of(const PeerQuestion& question) {
  std::vector<std::uint8_t> bytes = {static_cast<std::uint8_t>(question.role)};
  for (const ByteSpan certificate : question.sent) {
    bytes.resize(bytes.size() + 4);
    store_be32(bytes.data() + bytes.size() - 4, static_cast<std::uint32_t>(certificate.size()));
    bytes.insert(bytes.end(), certificate.begin(), certificate.end());
  }
  return sha256(bytes);
}

PeerCertificate peer_of(const CertificateInfo& info) {
  PeerCertificate peer;
  peer.uri_san = info.uri_sans.front();
  peer.dns_sans = info.dns_sans;
  peer.subject = info.subject;
  peer.serial = info.serial;
  peer.not_before = info.not_before;
  peer.not_after = info.not_after;
  peer.fingerprint = info.fingerprint;
  return peer;
}

using Parsed = std::expected<std::vector<Certificate>, std::string>;

Parsed parse(std::span<const ByteSpan> sent) {
  std::vector<Certificate> chain;
  for (const ByteSpan der : sent) {
    auto certificate = Certificate::from_der(der);
    if (!certificate) return unexpected(std::move(certificate.error()));
    chain.push_back(std::move(*certificate));
  }
  if (chain.empty()) return unexpected("empty certificate list");
  return chain;
}

using Checked = std::expected<std::shared_ptr<const VerifiedPeer>, PeerVerdict>;

// From the leaf to a root of `store`, at that time. The chain found may hold other certificates
// than the chain sent.
Checked check_chain(const PeerQuestion& question, const std::vector<Certificate>& chain,
                    X509_STORE* store) {
  const CertificateInfo& info = chain.front().info();
  CertificateStackPtr untrusted(sk_X509_new_null());
  for (const Certificate& certificate : std::span(chain).subspan(1)) {
    sk_X509_push(untrusted.get(), certificate.native());
  }
  X509StoreContextPtr context(X509_STORE_CTX_new());
  if (!context ||
      X509_STORE_CTX_init(context.get(), store, chain.front().native(), untrusted.get()) != 1) {
    return unexpected(refuse(TlsFailure::kPeerBadCertificate, X509_V_ERR_OUT_OF_MEM,
                             "cannot verify: " + take_error()));
  }
  X509_STORE_CTX_set_default(context.get(),
                             question.role == Role::kServer ? "ssl_client" : "ssl_server");
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_CTX_set_time(context.get(), 0, question.unix_seconds);
  const bool good = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (!good) {
    const int error = X509_STORE_CTX_get_error(context.get());
    return unexpected(refuse(failure_of(error), error,
                             std::string(X509_verify_cert_error_string(error)) + " at depth " +
                                 std::to_string(X509_STORE_CTX_get_error_depth(context.get())) +
                                 ": " + describe(info)));
  }
  auto verified =
      std::make_shared<VerifiedPeer>(VerifiedPeer{peer_of(info), info.not_before, info.not_after});
  const STACK_OF(X509)* found = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 1; i < sk_X509_num(found); ++i) {
    const X509* above = sk_X509_value(found, i);
    verified->valid_from = std::max(verified->valid_from, unix_time(X509_get0_notBefore(above)));
    verified->valid_until = std::min(verified->valid_until, unix_time(X509_get0_notAfter(above)));
  }
  return verified;
}

Checked verify(const PeerQuestion& question, const Credentials::Trust& trust) {
  const Parsed chain = parse(question.sent);
  if (!chain)
    return unexpected(
        refuse(TlsFailure::kPeerBadCertificate, X509_V_ERR_CERT_REJECTED, chain.error()));
  const CertificateInfo& info = chain->front().info();
  if (info.uri_sans.empty() || trust_domain_of(info.uri_sans.front()).empty()) {
    return unexpected(refuse(TlsFailure::kPeerNoUriSan, X509_V_ERR_CERT_REJECTED, describe(info)));
  }
  // SPIFFE X.509-SVID section 2: exactly one URI SAN.
  if (info.uri_sans.size() != 1) {
    return unexpected(refuse(TlsFailure::kPeerBadCertificate, X509_V_ERR_CERT_REJECTED,
                             "more than one URI SAN: " + describe(info)));
  }
  const auto store = trust.stores.find(trust_domain_of(info.uri_sans.front()));
  if (store == trust.stores.end()) {
    return unexpected(refuse(TlsFailure::kPeerOtherTrustDomain,
                             X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, describe(info)));
  }
  return check_chain(question, *chain, store->second.get());
}

// Empty: `identity` is one that is expected, or all are.
std::string unexpected_identity(const std::vector<SanMatcher>& matchers,
                                const std::string& identity) {
  if (matchers.empty()) return {};
  std::string expected;
  for (const SanMatcher& matcher : matchers) {
    if (matcher.matches(identity)) return {};
    if (!expected.empty()) expected += ", ";
    expected += matcher.to_string();
  }
  return identity + " is none of: " + expected;
}

}  // namespace

std::shared_ptr<const Credentials::Trust> make_trust(const Credentials& credentials) {
  auto trust = std::make_shared<Credentials::Trust>();
  for (const auto& [domain, roots] : credentials.trust_bundles())
    trust->stores.emplace(domain, store_of(roots));
  return trust;
}

bool SanMatcher::matches(std::string_view san) const {
  switch (kind) {
    case Kind::kExact:
      return san == value;
    case Kind::kPrefix:
      return san.starts_with(value);
    case Kind::kSuffix:
      return san.ends_with(value);
    case Kind::kContains:
      return san.find(value) != std::string_view::npos;
  }
  return false;
}

std::string SanMatcher::to_string() const {
  static constexpr std::string_view kNames[] = {"exact ", "prefix ", "suffix ", "contains "};
  return std::string(kNames[static_cast<std::size_t>(kind)]) + value;
}

PeerVerdict judge_peer(const PeerQuestion& question) {
  const Credentials::Trust& trust = question.ours.trust();
  const Fingerprint key = key_of(question);
  auto known = trust.verified.find(key, question.unix_seconds);
  if (!known) {
    Checked checked = verify(question, trust);
    if (!checked) return std::move(checked.error());
    known = std::move(*checked);
    trust.verified.keep(key, known);
  }
  std::string why = unexpected_identity(question.expected, known->peer.uri_san);
  if (!why.empty())
    return refuse(TlsFailure::kPeerSanMismatch, X509_V_ERR_CERT_REJECTED, std::move(why));
  return {TlsFailure::kNone, 0, {}, known->peer};
}

}  // namespace weft::crypto
