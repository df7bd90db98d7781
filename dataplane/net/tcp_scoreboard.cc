#include "dataplane/net/tcp_scoreboard.h"

#include <algorithm>
#include <utility>

namespace weft::net {

void TcpScoreboard::on_sent(Seq end, std::uint32_t now_us, std::uint32_t grain_us, Pool& pool) {
  const bool joins = may_join_ && tail_ != nullptr && !tail_->retransmitted && !tail_->sacked && !tail_->lost &&
                     now_us - tail_->xmit_us <= grain_us;
  if (joins) {
    tail_->end = end;
  } else {
    Transmission record;
    record.begin = end_;
    record.end = end;
    record.xmit_us = now_us;
    insert_after(tail_, record, pool);
    may_join_ = true;
  }
  end_ = end;
}

void TcpScoreboard::on_retransmitted(SackBlock range, std::uint32_t now_us, Pool& pool) {
  for (Transmission* t = head_; t != nullptr && t->begin < range.right; t = t->next) {
    if (t->end <= range.left || t->sacked) continue;
    if (t->begin < range.left) t = split(t, range.left, pool);
    if (t->end > range.right) split(t, range.right, pool);
    count(*t, -1);
    t->xmit_us = now_us;
    t->retransmitted = true;
    t->lost = false;
    count(*t, 1);
  }
  compact(pool);
  may_join_ = false;
}

void TcpScoreboard::mark_head_lost(std::uint32_t n, Pool& pool) {
  if (head_ == nullptr || head_->sacked || head_->lost) return;
  if (head_->end - head_->begin > n) split(head_, head_->begin + n, pool);
  set(*head_, false, true);
}

void TcpScoreboard::unmark_lost() {
  for (Transmission* t = head_; t != nullptr; t = t->next) set(*t, t->sacked, false);
}

void TcpScoreboard::forget_sacks() {
  for (Transmission* t = head_; t != nullptr; t = t->next) {
    if (t->sacked) set(*t, false, true);
  }
}

// Of SACKed and of lost bytes the time says nothing any more.
void TcpScoreboard::compact(Pool& pool) {
  for (Transmission* t = head_; t != nullptr;) {
    Transmission* next = t->next;
    const bool alike = next != nullptr && t->sacked == next->sacked && t->lost == next->lost &&
                       t->retransmitted == next->retransmitted &&
                       (t->sacked || t->lost || t->xmit_us == next->xmit_us);
    if (!alike) {
      t = next;
      continue;
    }
    t->end = next->end;
    t->next = next->next;
    if (tail_ == next) tail_ = t;
    pool.destroy(next);
    --records_;
  }
}

void TcpScoreboard::clear(Pool& pool) {
  while (head_ != nullptr) drop_head(pool);
  *this = TcpScoreboard(end_);
}

bool TcpScoreboard::sent_once(SackBlock range) const {
  const Transmission* t = head_;
  while (t != nullptr && (t->end <= range.left || (t->retransmitted && t->begin < range.right))) t = t->next;
  return t != nullptr && t->begin < range.right;
}

SackBlock TcpScoreboard::first_lost() const {
  if (lost_ == 0) return {una_, una_};
  const Transmission* t = head_;
  while (!t->lost) t = t->next;
  const Seq left = t->begin;
  while (t->next != nullptr && t->next->lost) t = t->next;
  return {left, t->end};
}

std::uint32_t TcpScoreboard::segments_sacked(std::uint32_t mss) const {
  std::uint32_t segments = 0;
  for (const Transmission* t = head_; t != nullptr; t = t->next) {
    if (t->sacked) segments += (t->end - t->begin + mss - 1) / mss;
  }
  return segments;
}

Transmission* TcpScoreboard::split(Transmission* t, Seq at, Pool& pool) {
  Transmission rest = *t;
  rest.begin = at;
  t->end = at;
  insert_after(t, rest, pool);
  return t->next;
}

void TcpScoreboard::set(Transmission& t, bool sacked, bool lost) {
  count(t, -1);
  t.sacked = sacked;
  t.lost = lost;
  count(t, 1);
}

void TcpScoreboard::count(const Transmission& t, int sign) {
  const std::uint32_t n = sign > 0 ? t.end - t.begin : t.begin - t.end;  // modulo 2^32
  if (t.sacked) sacked_ += n;
  if (t.lost) lost_ += n;
  if (t.retransmitted && !t.sacked) retransmitted_ += n;
}

void TcpScoreboard::drop_head(Pool& pool) {
  Transmission* t = std::exchange(head_, head_->next);
  if (head_ == nullptr) tail_ = nullptr;
  pool.destroy(t);
  --records_;
}

// t nullptr: the first of all.
void TcpScoreboard::insert_after(Transmission* t, const Transmission& value, Pool& pool) {
  Transmission* record = pool.create();
  *record = value;
  Transmission*& link = t != nullptr ? t->next : head_;
  record->next = link;
  link = record;
  if (tail_ == t) tail_ = record;
  ++records_;
}

}  // namespace weft::net
