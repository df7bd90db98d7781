// Loss: how it is found and repaired (RFC 6675 with SACK, RFC 6582 without, RFC 6298 when nothing comes back).
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

std::uint32_t TcpCore::flight(const Connection& c) const { return c.snd_max - c.snd_una; }

// Bytes believed to be on the way. With SACK as SetPipe() of RFC 6675, 4 has it; without, each duplicate ACK stands for
// a segment that has arrived. That also is limited transmit (RFC 3042): the first two let one new segment out each.
std::uint32_t TcpCore::pipe(const Connection& c) const {
  if (c.recovering) {
    const std::uint32_t all = c.snd_nxt - c.snd_una;
    if (c.scoreboard != nullptr) {
      const Seq lost = c.scoreboard->lost_below(c.snd_una, c.mss);
      return all - c.scoreboard->sacked() - c.scoreboard->hole_bytes(later_of(c.high_rxt, c.snd_una), lost);
    }
    return all - std::min<std::uint32_t>(all, std::uint32_t{c.dup_acks} * c.mss);
  }
  const std::uint32_t all = c.snd_nxt - c.snd_una;
  if (c.scoreboard != nullptr) return all - c.scoreboard->sacked_below(c.snd_nxt);
  return all - (c.going_back ? 0 : std::min<std::uint32_t>(all, std::uint32_t{c.dup_acks} * c.mss));
}

// After an ACK that acknowledged `acked` bytes cumulatively.
void TcpCore::detect_loss(Connection& c, std::uint32_t acked) {
  if (c.going_back) {
    if (c.snd_una >= c.recover) c.going_back = false;
    return;
  }
  if (c.recovering) {
    if (c.snd_una >= c.recover) {
      c.recovering = false;
      c.dup_acks = 0;
      // What is left in flight, and a little more, but no burst (RFC 6582, 3.2, step 3, option 1).
      c.congestion.cwnd = std::min(c.congestion.ssthresh, std::max(flight(c), std::uint32_t{c.mss}) + c.mss);
    } else if (acked > 0 && !c.sack) {
      // A partial ACK: the next hole begins here (RFC 6582, 3.2, step 3).
      c.dup_acks = static_cast<std::uint8_t>(c.dup_acks - std::min<std::uint32_t>(c.dup_acks, acked / c.mss));
      c.retransmit_due = true;
    }
    return;
  }
  if (c.everything_acked()) return;
  const bool lost = c.scoreboard != nullptr && c.scoreboard->lost_below(c.snd_una, c.mss) > c.snd_una;
  if (lost || c.dup_acks >= TcpScoreboard::kDupThresh) enter_recovery(c);
}

void TcpCore::enter_recovery(Connection& c) {
  ++stats.fast_recoveries;
  congestion(c).on_loss(c.congestion, flight(c), c.mss);
  c.recovering = true;
  c.recover = c.snd_max;
  c.high_rxt = c.snd_una;
  c.retransmit_due = true;
  c.timing = false;
}

// What is to be sent again now, if anything: NextSeg() of RFC 6675, rule 1, or what going back has come to.
bool TcpCore::next_retransmission(Connection& c, SackBlock* range) {
  if (c.everything_acked()) {
    c.retransmit_due = false;
    return false;
  }
  const Seq sent_end = c.snd_max;
  if (c.retransmit_due) {
    *range = {c.snd_una, earlier_of(c.snd_una + c.mss, sent_end)};
    if (c.scoreboard != nullptr) *range = c.scoreboard->next_hole(c.snd_una, range->right);
    if (range->left < range->right) return true;
    c.retransmit_due = false;
  }
  Seq limit;
  Seq from;
  if (c.recovering && c.scoreboard != nullptr) {
    from = later_of(c.high_rxt, c.snd_una);
    limit = c.scoreboard->lost_below(c.snd_una, c.mss);
  } else if (c.going_back && c.snd_nxt < c.snd_max) {
    from = c.snd_nxt;
    limit = earlier_of(sent_end, c.snd_una + std::max(c.snd_wnd, 1u));
  } else {
    return false;
  }
  *range = c.scoreboard != nullptr ? c.scoreboard->next_hole(from, limit) : SackBlock{from, limit};
  if (range->left >= range->right) {
    if (c.going_back && limit == sent_end) c.snd_nxt = c.snd_max;
    return false;
  }
  const std::uint32_t used = pipe(c);
  const std::uint32_t budget = c.congestion.cwnd > used ? c.congestion.cwnd - used : 0;
  if (budget < c.mss && used > 0) return false;
  const std::uint32_t whole = std::max<std::uint32_t>(budget / c.mss * c.mss, c.mss);
  range->right = earlier_of(range->right, range->left + std::min(whole, super_segment_limit(c)));
  return true;
}

// RFC 6298, 5.4 to 5.7, and RFC 5681, 3.1.
void TcpCore::on_retransmission_timeout(Connection& c) {
  ++stats.retransmission_timeouts;
  if (c.retries == 0) congestion(c).on_timeout(c.congestion, flight(c), c.mss);
  c.congestion.cwnd = c.mss;
  // The peer may have dropped what it had SACKed (RFC 2018, 8): believe it once, not twice.
  if (c.scoreboard != nullptr && (c.retries > 0 || c.scoreboard->contains(c.snd_una))) drop_scoreboard(c);
  ++c.retries;
  if (c.backoff < 16) ++c.backoff;
  c.recovering = false;
  c.going_back = true;
  c.recover = c.snd_max;
  c.snd_nxt = c.snd_una;
  c.dup_acks = 0;
  c.timing = false;
  c.retransmit_due = true;
  set_retransmit(c);
  want_output(c);
}

}  // namespace weft::net
