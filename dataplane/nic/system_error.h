// Errors of control calls as text: "what failed, on what: why".
#pragma once

#include <cerrno>
#include <cstring>
#include <expected>
#include <string>

namespace weft::nic {

using Outcome = std::expected<void, std::string>;

inline std::unexpected<std::string> failure(const std::string& what, int error = errno) {
  return std::unexpected(what + ": " + std::strerror(error));
}

}  // namespace weft::nic
