// `weftctl token`: a node agent's bearer token, signed with the control plane's own key.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace weft::cli {

struct TokenRequest {
  std::string ca_directory = "/var/lib/weft/ca";
  std::string name_space = "weft-system";
  std::string service_account = "weft-dataplane";
  std::string pod = "weft-dataplane";
  std::string pod_uid;
  std::string node;
  std::string audience = "istio-ca";
  std::int64_t lifetime_seconds = 24 * 3600;
};

// "24h", "90m", "60s": seconds. Error: what was expected.
std::expected<std::int64_t, std::string> parse_lifetime(const std::string& text);
std::expected<std::string, std::string> make_token(const TokenRequest& request, std::int64_t unix_seconds);

}  // namespace weft::cli
