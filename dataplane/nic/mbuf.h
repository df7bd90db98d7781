// Between weft::Buffer and rte_mbuf: pointer arithmetic. The only header that shows DPDK's types; for .cc files of this
// room.
#pragma once

#include <rte_mbuf.h>

#include "base/buffer.h"

namespace weft::nic {

// A cache line: the data behind it stays aligned.
inline constexpr std::uint16_t kPrivateSize = 64;
static_assert(sizeof(Buffer) <= kPrivateSize);

inline Buffer* buffer_of(rte_mbuf* m) { return static_cast<Buffer*>(rte_mbuf_to_priv(m)); }
inline rte_mbuf* mbuf_of(Buffer* buffer) { return reinterpret_cast<rte_mbuf*>(buffer) - 1; }

// The buffer of an mbuf that came from a pool or a device, with one reference. Set each time: a device may have
// attached storage of its own to the mbuf.
inline Buffer* wrap(rte_mbuf* m, BufferPool* pool) {
  Buffer* buffer = buffer_of(m);
  *buffer = {static_cast<std::uint8_t*>(m->buf_addr), m->buf_len, 1, pool};
  return buffer;
}

}  // namespace weft::nic
