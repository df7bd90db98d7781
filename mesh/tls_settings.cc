#include "mesh/tls_settings.h"

#include <algorithm>

namespace weft::mesh {

bool san_matches(std::span<const SanMatcher> matchers, std::span<const std::string_view> uri_sans,
                 std::span<const std::string_view> dns_sans) {
  if (matchers.empty()) return true;
  return std::ranges::any_of(matchers, [&](const SanMatcher& san) {
    auto matches = [&](std::string_view name) { return san.matcher.matches(name); };
    bool uri = san.type == SanType::kAny || san.type == SanType::kUri;
    bool dns = san.type == SanType::kAny || san.type == SanType::kDns;
    return (uri && std::ranges::any_of(uri_sans, matches)) || (dns && std::ranges::any_of(dns_sans, matches));
  });
}

}  // namespace weft::mesh
