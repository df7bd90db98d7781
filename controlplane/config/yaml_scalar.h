// What type a YAML scalar has.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controlplane/config/yaml_tree.h"

namespace weft::controlplane {

// `tag` as yaml-cpp reports it: "?" for a plain scalar, "!" for a quoted or block one, else the explicit tag. Fills
// type and scalar of `value`. Returns what is wrong, or nothing.
std::optional<std::string> resolve_scalar(std::string_view tag, const std::string& text, Value& value);

// A YAML number as JSON spells it; "null" for infinities and NaN, which JSON lacks.
std::string json_number(const std::string& text);

}  // namespace weft::controlplane
