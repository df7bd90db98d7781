// The state of one connection, and of one in TIME-WAIT: plain values, ids instead of pointers to others, so that it can
// be written down and read back.
#pragma once

#include <cstdint>

#include "base/byte_chain.h"
#include "base/timer_wheel.h"
#include "dataplane/net/tcp_congestion.h"
#include "dataplane/net/tcp_reassembly.h"
#include "dataplane/net/tcp_flight.h"
#include "dataplane/net/tcp_sequence.h"
#include "dataplane/net/tcp_types.h"

namespace weft::net {

// Names as in RFC 9293, 3.3.1. Times that end in _ms are the engine's clock modulo 2^32; a deadline of 0 is not set.
//
// Sequence space of what we send:   snd_una <= snd_nxt
//   `sent`   holds the bytes from snd_una (or one later, while our SYN is not acknowledged),
//   `unsent` those behind it; our FIN, once sent, is the number before snd_nxt.
// snd_nxt never goes back: what is to be sent again is marked in the scoreboard.
struct TcpConnection : TimerNode {
  FlowKey key;
  InterfaceId pod = kNoInterface;
  std::uint32_t index = 0;
  std::uint32_t account = 0;  // slot in TcpAccounts

  TcpState state = TcpState::kClosed;
  CloseReason reason = CloseReason::kNone;
  Interception interception = Interception::kOutbound;
  std::uint8_t events = 0;  // bit per TcpEventKind, not yet polled

  bool orphan : 1 = false;          // the owner gave the id up
  bool doomed : 1 = false;          // waits for its storage to be freed
  bool half_open : 1 = false;       // counts against the SYN queue
  bool from_cookie : 1 = false;     // the peer has answered a SYN cookie: no SYN-ACK is needed
  bool output_queued : 1 = false;   // stands in the output queue
  bool syn_due : 1 = false;         // a SYN or SYN-ACK is to be sent (again)
  bool fin_queued : 1 = false;      // FIN follows what is in the send queue
  bool fin_sent : 1 = false;
  bool retransmit_due : 1 = false;  // the first lost segment, whatever the windows say
  bool probe_due : 1 = false;       // window probe or keepalive
  bool timestamps : 1 = false;      // agreed on
  bool sack : 1 = false;            // agreed on
  bool ecn : 1 = false;             // agreed on
  bool ecn_echo : 1 = false;        // congestion was marked, and the peer has not said CWR since
  bool cwr_due : 1 = false;         // our window was reduced: new data says so
  bool recovering : 1 = false;      // fast recovery, until `recover` is acknowledged
  bool rto_recovery : 1 = false;    // after a timeout, until `recover` is acknowledged
  bool cwnd_limited : 1 = false;    // the congestion window was what stopped us last
  bool wants_space : 1 = false;     // promised a kWritable
  bool waits_to_receive : 1 = false;  // stands among the account's waiters
  bool waits_to_send : 1 = false;     // among those for room to send
  bool window_scale : 1 = false;    // agreed on
  bool unreachable : 1 = false;     // ICMP said so, and nothing came since
  bool nagle : 1 = false;
  AckMode ack_mode : 2 = AckMode::kAdaptive;
  CongestionAlgorithm algorithm : 1 = CongestionAlgorithm::kCubic;

  std::uint8_t snd_wscale = 0, rcv_wscale = 0;
  std::uint8_t backoff = 0;   // doublings of the timeout
  std::uint8_t retries = 0;   // expiries, or probes, without an answer
  std::uint8_t dup_acks = 0;
  std::uint8_t acks_due = 0;  // ACKs to be sent at once
  std::uint8_t quick_acks = 0;
  std::uint8_t keepalives = 0;  // probes without an answer

  // ---- sending
  ByteChain sent, unsent;
  TcpFlight* flight = nullptr;  // while something is in flight, or a verdict on it is awaited
  Seq snd_una, snd_nxt;
  Seq snd_wl1;  // of the segment that snd_wnd is from; SND.WL2 would always be snd_una
  Seq recover;    // RFC 6582; RecoveryPoint of RFC 6675
  Seq small_end;  // the number after the last segment that was not full
  std::uint32_t snd_wnd = 0, max_snd_wnd = 0;
  std::uint16_t mss = 0;       // payload bytes of a full segment, options taken off
  std::uint16_t peer_mss = 0;  // as the peer said
  CongestionState congestion;
  std::uint32_t send_memory = 0;  // buffer capacity held by `sent` and `unsent`

