#include "cli/token.h"

#include <charconv>

#include "crypto/service_account_token.h"

namespace weft::cli {

std::expected<std::int64_t, std::string> parse_lifetime(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(end, text.data() + text.size());
  const std::int64_t seconds = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (error != std::errc{} || value <= 0 || seconds == 0 || value > 10 * 365 * 86400 / seconds) {
    return std::unexpected("'" + text + "' is not a lifetime such as 24h, 90m or 60s");
  }
  return value * seconds;
}

std::expected<std::string, std::string> make_token(const TokenRequest& request, std::int64_t unix_seconds) {
  const auto issuer = crypto::TokenIssuer::open(request.ca_directory);
  if (!issuer) return std::unexpected(issuer.error());
  crypto::ServiceAccountClaims claims;
  claims.name_space = request.name_space;
  claims.service_account = request.service_account;
  claims.pod_name = request.pod;
  claims.pod_uid = request.pod_uid;
  claims.node_name = request.node;
  claims.audiences = {request.audience};
  claims.issued_at = unix_seconds;
  claims.expires = unix_seconds + request.lifetime_seconds;
  return issuer->sign(claims);
}

}  // namespace weft::cli
