// What an acceptable ACK means (RFC 9293, 3.10.7.4, fifth, ESTABLISHED and later).
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

void TcpCore::take_ack(Connection& c, const TcpInput& in) {
  const TcpSegment& s = in.segment;
  const Seq una = c.snd_una;
  const std::uint32_t news = s.sack_count != 0 ? take_sack(c, s) : 0;
  if (s.ack > una) {
    advance_una(c, s.ack, s);
    update_send_window(c, s);
  } else {
    // RFC 5681, 2: what makes an ACK a duplicate. With SACK it is the news in it that counts (RFC 6675, 2).
    const std::uint32_t window = std::uint32_t{s.window} << c.snd_wscale;
    const bool plain = s.ack == una && !c.everything_acked() && in.length() == 0 && window == c.snd_wnd;
    update_send_window(c, s);
    if ((c.sack ? news > 0 : plain) && c.dup_acks < 255) ++c.dup_acks;
  }
  // Whoever answers is alive, also while his window stays closed; an orphan's patience ends nevertheless.
  if (c.everything_acked() && !c.orphan) c.retries = 0;
  detect_loss(c, c.snd_una - una);
  if (c.state >= TcpState::kFinWait1 && c.fin_sent && c.everything_acked()) after_fin_acked(c);
  if (c.has_to_send() || c.going_back || c.recovering) want_output(c);
}

// RFC 2018, 4. Returns the bytes that are news. Blocks that are old, or D-SACK (RFC 2883), or
// nonsense, are passed over.
std::uint32_t TcpCore::take_sack(Connection& c, const TcpSegment& s) {
  if (!c.sack) return 0;
  std::uint32_t news = 0;
  for (std::size_t i = 0; i < s.sack_count; ++i) {
    const SackBlock block = s.sack[i];
    if (block.left <= later_of(s.ack, c.snd_una) || block.right <= block.left || block.right > c.snd_max) continue;
    if (c.scoreboard == nullptr) c.scoreboard = scoreboards_.create();
    news += c.scoreboard->add(block);
  }
  return news;
}

void TcpCore::advance_una(Connection& c, Seq ack, const TcpSegment& s) {
  measure_rtt(c, s);
  std::uint32_t acked = ack - c.snd_una;
  // Congestion avoidance sees only what a full window brought (RFC 7661).
  if (!c.recovering && !c.going_back && c.cwnd_limited) {
    congestion(c).on_ack(c.congestion, {acked, now_ms, c.srtt_us / 1000, c.mss});
  } else if (c.going_back) {
    congestion(c).on_ack(c.congestion, {std::min<std::uint32_t>(acked, 2u * c.mss), now_ms, c.srtt_us / 1000, c.mss});
  }
  c.snd_una = ack;
  if (c.snd_nxt < ack) c.snd_nxt = ack;
  if (c.fin_sent && ack == c.snd_max) --acked;
  std::uint64_t released = 0;
  HeldQueue::take(c.sent, acked, &released, c.unsent.empty() ? nullptr : c.unsent.front().buffer());
  c.bytes_out += acked;
  c.retries = 0;  // the back-off stays until something was measured (Karn; RFC 6298, 5.7)
  c.progress_ms = now_ms;
  if (c.scoreboard != nullptr) {
    c.scoreboard->advance(ack);
    if (c.scoreboard->empty()) drop_scoreboard(c);
  }
  if (!c.recovering) c.dup_acks = 0;
  c.retransmit_due = false;
  c.retransmit_ms = 0;
  if (!c.everything_acked()) set_retransmit(c);
  release_sent(c, released);
  tell_writable(c);
}

// A quarter of the buffer at a time, so that the owner is not woken for each ACK.
void TcpCore::tell_writable(Connection& c) {
  if (!c.wants_space) return;
  const std::size_t space = send_space(c);
  if (space < settings_of(c).send_buffer_max / 4 && !(space > 0 && c.sent.empty() && c.unsent.empty())) return;
  c.wants_space = false;
  raise(c, TcpEventKind::kWritable);
}

// RFC 6298, 3 and 4, and RFC 7323, 4.1: one measured segment a round trip, exact; when it was disturbed by a
// retransmission (Karn), the echoed timestamp, which knows which of the two was answered.
void TcpCore::measure_rtt(Connection& c, const TcpSegment& s) {
  if (c.timing) {
    if (s.ack < c.timed_seq) return;
    c.timing = false;
    return take_rtt_sample(c, now_us - c.timed_us);
  }
  if (!c.timestamps || !s.has_timestamps || s.tsecr == 0 || c.retries == 0) return;
  const std::uint32_t ms = now_ms + c.ts_offset - s.tsecr;
  if (ms < 600'000) take_rtt_sample(c, std::max(ms, 1u) * 1000);
}

void TcpCore::update_send_window(Connection& c, const TcpSegment& s) {
  if (c.snd_wl1 > s.seq || (c.snd_wl1 == s.seq && c.snd_wl2 > s.ack)) return;
  c.snd_wl1 = s.seq;
  c.snd_wl2 = s.ack;
  const std::uint32_t window = std::uint32_t{s.window} << c.snd_wscale;
  if (window == c.snd_wnd) return;
  // A window that opens ends the probing.
  if (window > c.snd_wnd && c.everything_acked()) {
    c.retransmit_ms = 0;
    c.backoff = 0;
  }
  c.snd_wnd = window;
  c.max_snd_wnd = std::max(c.max_snd_wnd, window);
}

void TcpCore::after_fin_acked(Connection& c) {
  switch (c.state) {
    case TcpState::kFinWait1:
      c.state = TcpState::kFinWait2;
      if (c.orphan) c.slow_ms = in_ms(options.fin_wait_2);
      break;
    case TcpState::kClosing: enter_time_wait(c); break;
    case TcpState::kLastAck: end(c, CloseReason::kOrderly); break;
    default: break;
  }
}

}  // namespace weft::net
