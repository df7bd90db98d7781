#include "dataplane/net/tcp_scoreboard.h"

#include <algorithm>

namespace weft::net {

std::uint32_t TcpScoreboard::add(SackBlock block) {
  SackBlock* const begin = ranges_.data();
  SackBlock* const end = begin + count_;
  // [first, last) are the ranges that `block` touches.
  SackBlock* first = std::find_if(begin, end, [&](const SackBlock& r) { return r.right >= block.left; });
  SackBlock* last = std::find_if(first, end, [&](const SackBlock& r) { return r.left > block.right; });
  std::uint32_t known = 0;
  for (const SackBlock* r = first; r != last; ++r) known += r->right - r->left;
  if (first == last) {
    if (count_ == kRanges) return 0;
    std::move_backward(first, end, end + 1);
    *first = block;
    ++count_;
  } else {
    first->left = earlier_of(first->left, block.left);
    first->right = later_of((last - 1)->right, block.right);
    std::move(last, end, first + 1);
    count_ = static_cast<std::uint16_t>(count_ - (last - first - 1));
  }
  const std::uint32_t news = (first->right - first->left) - known;
  sacked_ += news;
  return news;
}

void TcpScoreboard::advance(Seq snd_una) {
  SackBlock* const begin = ranges_.data();
  SackBlock* const end = begin + count_;
  SackBlock* keep = begin;
  for (; keep != end && keep->right <= snd_una; ++keep) sacked_ -= keep->right - keep->left;
  if (keep != end && keep->left < snd_una) {
    sacked_ -= snd_una - keep->left;
    keep->left = snd_una;
  }
  if (keep != begin) std::move(keep, end, begin);
  count_ = static_cast<std::uint16_t>(end - keep);
}

std::uint32_t TcpScoreboard::sacked_below(Seq limit) const {
  std::uint32_t bytes = 0;
  for (std::size_t i = 0; i < count_ && ranges_[i].left < limit; ++i) {
    bytes += earlier_of(ranges_[i].right, limit) - ranges_[i].left;
  }
  return bytes;
}

bool TcpScoreboard::contains(Seq seq) const {
  return std::any_of(ranges_.data(), ranges_.data() + count_,
                     [&](const SackBlock& r) { return r.left <= seq && seq < r.right; });
}

Seq TcpScoreboard::lost_below(Seq snd_una, std::uint32_t mss) const {
  std::uint32_t bytes = 0;
  std::uint32_t ranges = 0;
  for (std::size_t i = count_; i > 0; --i) {
    const SackBlock& range = ranges_[i - 1];
    bytes += range.right - range.left;
    if (++ranges >= kDupThresh || bytes > (kDupThresh - 1) * mss) return range.left;
  }
  return snd_una;
}

SackBlock TcpScoreboard::next_hole(Seq from, Seq limit) const {
  for (std::size_t i = 0; i < count_ && from < limit; ++i) {
    const SackBlock& range = ranges_[i];
    if (range.right <= from) continue;
    if (from < range.left) return {from, earlier_of(range.left, limit)};
    from = range.right;
  }
  return from < limit ? SackBlock{from, limit} : SackBlock{limit, limit};
}

std::uint32_t TcpScoreboard::hole_bytes(Seq from, Seq to) const {
  if (to <= from) return 0;
  return (to - from) - (sacked_below(to) - sacked_below(from));
}

}  // namespace weft::net
