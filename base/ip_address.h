// IPv4 and IPv6 addresses, prefixes and transport endpoints as values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace weft {

// One address of either family, 17 bytes. IPv4 lies in the first four bytes, the rest is zero. Default: 0.0.0.0.
class IpAddress {
 public:
  constexpr IpAddress() = default;
  // From network byte order. REQUIRES: 4 or 16 readable bytes.
  static IpAddress v4(const std::uint8_t* bytes);
  static IpAddress v6(const std::uint8_t* bytes);
  static IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d);
  // Standard text forms, no zone, no brackets, no prefix length. nullopt: not an address.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const { return !is_v6_; }
  bool is_v6() const { return is_v6_; }
  // Network byte order, size() bytes.
  const std::uint8_t* data() const { return bytes_.data(); }
  std::size_t size() const { return is_v6_ ? 16 : 4; }
  int bits() const { return is_v6_ ? 128 : 32; }

  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_multicast() const;
  bool is_link_local() const;  // 169.254/16, fe80::/10

  std::string to_string() const;

  auto operator<=>(const IpAddress&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const IpAddress& a) {
    return H::combine(std::move(h), a.bytes_, a.is_v6_);
  }

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool is_v6_ = false;
};

// address/length. Invariant: bits past `length` are kept as given; contains() ignores them.
struct IpPrefix {
  IpAddress address;
  int length = 0;

  // "10.0.0.0/8", "fd00::/64"; a bare address is a host prefix.
  static std::optional<IpPrefix> parse(std::string_view text);
  bool contains(const IpAddress& other) const;
  std::string to_string() const;
  auto operator<=>(const IpPrefix&) const = default;
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  // "1.2.3.4:80", "[fd00::1]:80".
  static std::optional<Endpoint> parse(std::string_view text);
  std::string to_string() const;
  auto operator<=>(const Endpoint&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const Endpoint& e) {
    return H::combine(std::move(h), e.address, e.port);
  }
};

}  // namespace weft
