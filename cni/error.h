// A CNI error: what the plugin prints as JSON on stdout, and what kubelet shows.
#pragma once

#include <expected>
#include <string>

namespace weft::cni {

// CNI specification 1.1, "Error", and the codes of STATUS.
enum class ErrorCode : unsigned {
  kIncompatibleVersion = 1,
  kUnsupportedField = 2,
  kUnknownContainer = 3,
  kInvalidEnvironment = 4,
  kIo = 5,
  kDecoding = 6,
  kInvalidConfig = 7,
  kTryAgainLater = 11,
  kNotAvailable = 50,
  kNotAvailableLimited = 51,
  kInternal = 100,      // ours: the appliance refused
  kIpamFailed = 101,    // ours: the IPAM plugin failed without an error of its own
};

struct Error {
  ErrorCode code;
  std::string message;  // what is wrong
  std::string details;  // where, or what to do; may be empty
};

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string details = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(details)});
}

// {"cniVersion":...,"code":...,"msg":...,"details":...}
std::string to_json(const Error& error, const std::string& cni_version);

}  // namespace weft::cni
