// Finds out who calls: by its mesh certificate, else by a token of the trusted issuer.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/ca/signer.h"
#include "controlplane/ca/caller.h"
#include "crypto/jwt.h"

namespace weft::controlplane {

struct AuthenticatorOptions {
  std::vector<std::string> audiences{"istio-ca"};
  std::string issuer;
};

class Authenticator {
 public:
  // `trust_domains`: of the mesh, its own first. Any thread may call what follows.
  using TrustDomains = std::function<std::vector<std::string>()>;
  Authenticator(AuthenticatorOptions options, crypto::JwtKeySet keys, TrustDomains trust_domains);

  // The leaf of a verified chain: exactly one URI SAN, a SPIFFE ID of this mesh.
  std::expected<Caller, std::string> by_certificate(std::string_view pem) const;
  std::expected<Caller, std::string> by_token(std::string_view token, std::int64_t unix_seconds) const;
  // From a gRPC call; see Authenticate.
  std::expected<std::optional<Caller>, std::string> of_call(const grpc::ServerContextBase& context) const;

 private:
  AuthenticatorOptions options_;
  crypto::JwtKeySet keys_;
  TrustDomains trust_domains_;
};

}  // namespace weft::controlplane
