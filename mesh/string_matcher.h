// envoy.type.matcher.v3.StringMatcher as a value. Immutable, shared across threads.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace weft::mesh {

class StringMatcher {
 public:
  enum class Kind : std::uint8_t { kExact, kPrefix, kSuffix, kContains, kRegex };

  StringMatcher() = default;  // exactly the empty string
  StringMatcher(Kind kind, std::string value, bool ignore_case = false);  // REQUIRES: kind != kRegex
  // RE2 syntax, matches the whole text. Error: what RE2 says.
  static std::expected<StringMatcher, std::string> regex(const std::string& expression);

  bool matches(std::string_view text) const;
  Kind kind() const { return kind_; }
  const std::string& value() const { return value_; }
  bool ignore_case() const { return ignore_case_; }
  // "prefix spiffe://cluster.local/", for explanations.
  std::string to_string() const;

 private:
  bool same(std::string_view text) const;  // as value_, in the wanted case

  Kind kind_ = Kind::kExact;
  bool ignore_case_ = false;
  std::string value_;  // lower case when ignore_case_
  std::shared_ptr<const re2::RE2> regex_;
};

}  // namespace weft::mesh
