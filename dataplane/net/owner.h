// Which worker owns a flow: a function of the tuple alone, the same for both directions.
#pragma once

#include <cstdint>

#include "base/ip_address.h"

namespace weft::net {

// The RSS key under which Toeplitz is symmetric: 16 bits, repeated (Woo and Park, 2012). dataplane/nic programs it into
// devices that let it, with a redirection table of entry[i] = owner_of_hash(i, workers).
inline constexpr std::uint16_t kSymmetricRssKey = 0x6d5a;
inline constexpr unsigned kRedirectionEntries = 128;

inline unsigned owner_of_hash(std::uint32_t hash, unsigned workers) {
  return hash % kRedirectionEntries % workers;
}

namespace owner_detail {
inline std::uint16_t fold(const Endpoint& e) {
  std::uint16_t words = e.port;
  for (std::size_t i = 0; i < e.address.size(); i += 2) {
    words = static_cast<std::uint16_t>(words ^ load_be16(e.address.data() + i));
  }
  return words;
}
}  // namespace owner_detail

// Toeplitz over (source, destination, source port, destination port). With a key of period 16 every 16-bit word of the
// input meets the same key bits, so the words can be XORed first and order does not matter.
inline std::uint32_t symmetric_rss_hash(const Endpoint& a, const Endpoint& b) {
  const auto words = static_cast<std::uint16_t>(owner_detail::fold(a) ^ owner_detail::fold(b));
  std::uint16_t hash = 0;
  std::uint16_t window = kSymmetricRssKey;
  for (int bit = 15; bit >= 0; --bit) {
    if ((words >> bit & 1) != 0) hash = static_cast<std::uint16_t>(hash ^ window);
    window = static_cast<std::uint16_t>(window << 1 | window >> 15);
  }
  return std::uint32_t{hash} << 16 | hash;
}

// REQUIRES: workers > 0. Symmetric: owner_of(a, b, n) == owner_of(b, a, n).
inline unsigned owner_of(const Endpoint& a, const Endpoint& b, unsigned workers) {
  return workers == 1 ? 0 : owner_of_hash(symmetric_rss_hash(a, b), workers);
}

}  // namespace weft::net
