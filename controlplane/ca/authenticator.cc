#include "controlplane/ca/authenticator.h"

#include <grpcpp/server_context.h>

#include <algorithm>
#include <ctime>

#include "crypto/certificate.h"
#include "crypto/service_account_token.h"

namespace weft::controlplane {
namespace {

std::string property(const grpc::ServerContextBase& context, const char* name) {
  const auto values = context.auth_context()->FindPropertyValues(name);
  return values.empty() ? "" : std::string(values.front().data(), values.front().size());
}

// "Bearer x" -> "x"; the scheme in any case (RFC 7235 section 2.1).
std::string_view bearer(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() < kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = header[i];
    if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != kScheme[i]) return {};
  }
  return header.substr(kScheme.size());
}

}  // namespace

Authenticator::Authenticator(AuthenticatorOptions options, crypto::JwtKeySet keys, TrustDomains trust_domains)
    : options_(std::move(options)), keys_(std::move(keys)), trust_domains_(std::move(trust_domains)) {}

std::expected<Caller, std::string> Authenticator::by_certificate(std::string_view pem) const {
  auto certificate = crypto::Certificate::from_pem(pem);
  if (!certificate) return std::unexpected("client certificate: " + certificate.error());
  const std::vector<std::string>& uris = certificate->info().uri_sans;
  if (uris.size() != 1) {
    return std::unexpected("client certificate has " + std::to_string(uris.size()) + " URI SANs, not one");
  }
  auto id = SpiffeId::parse(uris.front());
  if (!id) return std::unexpected("client certificate: " + id.error());
  const std::vector<std::string> domains = trust_domains_();
  if (std::find(domains.begin(), domains.end(), id->trust_domain) == domains.end()) {
    return std::unexpected("client certificate of trust domain '" + id->trust_domain + "', which is not the mesh's");
  }
  return Caller{Caller::Proof::kCertificate, id->trust_domain, id->name_space, id->service_account, {}, {}, {}};
}

std::expected<Caller, std::string> Authenticator::by_token(std::string_view token, std::int64_t now) const {
  auto verified = crypto::verify_jwt(token, keys_, {options_.audiences, options_.issuer, now, 0});
  if (!verified) {
    return std::unexpected("token: " + std::string(to_string(verified.error().failure)) + ": " +
                           verified.error().text);
  }
  auto claims = crypto::read_service_account_claims(*verified);
  if (!claims) return std::unexpected("token: " + claims.error());
  return Caller{Caller::Proof::kToken, {},           claims->name_space, claims->service_account,
                claims->pod_name,      claims->pod_uid, claims->node_name};
}

std::expected<std::optional<Caller>, std::string> Authenticator::of_call(
    const grpc::ServerContextBase& context) const {
  const std::string transport = property(context, "transport_security_type");
  if (transport != "ssl" && transport != "tls") return std::nullopt;
  std::string problem = "no client certificate and no bearer token";
  if (const std::string pem = property(context, "x509_pem_cert"); !pem.empty()) {
    auto caller = by_certificate(pem);
    if (caller) return *caller;
    problem = caller.error();
  }
  const auto [first, last] = context.client_metadata().equal_range("authorization");
  for (auto it = first; it != last; ++it) {
    const std::string_view token = bearer({it->second.data(), it->second.size()});
    if (token.empty()) continue;
    auto caller = by_token(token, std::time(nullptr));
    if (caller) return *caller;
    problem = caller.error();
  }
  return std::unexpected(problem);
}

}  // namespace weft::controlplane
