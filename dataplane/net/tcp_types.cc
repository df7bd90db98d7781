#include "dataplane/net/tcp_types.h"

namespace weft::net {

#define WEFT_TEXT(name, text) text,

std::string_view to_string(TcpState state) {
  static constexpr std::string_view kTexts[] = {WEFT_TCP_STATES(WEFT_TEXT)};
  return kTexts[static_cast<std::size_t>(state)];
}

std::string_view to_string(CloseReason reason) {
  static constexpr std::string_view kTexts[] = {WEFT_TCP_CLOSE_REASONS(WEFT_TEXT)};
  return kTexts[static_cast<std::size_t>(reason)];
}

std::string_view to_string(ConnectError error) {
  static constexpr std::string_view kTexts[] = {WEFT_TCP_CONNECT_ERRORS(WEFT_TEXT)};
  return kTexts[static_cast<std::size_t>(error)];
}

#undef WEFT_TEXT

}  // namespace weft::net
