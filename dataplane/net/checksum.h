// The Internet checksum (RFC 1071), whole and incremental (RFC 1624), with the pseudo headers of RFC 9293 and 8200.
//
// A `sum` is a one's complement sum of 16-bit big-endian words, not yet inverted; a `checksum` is what a header holds.
#pragma once

#include <cstdint>

#include "base/byte_chain.h"
#include "base/bytes.h"
#include "base/ip_address.h"

namespace weft::net {

// Folds carries back in.
inline std::uint16_t fold_sum(std::uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}
inline std::uint16_t add_sums(std::uint16_t a, std::uint16_t b) { return fold_sum(std::uint64_t{a} + b); }
// What goes into the header for a sum.
inline std::uint16_t checksum_of(std::uint16_t sum) { return static_cast<std::uint16_t>(~sum); }

// An odd last byte counts as the high half of a word.
std::uint16_t sum_of(ByteSpan bytes);
// Bytes [offset, offset + size) of the chain. REQUIRES: the range lies inside.
std::uint16_t sum_of(const ByteChain& chain, std::size_t offset, std::size_t size);
// Both addresses, protocol and L4 length.
std::uint16_t pseudo_header_sum(const IpAddress& source, const IpAddress& destination, std::uint8_t protocol,
                                std::size_t l4_bytes);

// The checksum after bytes of the covered data changed from `before` to `after`, equally long and at an even offset.
// RFC 1624 equation 3.
std::uint16_t update_checksum(std::uint16_t checksum, ByteSpan before, ByteSpan after);

}  // namespace weft::net
