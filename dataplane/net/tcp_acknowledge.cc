// What an acceptable ACK means (RFC 9293, 3.10.7.4, fifth, ESTABLISHED and later).
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

void TcpCore::take_ack(Connection& c, const TcpInput& in) {
  const TcpSegment& s = in.segment;
  AckNews news;
  if (c.timestamps && s.has_timestamps && s.tsecr != 0) {
    news.has_stamp = true;
    news.echo_age_ms = now_ms + c.ts_offset - s.tsecr;
  }
  // RFC 5681, 2: what makes an ACK a duplicate. With SACK it is the news in it that counts (RFC 6675, 2).
  const std::uint32_t window = std::uint32_t{s.window} << c.snd_wscale;
  const bool same = s.ack == c.snd_una && in.length() == 0 && window == c.snd_wnd;
  const bool plain = same && !c.everything_acked();
  take_dsack(c, s, news);
  if (s.ack > c.snd_una) advance_una(c, s.ack, news);
  update_send_window(c, s, news.acked > 0);
  take_sack(c, s, news);
  news.duplicate = news.acked == 0 && (c.sack ? news.sacked > 0 : plain);
  news.bare_duplicate = same && s.sack_count == 0;
  if (news.duplicate && c.dup_acks < 255) ++c.dup_acks;
  // Whoever answers is alive, also while his window stays closed; an orphan's patience ends nevertheless.
  if (c.everything_acked() && !c.orphan) c.retries = 0;
  recover(c, s, news);
  if (c.state >= TcpState::kFinWait1 && c.fin_sent && c.everything_acked()) after_fin_acked(c);
  if (c.has_to_send() || c.in_recovery()) want_output(c);
}

namespace {

// A duplicate of what we sent once only (RFC 3708, 2). Seen where the record is still there, or nothing was ever sent
// twice; a probe may have covered what is SACKed, whose record does not say so.
bool made_by_network(const TcpConnection& c, SackBlock duplicate) {
  if (c.retransmits == 0) return true;
  if (c.flight == nullptr || (c.flight->tlp_pending && c.flight->tlp_is_retrans)) return false;
  return c.flight->board.sent_once(duplicate);
}

}  // namespace

// RFC 2883, 4: the first block, when it lies below the ACK or inside of the second. Not older than a window: it could
// speak of anything.
void TcpCore::take_dsack(Connection& c, const TcpSegment& s, AckNews& news) {
  if (!c.sack || s.sack_count == 0) return;
  const SackBlock& first = s.sack[0];
  const SackBlock& second = s.sack[1];
  const bool inside = s.sack_count > 1 && second.left <= first.left && first.right <= second.right;
  if (first.right > s.ack && !inside) return;
  if (first.right <= first.left || first.left < c.snd_una - c.max_snd_wnd || first.right > c.snd_nxt) return;
  ++stats.dsacks_in;
  news.has_dsack = true;
  news.dsack = first;
  if (made_by_network(c, first)) {
    ++stats.dsacks_by_network;
    c.path.duplicates = 1;
    return;
  }
  if (c.flight == nullptr) return;
  // The needless probe says nothing about reordering.
  const bool probe = c.flight->tlp_pending && c.flight->tlp_is_retrans && first.right == c.flight->tlp_end_seq;
  if (!probe) c.flight->rack.on_dsack(c.snd_una, c.snd_nxt, c.path);
}

// RFC 2018, 4, in the order of the numbers, as RACK wants to hear of them. Blocks that are old, or nonsense, are passed
// over.
void TcpCore::take_sack(Connection& c, const TcpSegment& s, AckNews& news) {
  if (!c.sack || s.sack_count == 0 || c.flight == nullptr) return;
  std::array<SackBlock, 4> blocks = s.sack;
  for (std::size_t i = 1; i < s.sack_count; ++i) {
    for (std::size_t j = i; j > 0 && blocks[j].left < blocks[j - 1].left; --j) std::swap(blocks[j], blocks[j - 1]);
  }
  TcpScoreboard& board = c.flight->board;
  for (std::size_t i = 0; i < s.sack_count; ++i) {
    const SackBlock block{later_of(blocks[i].left, c.snd_una), blocks[i].right};
    if (block.right <= block.left || block.right > c.snd_nxt || blocks[i].left < s.ack) continue;
    board.sack(block, board.records_max(c.mss), transmissions_, [&](const Transmission& t) {
      news.sacked += t.end - t.begin;
      deliver(c, t, news);
    });
  }
  board.compact(transmissions_);
}

