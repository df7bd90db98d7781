// What the peer has selectively acknowledged, and what that says about the rest (RFC 2018, RFC 6675).
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/net/tcp_segment.h"

namespace weft::net {

// SACKed ranges above SND.UNA, sorted and disjoint. Exists only while there are any. When the table is full, further
// ranges are forgotten, which costs a retransmission at worst.
class TcpScoreboard {
 public:
  static constexpr std::uint32_t kDupThresh = 3;

  // Records a block. REQUIRES: snd_una < left < right <= snd_max. Returns the bytes that are news.
  std::uint32_t add(SackBlock block);
  void advance(Seq snd_una);  // forgets what is below

  bool empty() const { return count_ == 0; }
  std::uint32_t sacked() const { return sacked_; }  // bytes
  std::uint32_t sacked_below(Seq limit) const;
  Seq highest() const { return ranges_[count_ - 1u].right; }  // REQUIRES: !empty()
  bool contains(Seq seq) const;
  // IsLost() of RFC 6675 holds for every byte below this that is not SACKed. `snd_una` when for none.
  Seq lost_below(Seq snd_una, std::uint32_t mss) const;
  // The first range at or after `from` and below `limit` that is not SACKed. Empty block: none.
  SackBlock next_hole(Seq from, Seq limit) const;
  // Bytes in [from, to) that are not SACKed.
  std::uint32_t hole_bytes(Seq from, Seq to) const;

 private:
  static constexpr std::size_t kRanges = 64;
  std::uint16_t count_ = 0;
  std::uint32_t sacked_ = 0;
  std::array<SackBlock, kRanges> ranges_;
};

}  // namespace weft::net
