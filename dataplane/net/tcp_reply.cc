// Answers that belong to no connection, or must go at once: RSTs, challenge ACKs, ACKs of duplicates.
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

void TcpCore::queue_reply(Packet&& datagram) {
  if (replies_.size() >= options.replies_queued) {
    ++stats.drop_replies_full;
    return;
  }
  replies_.push(std::move(datagram));
}

void TcpCore::reply_reset(const FlowKey& key, const TcpInput& in) {
  TcpSegment s;
  if (in.segment.is(kAck)) {
    s.seq = in.segment.ack;
    s.flags = kRst;
  } else {
    s.ack = in.segment.seq + in.length();
    s.flags = kRst | kAck;
  }
  Packet datagram;
  if (replies_.size() < options.replies_queued && build_headers(key, s, 0, headers, &datagram)) ++stats.resets_out;
  if (!datagram.bytes.empty()) queue_reply(std::move(datagram));
}

void TcpCore::send_reset(Connection& c) {
  TcpSegment s;
  s.seq = c.state == TcpState::kSynPending && !c.from_cookie ? Seq() : c.snd_nxt;
  s.flags = kRst | kAck;
  s.has_timestamps = c.timestamps && c.synchronized();  // RFC 7323, 3.2: should be there
  fill_ack_fields(c, s);
  if (c.state == TcpState::kSynPending && c.reassembly != nullptr) s.ack += c.reassembly->length_from(c.rcv_nxt);
  Packet datagram;
  if (!build_headers(c.key, s, 0, headers, &datagram)) return;
  ++stats.resets_out;
  queue_reply(std::move(datagram));
}

void TcpCore::ack_now(Connection& c) {
  if (c.acks_due == 0) c.acks_due = 1;
  want_output(c);
}

void TcpCore::quicken_acks(Connection& c) const {
  c.quick_acks = static_cast<std::uint8_t>(std::min(options.quick_acks, 255u));
}

// Each on its own and at once, so that the peer can tell which of its retransmissions were needless.
void TcpCore::ack_duplicate(Connection& c, SackBlock duplicate) {
  quicken_acks(c);
  if (!c.sack) return ack_now(c);
  TcpSegment s;
  s.seq = c.snd_nxt;
  s.flags = kAck;
  s.sack[s.sack_count++] = duplicate;
  add_sack_blocks(c, s);
  const std::uint8_t due = c.reassembly != nullptr ? c.acks_due : std::uint8_t{0};
  Packet datagram;
  if (!emit(c, s, {}, &datagram)) return ack_now(c);
  c.acks_due = due;
  ++stats.dsacks_out;
  queue_reply(std::move(datagram));
}

void TcpCore::send_ack(Connection& c) {
  Packet datagram;
  TcpSegment s;
  s.seq = c.snd_nxt;
  s.flags = kAck;
  if (emit(c, s, {}, &datagram)) queue_reply(std::move(datagram));
}

void TcpCore::challenge_ack(Connection& c) {
  if (may_answer(c) && take_challenge_token()) ack_now(c);
}

// Two peers that disagree about their numbers answer each other's answers: one forged segment starts a storm of ACKs
// that never ends. So what brings no text is answered a few times in a row, and then once in half a second (Linux's
// tcp_invalid_ratelimit).
bool TcpCore::may_answer(Connection& c) {
  constexpr std::uint8_t kAtOnce = 8;
  const auto half_second = static_cast<std::uint16_t>(now_ms / 500);
  const auto regained = static_cast<std::uint16_t>(half_second - c.answered_at);
  c.answers = static_cast<std::uint8_t>(c.answers - std::min<std::uint16_t>(regained, c.answers));
  c.answered_at = half_second;
  if (c.answers >= kAtOnce) {
    ++stats.challenge_acks_suppressed;
    return false;
  }
  ++c.answers;
  return true;
}

// RFC 5961, 7. Each second's budget is drawn anew around the limit, so that nobody can count it down from outside
// (CVE-2016-5696).
bool TcpCore::take_challenge_token() {
  if (now >= challenge_refill_) {
    challenge_refill_ = now + Duration::seconds(1);
    const std::uint32_t half = (options.challenge_acks_per_second + 1) / 2;
    challenge_tokens_ = half + static_cast<std::uint32_t>(
                                   random.below(std::max(options.challenge_acks_per_second, 1u)));
  }
  if (challenge_tokens_ == 0) {
    ++stats.challenge_acks_suppressed;
    return false;
  }
  --challenge_tokens_;
  ++stats.challenge_acks;
  return true;
}

}  // namespace weft::net
