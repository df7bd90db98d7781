// One line per event, with level and component; where lines go is the main program's choice.
#pragma once

#include <string_view>

namespace weft {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Called from any thread; the sink must be thread-safe. Default: "LEVEL component: message" to standard error.
using LogSink = void (*)(LogLevel, std::string_view component, std::string_view message);
void set_log_sink(LogSink sink);
void set_log_level(LogLevel least);
bool log_enabled(LogLevel level);

void log(LogLevel level, std::string_view component, std::string_view message);
inline void log_debug(std::string_view c, std::string_view m) { log(LogLevel::kDebug, c, m); }
inline void log_info(std::string_view c, std::string_view m) { log(LogLevel::kInfo, c, m); }
inline void log_warning(std::string_view c, std::string_view m) { log(LogLevel::kWarning, c, m); }
inline void log_error(std::string_view c, std::string_view m) { log(LogLevel::kError, c, m); }

std::string_view to_string(LogLevel level);

}  // namespace weft