// A segment has arrived at the peer.
void TcpCore::deliver(Connection& c, const Transmission& t, AckNews& news) {
  news.delivered += t.end - t.begin;
  c.flight->rack.on_delivered(t, now_us, age_ms(t.xmit_us), c.path, news);
}

void TcpCore::advance_una(Connection& c, Seq ack, AckNews& news) {
  std::uint32_t acked = news.acked = ack - c.snd_una;
  if (c.flight != nullptr) {
    c.flight->board.acknowledge(ack, transmissions_, [&](const Transmission& t) { deliver(c, t, news); });
  }
  const bool round_over = measure_rtt(c, ack, news);
  if (!c.recovering) {
    const std::uint32_t gap_ms = now_ms - c.progress_ms;
    AckSample sample{c.cwnd_limited ? acked : 0, now_ms, c.srtt_us / 1000, c.mss, news.rtt_us, round_over, gap_ms};
    if (c.rto_recovery) sample.acked = std::min<std::uint32_t>(acked, 2u * c.mss);
    congestion(c).on_ack(c.congestion, sample);
  }
  if (round_over) c.rtt_round = c.snd_nxt;
  c.snd_una = ack;
  if (c.fin_sent && ack == c.snd_nxt) --acked;
  std::uint64_t released = 0;
  HeldQueue::take(c.sent, acked, &released, c.unsent.empty() ? nullptr : c.unsent.front().buffer());
  c.bytes_out += acked;
  c.retries = 0;  // the back-off stays until something was measured (Karn; RFC 6298, 5.7)
  c.progress_ms = now_ms;
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

// RFC 6298, 3 and 4, and RFC 7323, 4.1: one sample a round trip, of an ACK for what was sent once only (Karn); when
// there is none, after a timeout, of the echoed timestamp. Where the original had come, its ACK was lost and the
// duplicate brought the next one, the echo is as old as the timeout was long: taken for a round trip it would make the
// next timeout longer still. A back-off does not wait for the round trip's end: where bursts are lost, a timeout for
// each hole of one flight would double the next one's. RACK.min_RTT sees every sample. True: a round trip is over.
bool TcpCore::measure_rtt(Connection& c, Seq ack, const AckNews& news) {
  if (news.rtt_us != 0) c.path.on_rtt(news.rtt_us, now_ms);
  const bool round_over = ack >= c.rtt_round;
  if (!round_over && c.backoff == 0) return false;
  if (news.rtt_us != 0 && !news.retransmitted) {
    take_rtt_sample(c, news.rtt_us);
  } else if (news.echo_fits && news.has_stamp && c.backoff != 0 && news.echo_age_ms < 600'000) {
    take_rtt_sample(c, std::max(news.echo_age_ms, 1u) * 1000);
  }
  return round_over;
}

// What the handshake measured: exact, or by the timestamp that was echoed when the SYN was sent more than once.
void TcpCore::measure_handshake(Connection& c, const TcpSegment& s) {
  const std::uint32_t age = now_ms + c.ts_offset - s.tsecr;
  if (c.retransmits == 0) {
    take_rtt_sample(c, now_us - c.syn_us);
    c.path.on_rtt(now_us - c.syn_us, now_ms);
  } else if (c.timestamps && s.has_timestamps && s.tsecr != 0 && age < 600'000) {
    take_rtt_sample(c, std::max(age, 1u) * 1000);
  }
}

// An older ACK says nothing: its window begins before SND.UNA. One that acknowledges more than any before is the latest
// whatever its number, and text sent again has an old one. Were its window not taken, the one from before would reach
// beyond the peer's edge, as SND.UNA has moved (Linux takes it too: tcp_may_update_window).
void TcpCore::update_send_window(Connection& c, const TcpSegment& s, bool advanced) {
  if (s.ack < c.snd_una || (!advanced && c.snd_wl1 > s.seq)) return;
  c.snd_wl1 = s.seq;
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
