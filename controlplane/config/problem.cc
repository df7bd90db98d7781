#include "controlplane/config/problem.h"

namespace weft::controlplane {
namespace {

struct CodeInfo {
  Severity severity;
  std::string_view text;
};
constexpr CodeInfo kCodes[] = {
#define WEFT_PROBLEM(name, severity, text) {Severity::severity, text},
    WEFT_PROBLEMS(WEFT_PROBLEM)
#undef WEFT_PROBLEM
};

}  // namespace

std::string_view to_string(ProblemCode code) { return kCodes[static_cast<std::size_t>(code)].text; }
Severity severity_of(ProblemCode code) { return kCodes[static_cast<std::size_t>(code)].severity; }

std::string Problem::to_string() const {
  std::string text = origin;
  if (position.line > 0) text += ':' + std::to_string(position.line);
  if (position.column > 0) text += ':' + std::to_string(position.column);
  if (!text.empty()) text += ": ";
  if (object) text += object->to_string() + ": ";
  if (!field.empty()) text += field + ": ";
  text += weft::controlplane::to_string(code);
  if (!message.empty()) text += ": " + message;
  if (blocks_ready) text += " (nothing is served until this is repaired)";
  return text;
}

}  // namespace weft::controlplane
