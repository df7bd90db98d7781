// Tokens with the claims of a Kubernetes bound service-account token, made and judged with a key of
// our own: what a node agent proves itself with where no Kubernetes API issues them. The same
// claims are read from a token of Kubernetes.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/jwt.h"

namespace weft::crypto {

inline constexpr std::string_view kTokenAudience = "istio-ca";
inline constexpr std::string_view kTokenIssuer = "weft-controlplane";

struct ServiceAccountClaims {
  std::string name_space;
  std::string service_account;
  std::string pod_name;  // empty: the token is bound to no pod
  std::string pod_uid;
  std::string node_name;
  std::vector<std::string> audiences{std::string(kTokenAudience)};
  std::string issuer{kTokenIssuer};
  std::int64_t issued_at = 0;  // unix_seconds
  std::int64_t expires = 0;    // unix_seconds
};

// The payload as Kubernetes writes it: sub "system:serviceaccount:NS:SA", claim "kubernetes.io" with namespace,
// serviceaccount, pod, node.
std::string token_payload(const ServiceAccountClaims& claims);

// Error: a claim that an account's token always has is absent, or the subject names another account.
std::expected<ServiceAccountClaims, std::string> read_service_account_claims(const JwtClaims& claims);

// The key that signs tokens, kept as `token-key.pem` (mode 0600) in the control plane's CA directory. Its key id is the
// key's RFC 7638 thumbprint.
class TokenIssuer {
 public:
  static constexpr std::string_view kFileName = "token-key.pem";

  // Reads the key, or makes and stores one where there is none. Error: a sentence that names the file.
  static std::expected<TokenIssuer, std::string> open_or_create(const std::string& ca_directory);
  // Reads an existing key only: what the operator's tool does.
  static std::expected<TokenIssuer, std::string> open(const std::string& ca_directory);

  std::expected<std::string, std::string> sign(const ServiceAccountClaims& claims) const;
  JwtKeySet key_set() const;

 private:
  explicit TokenIssuer(PrivateKey key);
  PrivateKey key_;
  std::string key_id_;
};

}  // namespace weft::crypto
