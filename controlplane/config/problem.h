// What is wrong with a piece of configuration, where it stands, and what was done about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/config/kind.h"

namespace weft::controlplane {

// X(enumerator, severity, text)
#define WEFT_PROBLEMS(X)                                                                         \
  X(kUnreadable, kError, "file cannot be read")                                                  \
  X(kSyntax, kError, "not YAML")                                                                 \
  X(kNotAnObject, kError, "not a Kubernetes object")                                             \
  X(kUnknownKind, kError, "unknown kind")                                                        \
  X(kUnsupportedVersion, kError, "version is not served")                                        \
  X(kWrongType, kError, "wrong type")                                                            \
  X(kUnknownField, kError, "unknown field")                                                      \
  X(kInvalid, kError, "invalid")                                                                 \
  X(kDuplicate, kError, "duplicate object")                                                      \
  X(kTooLarge, kError, "too large")                                                              \
  X(kKindNotRead, kWarning, "kind has no effect yet")                                            \
  X(kFieldNotRead, kWarning, "field has no effect yet")                                          \
  X(kNoEffect, kWarning, "has no effect")                                                        \
  X(kSuspicious, kWarning, "probably not what was meant")                                        \
  X(kFailsClosed, kWarning, "denies")

enum class ProblemCode : std::uint8_t {
#define WEFT_PROBLEM(name, severity, text) name,
  WEFT_PROBLEMS(WEFT_PROBLEM)
#undef WEFT_PROBLEM
};
enum class Severity : std::uint8_t { kWarning, kError };

std::string_view to_string(ProblemCode code);
Severity severity_of(ProblemCode code);

// Line and column count from 1; 0: not known.
struct Position {
  int line = 0;
  int column = 0;
  auto operator<=>(const Position&) const = default;
};

struct Problem {
  ProblemCode code = ProblemCode::kInvalid;
  std::string origin;             // file name, as the source calls it
  Position position;
  std::optional<ObjectKey> object;
  std::string field;              // "spec.rules[0].from[0].source.ipBlocks[1]"
  std::string message;            // what is wrong with the value, and what was expected
  bool blocks_ready = false;      // a policy without a good predecessor: nothing is served until it is repaired

  // "policies.yaml:12:7: AuthorizationPolicy data/a: spec.action: ...". One line.
  std::string to_string() const;
  bool operator==(const Problem&) const = default;
};

}  // namespace weft::controlplane
