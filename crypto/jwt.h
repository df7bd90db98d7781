// JSON Web Tokens as Kubernetes issues them for service accounts: compact JWS (RFC 7515), RS256 and ES256 (RFC 7518).
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/certificate.h"

namespace weft::crypto {

// X(enumerator, text)
#define WEFT_JWT_FAILURES(X)                                            \
  X(kMalformed, "malformed token")                                      \
  X(kUnsupportedAlgorithm, "unsupported signature algorithm")           \
  X(kUnknownKey, "signed by an unknown key")                            \
  X(kBadSignature, "bad signature")                                     \
  X(kExpired, "token expired")                                          \
  X(kNotYetValid, "token not yet valid")                                \
  X(kWrongAudience, "wrong audience")                                   \
  X(kWrongIssuer, "wrong issuer")

enum class JwtFailure : std::uint8_t {
#define X(name, text) name,
  WEFT_JWT_FAILURES(X)
#undef X
};
std::string_view to_string(JwtFailure failure);

struct JwtError {
  JwtFailure failure;
  std::string text;  // a sentence with the particulars; never the token itself
};

// Keys by "kid". Immutable copies; any thread.
class JwtKeySet {
 public:
  // {"keys": [...]}; keys of kinds other than RSA and EC P-256 are skipped. Error: not a key set.
  static std::expected<JwtKeySet, std::string> from_jwks(std::string_view json);
  void add(std::string key_id, PublicKey key);
  // As a JWKS document, to be served or written to a file.
  std::string to_jwks() const;

  struct Entry {
    std::string key_id;
    PublicKey key;
  };
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

// RFC 7638 thumbprint: a key id that follows from the key.
std::string key_id_of(const PublicKey& key);

class JwtClaims {
 public:
  // Error: not a JSON object, or a registered claim of the wrong type.
  static std::expected<JwtClaims, std::string> parse(std::string_view json);

  std::string issuer;
  std::string subject;
  std::vector<std::string> audiences;
  std::optional<std::int64_t> expires;     // unix_seconds
  std::optional<std::int64_t> not_before;  // unix_seconds
  std::optional<std::int64_t> issued_at;   // unix_seconds
  std::string json;                        // all of it

  // A text claim by its path: text({"kubernetes.io", "serviceaccount", "name"}). nullopt: absent or not text.
  std::optional<std::string> text(std::initializer_list<std::string_view> path) const;
};

struct JwtExpectations {
  std::vector<std::string> audiences;  // any of; empty: not checked
  std::string issuer;                  // empty: not checked
  std::int64_t unix_seconds = 0;       // now
  std::int64_t leeway_seconds = 0;     // for clocks that differ
};

// A token without "exp" is refused as malformed.
std::expected<JwtClaims, JwtError> verify_jwt(std::string_view token, const JwtKeySet& keys,
                                              const JwtExpectations& expected);
// `claims_json`: the payload as is. ES256 for a P-256 key, RS256 for an RSA key.
std::expected<std::string, std::string> sign_jwt(const PrivateKey& key, std::string_view key_id,
                                                 std::string_view claims_json);

// base64url without padding (RFC 4648 section 5).
std::string base64url_encode(ByteSpan bytes);
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace weft::crypto
