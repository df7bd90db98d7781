#include "dataplane/nic/receive_buffers.h"

#include <algorithm>

#include "dataplane/nic/pool.h"

namespace weft::nic {

Slice ReceiveBuffers::allocate(std::size_t place) {
  if (place == 0) return Slice::allocate(small_, kHeadroom);
  Slice slice = large_scarce_ ? Slice() : Slice::allocate(large_, kHeadroom);
  if (slice) return slice;
  substituted_ = true;
  return Slice::allocate(small_, kHeadroom);
}

void ReceiveBuffers::give_substitutes_back() {
  for (std::size_t i = 1; i < kPiecesMax; ++i) {
    if (pieces_[i] && pieces_[i].buffer()->capacity == small_.buffer_capacity()) pieces_[i].reset();
  }
  substituted_ = false;
}

bool ReceiveBuffers::refill() {
  if (refills_++ % 64 == 0) large_scarce_ = large_.scarce();
  if (substituted_ && !large_scarce_) give_substitutes_back();
  std::size_t room = 0;
  for (std::size_t i = 0; i < kPiecesMax && room < kTapFrameMax; ++i) {
    if (!pieces_[i]) pieces_[i] = allocate(i);
    if (!pieces_[i]) return false;
    room += pieces_[i].tailroom();
  }
  return room >= kTapFrameMax;
}

std::size_t ReceiveBuffers::offer(iovec* vector) {
  std::size_t count = 0, room = 0;
  for (; count < kPiecesMax && room < kTapFrameMax; ++count) {
    Slice& piece = pieces_[count];
    vector[count] = {piece.data(), piece.tailroom()};
    room += piece.tailroom();
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
