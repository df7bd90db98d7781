// SHA-256 of bytes at rest: content versions, not keys.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace weft::crypto {

std::array<std::uint8_t, 32> sha256(ByteSpan bytes);

}  // namespace weft::crypto
