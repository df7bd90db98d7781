// What stands before each frame at a TAP: virtio 1.1, 5.1.6, the legacy form without the count of buffers. (The
// kernel's own header for it is not C++.)
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/packet.h"

namespace weft::nic {

// In the machine's byte order.
struct VirtioHeader {
  static constexpr std::uint8_t kNeedsChecksum = 1;  // flags
  static constexpr std::uint8_t kDataValid = 2;
  static constexpr std::uint8_t kGsoNone = 0;        // gso_type
  static constexpr std::uint8_t kGsoTcp4 = 1;
  static constexpr std::uint8_t kGsoTcp6 = 4;
  static constexpr std::uint8_t kGsoEcn = 0x80;      // a bit beside the type

  std::uint8_t flags = 0;
  std::uint8_t gso_type = kGsoNone;
  std::uint16_t hdr_len = 0;
  std::uint16_t gso_size = 0;
  std::uint16_t csum_start = 0;
  std::uint16_t csum_offset = 0;
};
static_assert(sizeof(VirtioHeader) == 10);

// What the header of a received frame means. False: something that Offload cannot say.
bool from_virtio(const VirtioHeader& header, Offload* offload);
// The header for a frame to be written; `frame` is its first slice, which holds all headers.
VirtioHeader to_virtio(const Offload& offload, ByteSpan frame);

}  // namespace weft::nic
