#include "dataplane/net/tcp_reassembly.h"

#include <algorithm>
#include <cstddef>

namespace weft::net {

// Where a piece that begins at `seq` belongs: the link to the first piece that begins after it. Arrivals mostly go to
// the end, so that is tried first.
TcpReassembly::Piece** TcpReassembly::find_place(Seq seq) {
  if (tail_ != nullptr && tail_->seq <= seq) return &tail_->next;
  Piece** place = &head_;
  while (*place != nullptr && (*place)->seq <= seq) place = &(*place)->next;
  return place;
}

TcpReassembly::Piece* TcpReassembly::previous_of(Piece** place) const {
  if (place == &head_) return nullptr;
  return reinterpret_cast<Piece*>(reinterpret_cast<char*>(place) - offsetof(Piece, next));
}

bool TcpReassembly::insert(Seq seq, ByteChain&& bytes, Pieces& pieces, BufferPool& small, TcpStats& stats) {
  Piece** place = find_place(seq);
  Piece* previous = previous_of(place);
  if (previous != nullptr && previous->end() > seq) {
    const std::uint32_t known = previous->end() - seq;
    if (known >= bytes.size()) {
      remember(seq);
      return true;
    }
    bytes.drop_front(known);
    seq += known;
  }
  const auto added = static_cast<std::uint32_t>(bytes.size());
  if (previous != nullptr && previous->end() == seq) {
    held_ += HeldQueue::append(previous->bytes, std::move(bytes), small, stats);
  } else {
    if (count_ >= kMaxPieces) return false;
    Piece* piece = pieces.create();
    piece->seq = seq;
    held_ += HeldQueue::append(piece->bytes, std::move(bytes), small, stats);
    piece->next = *place;
    *place = piece;
    if (piece->next == nullptr) tail_ = piece;
    ++count_;
    previous = piece;
  }
  bytes_ += added;
  held_ -= merge_following(previous, pieces, small, stats);
  remember(seq);
  return true;
}

// `piece` has grown: drops from its successors what it covers, and joins the one that it touches. Returns the capacity
// released.
std::uint64_t TcpReassembly::merge_following(Piece* piece, Pieces& pieces, BufferPool& small, TcpStats& stats) {
  std::uint64_t released = 0;
  while (piece->next != nullptr && piece->next->seq <= piece->end()) {
    Piece* next = piece->next;
    const auto covered = std::min<std::size_t>(piece->end() - next->seq, next->bytes.size());
    released += HeldQueue::held(next->bytes);
    next->bytes.drop_front(covered);
    bytes_ -= static_cast<std::uint32_t>(covered);
    released -= HeldQueue::append(piece->bytes, std::move(next->bytes), small, stats);
    piece->next = next->next;
    if (tail_ == next) tail_ = piece;
    pieces.destroy(next);
    --count_;
  }
  return released;
}

ByteChain TcpReassembly::take(Seq rcv_nxt, Pieces& pieces, std::uint64_t* released) {
  *released = 0;
  ByteChain taken;
  while (head_ != nullptr && head_->seq <= rcv_nxt) {
    Piece* piece = head_;
    const std::uint64_t held = HeldQueue::held(piece->bytes);
    bytes_ -= static_cast<std::uint32_t>(piece->bytes.size());
    if (piece->end() > rcv_nxt) {
      piece->bytes.drop_front(rcv_nxt - piece->seq);
      rcv_nxt += static_cast<std::uint32_t>(piece->bytes.size());
      taken.append(std::move(piece->bytes));
    }
    head_ = piece->next;
    if (head_ == nullptr) tail_ = nullptr;
    --count_;
    *released += held;
    held_ -= held;
    pieces.destroy(piece);
  }
  return taken;
}

void TcpReassembly::remember(Seq seq) {
  const Piece* piece = containing(seq);
  auto* end = std::remove_if(recent_.data(), recent_.data() + recent_count_,
                             [&](Seq s) { return piece->seq <= s && s < piece->end(); });
  recent_count_ = static_cast<std::uint8_t>(std::min<std::ptrdiff_t>(end - recent_.data() + 1, 4));
  std::move_backward(recent_.data(), recent_.data() + recent_count_ - 1, recent_.data() + recent_count_);
  recent_[0] = seq;
}

const TcpReassembly::Piece* TcpReassembly::containing(Seq seq) const {
  if (tail_ != nullptr && tail_->seq <= seq) return seq < tail_->end() ? tail_ : nullptr;
  for (const Piece* piece = head_; piece != nullptr && piece->seq <= seq; piece = piece->next) {
    if (seq < piece->end()) return piece;
  }
  return nullptr;
}

bool TcpReassembly::came_again(SackBlock block) {
  const Piece* piece = containing(block.left);
  if (piece == nullptr || piece->end() < block.right) return false;
  remember(block.left);
  return true;
}

std::uint8_t TcpReassembly::sack_blocks(std::array<SackBlock, 4>& blocks, std::size_t max) const {
  std::uint8_t n = 0;
  for (std::size_t i = 0; i < recent_count_ && n < max; ++i) {
    const Piece* piece = containing(recent_[i]);
    if (piece == nullptr) continue;
    const SackBlock block{piece->seq, piece->end()};
    if (std::find(blocks.data(), blocks.data() + n, block) == blocks.data() + n) blocks[n++] = block;
  }
  return n;
}

std::uint64_t TcpReassembly::clear(Pieces& pieces) {
  while (head_ != nullptr) pieces.destroy(std::exchange(head_, head_->next));
  const std::uint64_t held = held_;
  *this = TcpReassembly();
  return held;
}

}  // namespace weft::net
