// A sequence number: a 32-bit counter that wraps, compared modulo 2^32 (RFC 9293, 3.4).
#pragma once

#include <cstdint>

namespace weft::net {

class Seq {
 public:
  constexpr Seq() = default;
  explicit constexpr Seq(std::uint32_t value) : value_(value) {}
  constexpr std::uint32_t raw() const { return value_; }

  constexpr bool operator==(const Seq&) const = default;
  constexpr Seq operator+(std::uint32_t n) const { return Seq(value_ + n); }
  constexpr Seq operator-(std::uint32_t n) const { return Seq(value_ - n); }
  // How far `later` is ahead. Meaningful when it is less than 2^31 ahead.
  constexpr std::uint32_t operator-(Seq earlier) const { return value_ - earlier.value_; }
  constexpr Seq& operator+=(std::uint32_t n) {
    value_ += n;
    return *this;
  }

  friend constexpr bool operator<(Seq a, Seq b) { return static_cast<std::int32_t>(a.value_ - b.value_) < 0; }
  friend constexpr bool operator>(Seq a, Seq b) { return b < a; }
  friend constexpr bool operator<=(Seq a, Seq b) { return !(b < a); }
  friend constexpr bool operator>=(Seq a, Seq b) { return !(a < b); }

 private:
  std::uint32_t value_ = 0;
};

constexpr Seq later_of(Seq a, Seq b) { return a < b ? b : a; }
constexpr Seq earlier_of(Seq a, Seq b) { return a < b ? a : b; }

}  // namespace weft::net
