// What is in flight: when each byte was sent, and what became of it (RFC 8985, 5.2; RFC 2018; RFC 6675, 2).
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/net/tcp_segment.h"
#include "dataplane/net/tcp_slab.h"

namespace weft::net {

// Neighbouring segments that were sent together and fared alike: a super-segment is one, until SACK blocks or losses
// cut it at the borders of its segments.
struct Transmission {
  Seq begin, end;
  std::uint32_t xmit_us = 0;   // when it was sent last
  bool retransmitted = false;  // more than once
  bool sacked = false;
  bool lost = false;           // and not sent again since
  Transmission* next = nullptr;
};

// The transmissions of [SND.UNA, SND.NXT), in order and without gaps. One connection's, while anything is in flight;
// records come from the engine's pool.
class TcpScoreboard {
 public:
  using Pool = net::Pool<Transmission>;
  static constexpr std::uint32_t kDupThresh = 3;  // RFC 5681, 3.2
  // Against peers that SACK every other byte. When so many are reached, further blocks are forgotten, and what they
  // named is sent again needlessly. Where a full queue drops every other segment, each is a record of its own: 512, or
  // two for each segment in flight, which are a few percent of the bytes that they speak of.
  std::uint32_t records_max(std::uint32_t mss) const { return std::max(512u, 2 * (bytes() / mss)); }

  explicit TcpScoreboard(Seq una = Seq()) : una_(una), end_(una) {}

  // New data up to `end`. It joins the record before if that is younger than `grain_us`: times are told apart no finer.
  // Nor if something was sent again in between: by its arrival RACK would take the later part for lost.
  void on_sent(Seq end, std::uint32_t now_us, std::uint32_t grain_us, Pool& pool);
  // A record as it was, behind the others. REQUIRES: record.begin is where they end, record.end is later.
  void restore(const Transmission& record, Pool& pool) {
    insert_after(tail_, record, pool);
    count(record, 1);
    end_ = record.end;
  }
  // New data may join the last record.
  bool may_join() const { return may_join_; }
  void set_may_join(bool may_join) { may_join_ = may_join; }
  // [range) was sent again. REQUIRES: within one lost, or one last, range.
  void on_retransmitted(SackBlock range, std::uint32_t now_us, Pool& pool);

  // Takes off what is below `ack`. visit(record) for each part of it that no SACK block had named.
  template <typename Visit>
  void acknowledge(Seq ack, Pool& pool, Visit&& visit) {
    while (head_ != nullptr && head_->begin < ack) {
      if (head_->end > ack) split(head_, ack, pool);
      count(*head_, -1);
      if (!head_->sacked) visit(*head_);
      drop_head(pool);
    }
    una_ = ack;
  }
  // Records a block, in at most `limit` records. visit(record) for each part that is news.
  // REQUIRES: una <= left < right <= end.
  template <typename Visit>
  void sack(SackBlock block, std::uint32_t limit, Pool& pool, Visit&& visit) {
    for (Transmission* t = head_; t != nullptr && t->begin < block.right; t = t->next) {
      if (t->end <= block.left || t->sacked) continue;
      if (records_ + 2 > limit) break;
      if (t->begin < block.left) t = split(t, block.left, pool);
      if (t->end > block.right) split(t, block.right, pool);
      visit(static_cast<const Transmission&>(*t));
      set(*t, true, false);
    }
  }
  // Marks what decide(record) says, of all that is neither SACKed nor marked.
  template <typename Decide>
  void mark_lost_if(Decide&& decide) {
    for (Transmission* t = head_; t != nullptr; t = t->next) {
      if (!t->sacked && !t->lost && decide(static_cast<const Transmission&>(*t))) set(*t, false, true);
    }
  }
  // The first `n` bytes, unless they are SACKed.
  void mark_head_lost(std::uint32_t n, Pool& pool);
  void unmark_lost();
  // The peer may have dropped what it had SACKed (RFC 2018, 8): it is lost as well.
  void forget_sacks();
  // Joins neighbours that need not be told apart any more.
  void compact(Pool& pool);
  void clear(Pool& pool);

  // True: some of [range), as far as it is here, was sent once only.
  bool sent_once(SackBlock range) const;

  SackBlock first_lost() const;  // empty: nothing is
  Seq una() const { return una_; }
  Seq end() const { return end_; }
  std::uint32_t bytes() const { return end_ - una_; }
  std::uint32_t sacked() const { return sacked_; }                // bytes
  std::uint32_t lost() const { return lost_; }                    // bytes
  std::uint32_t retransmitted() const { return retransmitted_; }  // bytes that were sent again and are not SACKed
  std::uint32_t pipe() const { return bytes() - sacked_ - lost_; }
  bool head_sacked() const { return head_ != nullptr && head_->sacked; }
  bool one_segment(std::uint32_t mss) const { return bytes() <= mss; }
  // RACK.segs_sacked: SACKed segments, as far as bytes tell.
  std::uint32_t segments_sacked(std::uint32_t mss) const;
  std::uint32_t records() const { return records_; }
  const Transmission* first() const { return head_; }

 private:
  Transmission* split(Transmission* t, Seq at, Pool& pool);  // returns the part from `at` on
  void set(Transmission& t, bool sacked, bool lost);
  void count(const Transmission& t, int sign);
  void drop_head(Pool& pool);
  void insert_after(Transmission* t, const Transmission& value, Pool& pool);

  Transmission* head_ = nullptr;
  Transmission* tail_ = nullptr;
  Seq una_, end_;
  std::uint32_t records_ = 0;
  std::uint32_t sacked_ = 0, lost_ = 0, retransmitted_ = 0;
  bool may_join_ = false;
};

}  // namespace weft::net
