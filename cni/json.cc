#include "cni/json.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace weft::cni {

using nlohmann::json;

namespace {

// The deepest nesting of brackets outside strings.
int nesting_of(std::string_view text) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') ++i;
    if (c == '"') in_string = !in_string;
    if (in_string) continue;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest;
}

}  // namespace

std::expected<json, std::string> read_json(std::string_view text) {
  if (nesting_of(text) > kNestingMax) {
    return std::unexpected(absl::StrCat("nested deeper than ", kNestingMax, " levels"));
  }
  try {
    return json::parse(text);
  } catch (const json::exception& error) {  // also out_of_range, for a number that no double holds
    return std::unexpected(error.what());
  }
}

bool is_utf8(const std::string& text) {
  try {
    (void)json(text).dump();
    return true;
  } catch (const json::type_error&) {
    return false;
  }
}

}  // namespace weft::cni
