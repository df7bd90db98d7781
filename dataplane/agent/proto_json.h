// Protobuf messages as JSON, however much of what their Anys hold is known to this program.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace weft::agent {

// An Any (or anything inside it) of a type that is not linked in is shown as {"@type", "value": {"base64"}}.
nlohmann::json resource_to_json(const std::string& type_url, const std::string& serialized);

}  // namespace weft::agent
