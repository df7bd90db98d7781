// JSON as another program hands it to us.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace weft::cni {

// The library parses without recursion, but copies and prints with it: some ten thousand levels end the stack.
inline constexpr int kNestingMax = 64;

// The value, or why the text is none.
std::expected<nlohmann::json, std::string> read_json(std::string_view text);

// True if the text may stand in JSON and in a protobuf string.
bool is_utf8(const std::string& text);

}  // namespace weft::cni
