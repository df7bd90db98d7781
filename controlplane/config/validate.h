// The checks of Istio's validating webhook on values that parsed. Each returns what is wrong with one value, or
// nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weft::controlplane {

using Wrong = std::optional<std::string>;

// Kubernetes' names (RFC 1123): `label` at most 63 characters, `subdomain` at most 253 and with dots.
Wrong check_label_name(std::string_view name);
Wrong check_subdomain_name(std::string_view name);
// RFC 1035: a label that begins with a letter. Services.
Wrong check_service_name(std::string_view name);

Wrong check_not_empty(std::string_view value);
Wrong check_ip_block(std::string_view value);         // address or prefix
Wrong check_port(std::string_view value);             // decimal, at most 65535
Wrong check_service_account(std::string_view value);  // "account" or "namespace/account", no wildcard
Wrong check_wildcard(std::string_view value);         // "*" alone, first or last
Wrong check_trust_domain(std::string_view value);     // a wildcard without '/'
Wrong check_path_template(std::string_view value);    // "{*}" and a final "{**}" as whole segments
Wrong check_mesh_trust_domain(std::string_view value);

// The key of a `when` condition, then one of its values.
Wrong check_condition_key(std::string_view key);
Wrong check_condition_value(std::string_view key, std::string_view value);

}  // namespace weft::controlplane
