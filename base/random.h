// A seeded random source, passed in: simulations replay, production seeds it from the kernel.
#pragma once

#include <cstdint>

namespace weft {

__extension__ using Uint128 = unsigned __int128;

// SplitMix64 (Steele et al. 2014): one 64-bit state, passes BigCrush.
// Not for secrets: ISNs use it only to seed a keyed hash (RFC 6528).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  // Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>(static_cast<Uint128>(next()) * bound >> 64);
  }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability; }

 private:
  std::uint64_t state_;
};

}  // namespace weft
