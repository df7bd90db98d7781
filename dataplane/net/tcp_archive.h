// Writes and reads the values of frozen connections, each under a name. Both ends are called alike, so that one list of
// fields serves both directions.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "base/byte_chain.h"
#include "base/clock.h"
#include "base/ip_address.h"
#include "dataplane/net/tcp_frozen.h"
#include "dataplane/net/tcp_sequence.h"

namespace weft::net {

class FrozenWriter {
 public:
  static constexpr bool kReads = false;

  explicit FrozenWriter(FrozenConnection& out) : out_(out) {}

  template <std::unsigned_integral T>
  void operator()(const char*, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) out_.push_back(static_cast<std::uint8_t>(value >> 8 * i));
  }
  void operator()(const char* name, bool value) { (*this)(name, static_cast<std::uint8_t>(value)); }
  void operator()(const char* name, Seq value) { (*this)(name, value.raw()); }
  void operator()(const char* name, Duration value) { (*this)(name, static_cast<std::uint64_t>(value.ns())); }
  void operator()(const char* name, const Endpoint& value);
  template <typename E>
    requires std::is_enum_v<E>
  void enumeration(const char* name, E value, E /*last*/) {
    (*this)(name, static_cast<std::uint8_t>(value));
  }
  // The bytes, and where writes end in them.
  void chain(const char* name, const ByteChain& bytes);

 private:
  FrozenConnection& out_;
};

// After the first error everything reads as zero: callers look at ok() when it matters.
class FrozenReader {
 public:
  static constexpr bool kReads = true;

  // Bytes of payload go to buffers of `payload`, what is little enough to one of `small`.
  FrozenReader(ByteSpan in, BufferPool& payload, BufferPool& small) : in_(in), payload_(payload), small_(small) {}

  template <std::unsigned_integral T>
  void operator()(const char* name, T& value) {
    value = 0;
    const ByteSpan bytes = take(name, sizeof(T));
    for (std::size_t i = 0; i < bytes.size(); ++i) value = static_cast<T>(value | T{bytes[i]} << 8 * i);
  }
  void operator()(const char* name, bool& value);
  void operator()(const char* name, Seq& value);
  void operator()(const char* name, Duration& value);  // not negative
  void operator()(const char* name, Endpoint& value);
  template <typename E>
    requires std::is_enum_v<E>
  void enumeration(const char* name, E& value, E last) {
    std::uint8_t raw = 0;
    (*this)(name, raw);
    if (raw > static_cast<std::uint8_t>(last)) fail(ThawProblem::kBadValue, name), raw = 0;
    value = static_cast<E>(raw);
  }
  void chain(const char* name, ByteChain& bytes);

  void require(bool holds, const char* name) {
    if (!holds) fail(ThawProblem::kBadValue, name);
  }
  void fail(ThawProblem problem, const char* name);
  // Everything is read.
  void finish();
  bool ok() const { return error_.problem == ThawProblem::kNone; }
  const ThawError& error() const { return error_; }
  std::size_t left() const { return in_.size() - at_; }

 private:
  ByteSpan take(const char* name, std::size_t n);

  ByteSpan in_;
  std::size_t at_ = 0;
  BufferPool& payload_;
  BufferPool& small_;
  ThawError error_;
};

}  // namespace weft::net
