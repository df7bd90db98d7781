// X.509 certificates, keys, signing requests, and the primitives of a certificate authority.
//
// Values, immutable once made, cheap to copy (shared inside), usable from any thread. Errors are sentences for people.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

struct x509_st;      // OpenSSL's X509
struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace weft::crypto {

using Fingerprint = std::array<std::uint8_t, 32>;  // SHA-256 of the DER form

struct CertificateInfo {
  std::string subject;  // RFC 2253 form: "CN=x,O=y"
  std::string issuer;
  std::string serial;  // lower-case hex without leading zeros
  std::vector<std::string> uri_sans;
  std::vector<std::string> dns_sans;
  std::int64_t not_before = 0;  // unix_seconds
  std::int64_t not_after = 0;   // unix_seconds, inclusive
  bool is_ca = false;
  Fingerprint fingerprint{};
};

std::string to_hex(ByteSpan bytes);

class Certificate {
 public:
  static std::expected<Certificate, std::string> from_der(ByteSpan der);
  // Exactly the first certificate of the text.
  static std::expected<Certificate, std::string> from_pem(std::string_view pem);
  // All certificates of the text, at least one, in order; other PEM blocks are an error.
  static std::expected<std::vector<Certificate>, std::string> all_from_pem(std::string_view pem);

  const CertificateInfo& info() const { return *info_; }
  std::string der() const;
  std::string pem() const;
  x509_st* native() const { return native_.get(); }

  // For code of this room: takes over one reference.
  static Certificate adopt(x509_st* native);

 private:
  std::shared_ptr<x509_st> native_;
  std::shared_ptr<const CertificateInfo> info_;
};

class PublicKey {
 public:
  // SubjectPublicKeyInfo.
  static std::expected<PublicKey, std::string> from_der(ByteSpan spki);
  static std::expected<PublicKey, std::string> from_pem(std::string_view pem);
  static PublicKey of(const Certificate& certificate);

  std::string der() const;
  std::string pem() const;
  evp_pkey_st* native() const { return native_.get(); }
  static PublicKey adopt(evp_pkey_st* native);

 private:
  std::shared_ptr<evp_pkey_st> native_;
};

class PrivateKey {
 public:
  static std::expected<PrivateKey, std::string> generate_p256();
  // PKCS#8 or traditional (EC, RSA), unencrypted.
  static std::expected<PrivateKey, std::string> from_pem(std::string_view pem);

  std::string pem() const;  // PKCS#8
  std::string der() const;  // PKCS#8
  PublicKey public_key() const;
  evp_pkey_st* native() const { return native_.get(); }
  static PrivateKey adopt(evp_pkey_st* native);

 private:
  std::shared_ptr<evp_pkey_st> native_;
};

// A PKCS#10 request whose self-signature has been verified: the requester holds the key.
class CertificateRequest {
 public:
  static std::expected<CertificateRequest, std::string> from_pem(std::string_view pem);
  static std::expected<CertificateRequest, std::string> from_der(ByteSpan der);

  const PublicKey& public_key() const { return key_; }
  // What the request asks for. The signer decides; it never copies these.
  const std::vector<std::string>& uri_sans() const { return uri_sans_; }
  const std::vector<std::string>& dns_sans() const { return dns_sans_; }

 private:
  PublicKey key_;
  std::vector<std::string> uri_sans_;
  std::vector<std::string> dns_sans_;
};

// A request in PEM with one URI SAN, or none when `spiffe_id` is empty.
std::expected<std::string, std::string> make_csr(const PrivateKey& key, std::string_view spiffe_id);

struct RootTemplate {
  std::string organization;
  std::int64_t not_before = 0;
  std::int64_t not_after = 0;
};
std::expected<Certificate, std::string> self_signed_root(const PrivateKey& key, const RootTemplate& root);

struct LeafTemplate {
  std::vector<std::string> uri_sans;
  std::vector<std::string> dns_sans;
  std::string organization;              // subject O; empty: empty subject and a critical SAN, as RFC 5280 wants
  std::int64_t not_before = 0;           // unix_seconds
  std::int64_t not_after = 0;
  std::vector<std::uint8_t> serial;      // positive, at most 20 bytes; empty: 128 random bits
  bool is_ca = false;                    // an intermediate instead of a leaf
};
// Refuses: a key that is not the issuer's, an issuer that is no CA, a template without any SAN (unless CA), an
// empty or reversed lifetime, and a lifetime that ends after the issuer's.
std::expected<Certificate, std::string> sign_certificate(const Certificate& issuer, const PrivateKey& issuer_key,
                                                         const PublicKey& subject, const LeafTemplate& leaf);

// True when `key` is the private half of the certificate's key.
bool key_matches(const Certificate& certificate, const PrivateKey& key);

// Leaf through `intermediates` to one of `roots` at that time. The error is precise: expired, unknown CA, ...
std::expected<void, std::string> verify_chain(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                                              const std::vector<Certificate>& roots, std::int64_t unix_seconds);

}  // namespace weft::crypto
