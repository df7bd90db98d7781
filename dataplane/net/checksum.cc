#include "dataplane/net/checksum.h"

#include <algorithm>
#include <cassert>

namespace weft::net {

namespace {

std::uint16_t swap16(std::uint16_t v) { return static_cast<std::uint16_t>(v << 8 | v >> 8); }

// Words are added in the machine's byte order: the sum is the same up to one swap at the end (RFC 1071 section 2 B).
// 64-bit loads are added as two 32-bit halves, so that no carry is lost in up to 2^32 words.
std::uint64_t sum_words(const std::uint8_t*& p, std::size_t& n) {
  std::uint64_t low = 0, high = 0, low2 = 0, high2 = 0;
  for (; n >= 16; n -= 16, p += 16) {
    std::uint64_t a, b;
    std::memcpy(&a, p, 8);
    std::memcpy(&b, p + 8, 8);
    low += a & 0xffffffff;
    high += a >> 32;
    low2 += b & 0xffffffff;
    high2 += b >> 32;
  }
  return low + high + low2 + high2;
}

}  // namespace

std::uint16_t sum_of(ByteSpan bytes) {
  const std::uint8_t* p = bytes.data();
  std::size_t n = bytes.size();
  std::uint64_t sum = sum_words(p, n);
  for (; n >= 2; n -= 2, p += 2) {
    std::uint16_t word;
    std::memcpy(&word, p, 2);
    sum += word;
  }
  if (n != 0) sum += *p;
  return swap16(fold_sum(sum));
}

std::uint16_t sum_of(const ByteChain& chain, std::size_t offset, std::size_t size) {
  std::uint64_t sum = 0;
  std::size_t done = 0;
  for (const Slice& slice : chain) {
    if (done == size) break;
    if (offset >= slice.size()) {
      offset -= slice.size();
      continue;
    }
    const std::size_t take = std::min<std::size_t>(slice.size() - offset, size - done);
    const std::uint16_t part = sum_of(slice.bytes().subspan(offset, take));
    sum += done % 2 == 0 ? part : swap16(part);  // a piece at an odd offset has its words the other way round
    done += take;
    offset = 0;
  }
  assert(done == size);
  return fold_sum(sum);
}

std::uint16_t pseudo_header_sum(const IpAddress& source, const IpAddress& destination, std::uint8_t protocol,
                                std::size_t l4_bytes) {
  std::uint64_t sum = sum_of({source.data(), source.size()});
  sum += sum_of({destination.data(), destination.size()});
  return fold_sum(sum + protocol + l4_bytes);
}

std::uint16_t update_checksum(std::uint16_t checksum, ByteSpan before, ByteSpan after) {
  std::uint64_t sum = static_cast<std::uint16_t>(~checksum);
  sum += static_cast<std::uint16_t>(~sum_of(before));
  sum += sum_of(after);
  // 0 and 0xffff are one number, but over data of zeros only 0xffff verifies; elsewhere both do (RFC 1624 section 3).
  const std::uint16_t updated = checksum_of(fold_sum(sum));
  return updated == 0 ? 0xffff : updated;
}

}  // namespace weft::net
