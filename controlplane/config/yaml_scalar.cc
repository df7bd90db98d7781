#include "controlplane/config/yaml_scalar.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace weft::controlplane {
namespace {

constexpr std::array kNull = {"", "~", "null", "Null", "NULL"};
constexpr std::array kTrue = {"true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON"};
constexpr std::array kFalse = {"false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF"};

template <std::size_t N>
bool one_of(std::string_view text, const std::array<const char*, N>& words) {
  for (const char* word : words) {
    if (text == word) return true;
  }
  return false;
}

// Decimal, 0x, 0o, 0b, and octal by a leading zero; underscores between digits.
bool parse_integer(std::string text, std::int64_t& out) {
  std::erase(text, '_');
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0b") || digits.starts_with("0o")) {
    base = digits[1] == 'x' ? 16 : digits[1] == 'b' ? 2 : 8;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits[0] == '0') {
    base = 8;
    digits.remove_prefix(1);
  }
  std::uint64_t magnitude = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return false;
  if (magnitude > static_cast<std::uint64_t>(INT64_MAX)) return false;
  out = negative ? -static_cast<std::int64_t>(magnitude) : static_cast<std::int64_t>(magnitude);
  return true;
}

bool parse_number(const std::string& text, double& out) {
  if (text.find_first_not_of("+-.0123456789eE") != std::string::npos) return false;
  if (text.find_first_of("0123456789") == std::string::npos) return false;
  char* end = nullptr;
  out = std::strtod(text.c_str(), &end);
  return *end == '\0';
}

void resolve_plain(const std::string& text, Value& value) {
  double number = 0;
  if (one_of(text, kNull)) {
    value.type = Value::Type::kNull;
  } else if (one_of(text, kTrue) || one_of(text, kFalse)) {
    value.type = Value::Type::kBool;
    value.boolean = one_of(text, kTrue);
  } else if (parse_integer(text, value.integer)) {
    value.type = Value::Type::kInteger;
  } else if (parse_number(text, number)) {
    value.type = Value::Type::kNumber;
  } else {
    value.type = Value::Type::kText;
  }
}

}  // namespace

std::optional<std::string> resolve_scalar(std::string_view tag, const std::string& text, Value& value) {
  value.text = text;
  value.type = Value::Type::kText;
  if (tag == "?" || tag.empty()) {
    resolve_plain(text, value);
    return std::nullopt;
  }
  if (tag == "!" || tag == "tag:yaml.org,2002:str") return std::nullopt;
  constexpr std::string_view kStandard = "tag:yaml.org,2002:";
  if (!tag.starts_with(kStandard)) return "unknown tag " + std::string(tag);
  resolve_plain(text, value);
  const std::string_view want = tag.substr(kStandard.size());
  const bool holds = (want == "int" && value.type == Value::Type::kInteger) ||
                     (want == "bool" && value.type == Value::Type::kBool) ||
                     (want == "null" && value.type == Value::Type::kNull) ||
                     (want == "float" && (value.type == Value::Type::kNumber || value.type == Value::Type::kInteger));
  if (!holds) return "\"" + text + "\" is not a !!" + std::string(want);
  return std::nullopt;
}

std::string json_number(const std::string& text) {
  double number = 0;
  if (!parse_number(text, number) || !std::isfinite(number)) return "null";
  char out[32];
  std::snprintf(out, sizeof out, "%.17g", number);
  return out;
}

}  // namespace weft::controlplane
