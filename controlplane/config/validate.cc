#include "controlplane/config/validate.h"

#include <algorithm>
#include <charconv>

#include "base/ip_address.h"

namespace weft::controlplane {
namespace {

bool lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_label(std::string_view name) {
  if (name.empty() || name.size() > 63 || !lower_alnum(name.front()) || !lower_alnum(name.back())) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return lower_alnum(c) || c == '-'; });
}

// "a[b]" with something between the brackets.
bool has_map_key(std::string_view key) {
  const std::size_t open = key.find('[');
  return key.ends_with(']') && open != key.npos && open > 0 && open + 2 < key.size();
}

bool is_path_literal(std::string_view segment) {
  constexpr std::string_view kMarks = "-._~%!$&'()+,;:@=";
  return !segment.empty() && std::all_of(segment.begin(), segment.end(), [&](char c) {
    return lower_alnum(c) || (c >= 'A' && c <= 'Z') || kMarks.find(c) != kMarks.npos;
  });
}

constexpr std::string_view kPlainKeys[] = {
    "source.ip", "remote.ip", "source.namespace", "source.serviceAccount", "source.principal", "source.trustDomain",
    "request.auth.principal", "request.auth.audiences", "request.auth.presenter", "destination.ip",
    "destination.port", "connection.sni",
};
constexpr std::string_view kMapKeys[] = {"request.headers", "request.auth.claims", "experimental.envoy.filters."};

}  // namespace

Wrong check_label_name(std::string_view name) {
  if (is_label(name)) return std::nullopt;
  return "\"" + std::string(name) + "\": expected at most 63 of a-z, 0-9, '-', a letter or digit first and last";
}

Wrong check_subdomain_name(std::string_view name) {
  std::string_view rest = name;
  bool good = !name.empty() && name.size() <= 253;
  while (good) {
    const std::size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    // Unlike in DNS a part is bounded only by the whole.
    good = !part.empty() && lower_alnum(part.front()) && lower_alnum(part.back()) &&
           std::all_of(part.begin(), part.end(), [](char c) { return lower_alnum(c) || c == '-'; });
    if (dot == rest.npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (good) return std::nullopt;
  return "\"" + std::string(name) +
         "\": expected at most 253 of a-z, 0-9, '-', '.', a letter or digit at both ends of each part";
}

Wrong check_service_name(std::string_view name) {
  if (is_label(name) && name.front() >= 'a') return std::nullopt;
  return "\"" + std::string(name) + "\": expected at most 63 of a-z, 0-9, '-', a letter first";
}

Wrong check_not_empty(std::string_view value) {
  if (!value.empty()) return std::nullopt;
  return "an empty value is not allowed";
}

Wrong check_ip_block(std::string_view value) {
  if (value.find('/') == value.npos ? IpAddress::parse(value).has_value() : IpPrefix::parse(value).has_value()) {
    return std::nullopt;
  }
  return "\"" + std::string(value) + "\" is neither an address nor a prefix such as 10.0.0.0/8";
}

Wrong check_port(std::string_view value) {
  unsigned port = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
  if (error == std::errc{} && end == value.data() + value.size() && port <= 65535) return std::nullopt;
  return "\"" + std::string(value) + "\" is not a port";
}

Wrong check_service_account(std::string_view value) {
  const std::size_t slashes = static_cast<std::size_t>(std::count(value.begin(), value.end(), '/'));
  const bool form = !value.empty() && value.size() <= 320 && value.find('*') == value.npos && slashes <= 1 &&
                    !value.starts_with('/') && !value.ends_with('/');
  if (form) return std::nullopt;
  return "\"" + std::string(value) + "\": expected \"account\" or \"namespace/account\", without wildcards";
}

Wrong check_wildcard(std::string_view value) {
  if (auto wrong = check_not_empty(value)) return wrong;
  const std::size_t first = value.find('*');
  if (first == value.npos) return std::nullopt;
  if (value.find('*', first + 1) == value.npos && (first == 0 || first == value.size() - 1)) return std::nullopt;
  return "\"" + std::string(value) + "\": one '*' is allowed, first or last";
}

Wrong check_trust_domain(std::string_view value) {
  if (auto wrong = check_wildcard(value)) return wrong;
  if (value.find('/') == value.npos) return std::nullopt;
  return "\"" + std::string(value) + "\": a trust domain has no '/'";
}

Wrong check_path_template(std::string_view value) {
  const bool is_template = value.find("{*}") != value.npos || value.find("{**}") != value.npos;
  std::string_view rest = value;
  while (rest.starts_with('/')) rest.remove_prefix(1);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  bool saw_any = false;
  for (bool more = true; more;) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    more = slash != rest.npos;
    if (more) rest.remove_prefix(slash + 1);
    if (segment == "{*}" || segment == "{**}") {
      if (saw_any) return "\"" + std::string(value) + "\": {**} must be the last operator";
      saw_any = segment == "{**}";
    } else if (segment.find_first_of("{}") != segment.npos || (is_template && !is_path_literal(segment))) {
      return "\"" + std::string(value) + "\": segment \"" + std::string(segment) + "\" is not allowed in a path";
    }
  }
  return std::nullopt;
}

Wrong check_mesh_trust_domain(std::string_view value) {
  // SPIFFE-ID 2.1 allows a-z, 0-9, '.', '-', '_'; upper case would never match a certificate.
  const bool good = !value.empty() && value.size() <= 255 &&
                    std::all_of(value.begin(), value.end(), [](char c) {
                      return lower_alnum(c) || c == '.' || c == '-' || c == '_';
                    });
  if (good) return std::nullopt;
  return "\"" + std::string(value) + "\": expected a-z, 0-9, '.', '-', '_' (SPIFFE-ID section 2.1)";
}

Wrong check_condition_key(std::string_view key) {
  if (key.empty()) return "a condition needs a key";
  if (std::find(std::begin(kPlainKeys), std::end(kPlainKeys), key) != std::end(kPlainKeys)) return std::nullopt;
  for (std::string_view prefix : kMapKeys) {
    if (!key.starts_with(prefix)) continue;
    if (has_map_key(key)) return std::nullopt;
    return "\"" + std::string(key) + "\": expected the form " + std::string(prefix) + "[name]";
  }
  if (key == "destination.namespace") return "destination.namespace is replaced by metadata.namespace";
  if (key.starts_with("destination.labels")) return "destination.labels is replaced by the selector";
  return "unknown attribute \"" + std::string(key) + '"';
}

Wrong check_condition_value(std::string_view key, std::string_view value) {
  if (auto wrong = check_not_empty(value)) return wrong;
  if (key == "source.ip" || key == "remote.ip" || key == "destination.ip") return check_ip_block(value);
  if (key == "destination.port") return check_port(value);
  if (key == "source.serviceAccount") return check_service_account(value);
  if (key == "source.trustDomain") return check_wildcard(value);
  return std::nullopt;
}

}  // namespace weft::controlplane
