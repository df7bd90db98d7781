// Empty buffers that wait for the next frame to be read from any TAP of one worker.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>

#include "base/packet.h"
#include "dataplane/nic/pool.h"

namespace weft::nic {

// The longest frame of a TAP: 65535 bytes of IP and the Ethernet header.
inline constexpr std::size_t kTapFrameMax = 65535 + 14;

// A small buffer, which holds a frame's headers, followed by large ones as the longest frame needs; while large ones
// are scarce, by small ones. What a frame leaves empty stays for the next, so an idle port holds no buffer and a short
// frame pins no large one. One worker's.
class ReceiveBuffers {
 public:
  static constexpr std::size_t kPiecesMax = 34;  // small ones for a frame of kTapFrameMax, and one that is begun

  // Both outlive this. REQUIRES: kPiecesMax buffers of either hold a frame of kTapFrameMax.
  ReceiveBuffers(BufferPool& small, BufferPool& large)
      : small_(small), large_(large), scarcity_(small, small) {}

  // Makes room for the longest frame; false: the pools are exhausted.
  bool refill();
  // Appends the room for the longest frame to `vector`, which has kPiecesMax free elements; returns how many it took.
  std::size_t offer(iovec* vector);
  // The frame just read is to be dropped: buffers are scarce, and it is no mere acknowledgement.
  bool refuses(std::size_t frame_bytes) { return scarcity_.refuses(frame_bytes); }
  // Moves the first `size` bytes of the room, now filled, into `packet`.
  void take(std::size_t size, Packet& packet);

 private:
  Slice allocate(std::size_t place);
  void give_substitutes_back();

  BufferPool& small_;
  BufferPool& large_;
  Scarcity scarcity_;
  unsigned refills_ = 0;
  bool large_scarce_ = false;
  bool substituted_ = false;  // small buffers stand where large ones belong
  std::array<Slice, kPiecesMax> pieces_;
};

}  // namespace weft::nic
