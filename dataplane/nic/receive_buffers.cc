#include "dataplane/nic/receive_buffers.h"

#include <algorithm>

#include "dataplane/nic/pool.h"

namespace weft::nic {

bool ReceiveBuffers::refill() {
  std::size_t room = 0;
  for (std::size_t i = 0; i < kPiecesMax && room < kTapFrameMax; ++i) {
    if (!pieces_[i]) pieces_[i] = Slice::allocate(i == 0 ? small_ : large_, kHeadroom);
    if (!pieces_[i]) return false;
    room += pieces_[i].tailroom();
  }
  return room >= kTapFrameMax;
}

std::size_t ReceiveBuffers::offer(iovec* vector) {
  std::size_t count = 0;
  for (Slice& piece : pieces_) {
    if (piece) vector[count++] = {piece.data(), piece.tailroom()};
  }
  return count;
}

void ReceiveBuffers::take(std::size_t size, Packet& packet) {
  for (Slice& piece : pieces_) {
    if (size == 0) break;
    const auto part = static_cast<std::uint32_t>(std::min<std::size_t>(size, piece.tailroom()));
    piece.append(part);
    size -= part;
    packet.bytes.push_back(std::move(piece));
  }
}

}  // namespace weft::nic
