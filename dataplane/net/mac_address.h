// A 48-bit Ethernet address as a value.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace weft::net {

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  static MacAddress from(const std::uint8_t* p) {
    MacAddress mac;
    std::memcpy(mac.bytes.data(), p, 6);
    return mac;
  }
  static constexpr MacAddress broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
  // "02:00:00:00:00:01"; nullopt: anything else.
  static std::optional<MacAddress> parse(std::string_view text);

  bool is_zero() const { return *this == MacAddress{}; }
  bool is_group() const { return (bytes[0] & 1) != 0; }  // multicast or broadcast
  std::string to_string() const;

  auto operator<=>(const MacAddress&) const = default;
};

}  // namespace weft::net
