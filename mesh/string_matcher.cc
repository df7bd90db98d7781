#include "mesh/string_matcher.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"

namespace weft::mesh {

StringMatcher::StringMatcher(Kind kind, std::string value, bool ignore_case)
    : kind_(kind), ignore_case_(ignore_case), value_(std::move(value)) {
  if (ignore_case_) absl::AsciiStrToLower(&value_);
}

std::expected<StringMatcher, std::string> StringMatcher::regex(const std::string& expression) {
  RE2::Options options;
  options.set_log_errors(false);
  auto compiled = std::make_shared<re2::RE2>(expression, options);
  if (!compiled->ok()) return std::unexpected(compiled->error());
  StringMatcher matcher;
  matcher.kind_ = Kind::kRegex;
  matcher.value_ = expression;
  matcher.regex_ = std::move(compiled);
  return matcher;
}

bool StringMatcher::same(std::string_view text) const {
  if (!ignore_case_) return text == value_;
  auto equal = [](char a, char b) { return absl::ascii_tolower(static_cast<unsigned char>(a)) == b; };
  return std::ranges::equal(text, value_, equal);
}

bool StringMatcher::matches(std::string_view text) const {
  std::size_t size = value_.size();
  switch (kind_) {
    case Kind::kExact: return same(text);
    case Kind::kPrefix: return text.size() >= size && same(text.substr(0, size));
    case Kind::kSuffix: return text.size() >= size && same(text.substr(text.size() - size));
    case Kind::kContains:
      for (std::size_t at = 0; at + size <= text.size(); ++at)
        if (same(text.substr(at, size))) return true;
      return false;
    case Kind::kRegex: return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *regex_);
  }
  return false;
}

std::string StringMatcher::to_string() const {
  static constexpr std::array<std::string_view, 5> kWords = {"", "prefix ", "suffix ", "contains ", "regex "};
  return std::string(kWords[static_cast<std::size_t>(kind_)]) + value_;
}

}  // namespace weft::mesh
