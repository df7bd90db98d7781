// A connection, its TIME-WAIT, or an engine's secrets, as bytes: what TcpEngine::freeze() gives and thaw() takes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::net {

// Layout: magic (u32), version (u16), kind (u8), the clock when it was frozen (i64, ns), then the fields of
// tcp_frozen_fields.h in their order. Integers are little-endian, booleans and enumerations one byte, byte strings and
// lists follow their length (u32). Times are of the engine's clock: who thaws reads the same one, as every process of a
// node does with CLOCK_MONOTONIC. The bytes hold payload and secrets: keep them as private as memory. The version
// changes with the fields: there is no reading of older ones.
using FrozenConnection = std::vector<std::uint8_t>;

inline constexpr std::uint32_t kFrozenMagic = 0x43'54'46'57;  // "WFTC"
inline constexpr std::uint16_t kFrozenVersion = 3;
enum class FrozenKind : std::uint8_t {
  kConnection,
  kTimeWait,
  kEngine,  // secrets: initial numbers and timestamps go on to rise, and SYN cookies that are out stay good
};

// Why thaw() refused. Nothing is kept then, neither of the connection nor of its buffers.
#define WEFT_TCP_THAW_PROBLEMS(X)                                                  \
  X(kNone, "none")                                                                 \
  X(kNotFrozen, "this is no frozen connection")                                    \
  X(kVersion, "frozen by another version")                                         \
  X(kCutShort, "the bytes end early")                                              \
  X(kBadValue, "a value that no connection has")                                   \
  X(kTrailingBytes, "bytes are left over")                                         \
  X(kFuture, "frozen later than now: it is another clock's")                       \
  X(kInUse, "this pair of endpoints is in use")                                    \
  X(kUnknownInterface, "unknown interface")                                        \
  X(kTooManyConnections, "too many connections")                                   \
  X(kNoBuffers, "no buffers for its payload")

enum class ThawProblem : std::uint8_t {
#define WEFT_NAME(name, text) name,
  WEFT_TCP_THAW_PROBLEMS(WEFT_NAME)
#undef WEFT_NAME
};
std::string_view to_string(ThawProblem problem);

struct ThawError {
  ThawProblem problem = ThawProblem::kNone;
  std::string_view field;    // the first one that is wrong, as tcp_frozen_fields.h names it; empty: none in particular
  std::uint32_t offset = 0;  // of the byte behind it

  std::string to_string() const;  // "a value that no connection has: snd_nxt, before byte 81"
};

}  // namespace weft::net
