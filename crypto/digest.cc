#include "crypto/digest.h"

#include <openssl/sha.h>

namespace weft::crypto {

std::array<std::uint8_t, 32> sha256(ByteSpan bytes) {
  std::array<std::uint8_t, 32> out;
  SHA256(bytes.data(), bytes.size(), out.data());
  return out;
}

}  // namespace weft::crypto
