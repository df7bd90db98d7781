// Bytes that came ahead of a hole, and the SACK blocks that tell the peer of them (RFC 9293 3.10.7.4, RFC 2018).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "base/byte_chain.h"
#include "dataplane/net/tcp_memory.h"
#include "dataplane/net/tcp_segment.h"
#include "dataplane/net/tcp_slab.h"

namespace weft::net {

// Ranges, sorted and disjoint, with a gap between each two. Exists only while something waits. Where ranges overlap,
// the bytes that came first stay. One connection's; pieces come from the engine's pool.
class TcpReassembly {
 public:
  // Against peers that send every other byte: each piece costs a buffer and a step of every search.
  static constexpr std::uint32_t kMaxPieces = 512;

  struct Piece {
    Seq seq;
    ByteChain bytes;
    Piece* next = nullptr;
    Seq end() const { return seq + static_cast<std::uint32_t>(bytes.size()); }
  };
  using Pieces = Pool<Piece>;

  // Keeps what is new of [seq, seq + bytes.size()); held() changes. False: not kept, there are too many pieces.
  bool insert(Seq seq, ByteChain&& bytes, Pieces& pieces, BufferPool& small, TcpStats& stats);
  // FIN at `seq`, the number after the last byte.
  void insert_fin(Seq seq) {
    has_fin_ = true;
    fin_ = seq;
  }
  // The bytes that follow on `rcv_nxt`, if the hole there is filled; what lies before it is
  // dropped. *released: capacity no longer held here.
  ByteChain take(Seq rcv_nxt, Pieces& pieces, std::uint64_t* released);
  // True: all of it waits here already, and is reported first from now on.
  bool came_again(SackBlock block);
  // Of one piece at `rcv_nxt` and its FIN: the numbers that they take.
  std::uint32_t length_from(Seq rcv_nxt) const { return bytes_ + (fin_at(rcv_nxt + bytes_) ? 1 : 0); }
  bool fin_at(Seq rcv_nxt) const { return has_fin_ && fin_ == rcv_nxt; }
  // Up to `max` blocks, the one with the latest arrival first (RFC 2018, section 4).
  std::uint8_t sack_blocks(std::array<SackBlock, 4>& blocks, std::size_t max) const;
  // Of the latest arrivals a number each, latest first; of some the bytes are gone.
  std::span<const Seq> recent() const { return {recent_.data(), recent_count_}; }
  void set_recent(std::span<const Seq> recent) {
    recent_count_ = static_cast<std::uint8_t>(std::min(recent.size(), recent_.size()));
    std::copy_n(recent.begin(), recent_count_, recent_.begin());
  }
  // Forgets everything; returns the capacity released.
  std::uint64_t clear(Pieces& pieces);

  bool empty() const { return head_ == nullptr && !has_fin_; }
  std::uint32_t bytes() const { return bytes_; }
  std::uint32_t pieces() const { return count_; }
  std::uint64_t held() const { return held_; }
  const Piece* first() const { return head_; }
  bool has_fin() const { return has_fin_; }
  Seq fin() const { return fin_; }  // REQUIRES: has_fin()

 private:
  Piece** find_place(Seq seq);
  Piece* previous_of(Piece** place) const;
  std::uint64_t merge_following(Piece* piece, Pieces& pieces, BufferPool& small, TcpStats& stats);
  void remember(Seq seq);
  const Piece* containing(Seq seq) const;

  Piece* head_ = nullptr;
  Piece* tail_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint32_t bytes_ = 0;
  std::uint64_t held_ = 0;
  Seq fin_;
  bool has_fin_ = false;
  std::uint8_t recent_count_ = 0;
  std::array<Seq, 4> recent_{};  // a number inside each of the latest pieces, latest first
};

}  // namespace weft::net