  // ---- receiving
  ByteChain received;
  TcpReassembly* reassembly = nullptr;  // while something waits for a hole
  Seq rcv_nxt;
  Seq rcv_adv;        // right edge of the window as advertised: never moves left
  Seq last_ack_sent;  // RFC 7323, 4.3
  std::uint32_t rcv_buffer = 0;      // what the window is made of
  std::uint32_t rcv_consumed = 0;    // bytes read since rcv_buffer last grew
  std::uint32_t receive_memory = 0;  // buffer capacity held by `received` and `reassembly`
  std::uint16_t rcv_mss = 0;         // largest segment that came: what the peer calls full
  std::uint16_t path_mtu = 0;        // of the interface, or as ICMP lowered it
  std::uint16_t answered_at = 0;     // when `answers` last fell, in half seconds of the clock
  std::uint8_t answers = 0;          // given to what was out of place, and not forgotten yet

  // ---- time
  std::uint32_t ts_recent = 0, ts_recent_ms = 0, ts_offset = 0;
  std::uint32_t srtt_us = 0, rttvar_us = 0, rto_ms = 0;
  Seq rtt_round;             // acknowledged: a round trip is over, and its sample is taken
  std::uint32_t syn_us = 0;  // when our SYN was sent
  TcpPath path;
  std::uint32_t retransmit_ms = 0;  // deadline: retransmission, or window probe when nothing is in flight
  std::uint32_t ack_ms = 0;         // deadline: delayed ACK
  std::uint32_t slow_ms = 0;        // deadline: connect, keepalive or FIN-WAIT-2
  std::uint32_t progress_ms = 0;    // when the peer last acknowledged something new, or had everything
  std::uint32_t received_ms = 0;    // when anything came
  std::uint32_t sent_ms = 0;        // when data was last sent
  std::uint32_t retransmits = 0;

  std::uint64_t bytes_in = 0, bytes_out = 0;
  TcpSettings* settings = nullptr;  // while they differ from the defaults

  bool synchronized() const { return state >= TcpState::kSynReceived; }
  bool handshaking() const { return state == TcpState::kSynSent || state == TcpState::kSynReceived; }
  // The peer's FIN has not come.
  bool receives() const {
    return state == TcpState::kEstablished || state == TcpState::kFinWait1 || state == TcpState::kFinWait2;
  }
  bool acks_quickly() const {
    return ack_mode == AckMode::kQuick || (ack_mode == AckMode::kAdaptive && quick_acks > 0);
  }
  void heard(std::uint32_t now_ms) {
    received_ms = now_ms;
    keepalives = 0;
    unreachable = false;
  }
  bool everything_acked() const { return snd_una == snd_nxt; }
  bool in_recovery() const { return recovering || rto_recovery; }
  bool has_to_send() const { return !unsent.empty() || (fin_queued && !fin_sent); }
  std::uint32_t receive_window() const { return rcv_adv - rcv_nxt; }
};

// Issue 4: an idle connection costs TCP at most 400 bytes. Of these, slab and table take up to 16 (tcp_scale_test.cc).
static_assert(sizeof(TcpConnection) <= 384);

// RFC 9293 3.3.2; what RFC 6191 needs to let a new incarnation in.
struct TcpTimeWait : TimerNode {
  FlowKey key;
  InterfaceId pod = kNoInterface;
  std::uint32_t index = 0;
  Seq snd_nxt, rcv_nxt;
  std::uint32_t window = 0;  // as last advertised
  std::uint32_t ts_recent = 0, ts_offset = 0;
  std::uint32_t fin_ms = 0;  // when the peer's FIN came last
  std::uint16_t window_field = 0;
  bool timestamps = false;
};

// Of deadlines, modulo 2^32.
inline bool before_ms(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

}  // namespace weft::net
