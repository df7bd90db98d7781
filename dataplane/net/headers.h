// Making the front of a packet contiguous, writable, or new.
#pragma once

#include <algorithm>

#include "base/packet.h"

namespace weft::net {

// Room left before a header that we write, for what lower layers prepend.
inline constexpr std::uint32_t kHeadroom = 64;

// Copies the first n bytes into one fresh buffer, so that the first slice holds them and may be written.
// False: the pool is exhausted or its buffers are too small; the packet is unchanged.
// REQUIRES: n <= bytes.size().
inline bool pull_up(ByteChain& bytes, std::uint32_t n, BufferPool& pool) {
  if (pool.buffer_capacity() < kHeadroom + n) return false;
  Slice head = Slice::allocate(pool, kHeadroom);
  if (!head) return false;
  bytes.copy_to(0, {head.append(n), n});
  bytes.drop_front(n);
  bytes.push_front(std::move(head));
  return true;
}

// As pull_up(), where the first slice is shorter than n, is shared, or has less than `headroom` before it.
// `*copied` becomes true if it copied.
inline bool make_writable(ByteChain& bytes, std::uint32_t n, std::uint32_t headroom, BufferPool& pool,
                          bool* copied = nullptr) {
  const Slice& front = bytes.front();
  if (front.size() >= n && front.exclusive() && front.headroom() >= headroom) return true;
  if (copied != nullptr) *copied = true;
  return pull_up(bytes, n, pool);
}

// REQUIRES: the first slice is exclusive and has the headroom.
inline std::uint8_t* prepend(ByteChain& bytes, std::uint32_t n) {
  std::uint8_t* p = bytes.front().prepend(n);
  bytes.recount();
  return p;
}

}  // namespace weft::net
