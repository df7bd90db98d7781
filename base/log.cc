#include "base/log.h"

#include <atomic>
#include <cstdio>

namespace weft {

namespace {

void to_standard_error(LogLevel level, std::string_view component, std::string_view message) {
  const auto name = to_string(level);
  std::fprintf(stderr, "%.*s %.*s: %.*s\n", static_cast<int>(name.size()), name.data(),
               static_cast<int>(component.size()), component.data(), static_cast<int>(message.size()),
               message.data());
}

std::atomic<LogSink> the_sink = to_standard_error;
std::atomic<LogLevel> the_level = LogLevel::kInfo;

}  // namespace

void set_log_sink(LogSink sink) { the_sink = sink; }
void set_log_level(LogLevel least) { the_level = least; }
bool log_enabled(LogLevel level) { return level >= the_level.load(std::memory_order_relaxed); }

void log(LogLevel level, std::string_view component, std::string_view message) {
  if (log_enabled(level)) the_sink.load()(level, component, message);
}

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "?";
}

}  // namespace weft
