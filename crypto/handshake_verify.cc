// Who the peer is: chain against its trust domain's roots, validity, purpose, and the expected SPIFFE ID.
#include "crypto/handshake_impl.h"

namespace weft::crypto {

using namespace detail;

namespace {

// A verdict, and the X.509 error from which OpenSSL derives the alert.
struct Refusal {
  TlsFailure failure = TlsFailure::kNone;
  int x509_error = X509_V_OK;
  std::string text;
};

TlsFailure failure_of(int x509_error) {
  switch (x509_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return TlsFailure::kPeerCertificateExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return TlsFailure::kPeerCertificateNotYetValid;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return TlsFailure::kPeerUnknownCa;
    default: return TlsFailure::kPeerBadCertificate;
  }
}

std::string describe(const CertificateInfo& info) {
  return (info.uri_sans.empty() ? info.subject : info.uri_sans.front()) + " (serial " + info.serial + ")";
}

Refusal check_chain(const Handshake::Impl& handshake, X509_STORE_CTX* offered, X509_STORE* store,
                    const CertificateInfo& info) {
  X509StoreContextPtr context(X509_STORE_CTX_new());
  if (!context || X509_STORE_CTX_init(context.get(), store, X509_STORE_CTX_get0_cert(offered),
                                      X509_STORE_CTX_get0_untrusted(offered)) != 1) {
    return {TlsFailure::kPeerBadCertificate, X509_V_ERR_OUT_OF_MEM, "cannot verify: " + take_error()};
  }
  const bool peer_is_client = handshake.role == Handshake::Role::kServer;
  X509_STORE_CTX_set_default(context.get(), peer_is_client ? "ssl_client" : "ssl_server");
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_CTX_set_time(context.get(), 0, handshake.unix_seconds);
  const bool good = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (good) return {};
  const int error = X509_STORE_CTX_get_error(context.get());
  return {failure_of(error), error,
          std::string(X509_verify_cert_error_string(error)) + " at depth " +
              std::to_string(X509_STORE_CTX_get_error_depth(context.get())) + ": " + describe(info)};
}

Refusal check_identity(const TlsSettings& settings, const std::string& identity) {
  if (settings.peer_sans.empty()) return {};
  std::string expected;
  for (const SanMatcher& matcher : settings.peer_sans) {
    if (matcher.matches(identity)) return {};
    if (!expected.empty()) expected += ", ";
    expected += matcher.to_string();
  }
  return {TlsFailure::kPeerSanMismatch, X509_V_ERR_CERT_REJECTED, identity + " is none of: " + expected};
}

Refusal judge(const Handshake::Impl& handshake, X509_STORE_CTX* offered, const CertificateInfo& info) {
  if (info.uri_sans.empty() || trust_domain_of(info.uri_sans.front()).empty()) {
    return {TlsFailure::kPeerNoUriSan, X509_V_ERR_CERT_REJECTED, describe(info)};
  }
  // SPIFFE X.509-SVID section 2: exactly one URI SAN.
  if (info.uri_sans.size() != 1) {
    return {TlsFailure::kPeerBadCertificate, X509_V_ERR_CERT_REJECTED, "more than one URI SAN: " + describe(info)};
  }
  const std::string_view domain = trust_domain_of(info.uri_sans.front());
  const auto& stores = handshake.credentials->contexts().stores;
  const auto store = stores.find(domain);
  if (store == stores.end()) {
    return {TlsFailure::kPeerOtherTrustDomain, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, describe(info)};
  }
  Refusal refusal = check_chain(handshake, offered, store->second.get(), info);
  if (refusal.failure != TlsFailure::kNone) return refusal;
  return check_identity(handshake.settings, info.uri_sans.front());
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

}  // namespace

bool SanMatcher::matches(std::string_view san) const {
  switch (kind) {
    case Kind::kExact: return san == value;
    case Kind::kPrefix: return san.starts_with(value);
    case Kind::kSuffix: return san.ends_with(value);
    case Kind::kContains: return san.find(value) != std::string_view::npos;
  }
  return false;
}

std::string SanMatcher::to_string() const {
  static constexpr std::string_view kNames[] = {"exact ", "prefix ", "suffix ", "contains "};
  return std::string(kNames[static_cast<std::size_t>(kind)]) + value;
}

int verify_peer(X509_STORE_CTX* context, void*) {
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  Handshake::Impl& handshake = *impl_of(ssl);
  X509* leaf = X509_STORE_CTX_get0_cert(context);
  X509_up_ref(leaf);
  const Certificate certificate = Certificate::adopt(leaf);
  Refusal refusal = judge(handshake, context, certificate.info());
  X509_STORE_CTX_set_error(context, refusal.x509_error);
  if (refusal.failure != TlsFailure::kNone) {
    handshake.verify_failure = refusal.failure;
    handshake.verify_error = std::move(refusal.text);
    return 0;
  }
  handshake.outcome.peer = peer_of(certificate.info());
  return 1;
}

}  // namespace weft::crypto
