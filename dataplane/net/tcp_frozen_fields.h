// What is written of a connection, field by field: one list, for FrozenWriter and FrozenReader alike. What is not here
// is made anew: indices, account slots, memory counts, places in queues, mss (of path_mtu, peer_mss and settings).
#pragma once

#include "dataplane/net/tcp_archive.h"
#include "dataplane/net/tcp_connection.h"

namespace weft::net {

// A new field belongs into the list below, and the version counts up.
static_assert(sizeof(TcpConnection) == 376 && sizeof(TcpFlight) == 160 && sizeof(TcpTimeWait) == 104 &&
              sizeof(TcpSettings) == 56 && sizeof(TcpReassembly) == 56);

// Sequence numbers that a connection has in use, and windows, lie closer together than that.
inline constexpr std::uint32_t kSequenceSpan = 1u << 30;

#define WEFT_TCP_FLAGS(X)                                                                                        \
  X(orphan) X(half_open) X(from_cookie) X(output_queued) X(syn_due) X(fin_queued) X(fin_sent) X(retransmit_due)  \
  X(probe_due) X(timestamps) X(sack) X(ecn) X(ecn_echo) X(cwr_due) X(recovering) X(rto_recovery)                 \
  X(cwnd_limited) X(wants_space) X(waits_to_receive) X(window_scale) X(unreachable) X(nagle) X(waits_to_send)

template <typename A, typename C>
void transfer_flags(A& a, C& c) {
  std::uint32_t flags = 0, bit = 0;
  if constexpr (!A::kReads) {
#define WEFT_PACK(name) flags |= std::uint32_t{c.name} << bit++;
    WEFT_TCP_FLAGS(WEFT_PACK)
#undef WEFT_PACK
  }
  a("flags", flags);
  if constexpr (A::kReads) {
#define WEFT_UNPACK(name) c.name = (flags >> bit++ & 1) != 0;
    WEFT_TCP_FLAGS(WEFT_UNPACK)
#undef WEFT_UNPACK
    a.require(flags >> bit == 0, "flags");
  }
}

template <typename A, typename K>
void transfer_key(A& a, K& key) {
  a("interface", key.interface);
  a("local", key.local);
  a("remote", key.remote);
  if constexpr (A::kReads) a.require(key.local.address.is_v6() == key.remote.address.is_v6(), "remote");
}

template <typename A, typename C>
void transfer_state(A& a, C& c) {
  a.enumeration("state", c.state, TcpState::kTimeWait);
  a.enumeration("reason", c.reason, CloseReason::kMemoryLimit);
  a.enumeration("interception", c.interception, Interception::kInbound);
  a("events", c.events);
  transfer_flags(a, c);
  AckMode ack_mode = c.ack_mode;
  CongestionAlgorithm algorithm = c.algorithm;
  a.enumeration("ack_mode", ack_mode, AckMode::kDelayed);
  a.enumeration("algorithm", algorithm, CongestionAlgorithm::kCubic);
  if constexpr (A::kReads) c.ack_mode = ack_mode, c.algorithm = algorithm;
  a("backoff", c.backoff);
  a("retries", c.retries);
  a("dup_acks", c.dup_acks);
  a("acks_due", c.acks_due);
  a("quick_acks", c.quick_acks);
  a("keepalives", c.keepalives);
  a("answers", c.answers);
}

template <typename A, typename S>
void transfer_congestion(A& a, S& s) {
  a("cwnd", s.cwnd);
  a("ssthresh", s.ssthresh);
  if (s.in_initial_slow_start()) {
    a("last_round_min_us", s.hystart.last_round_min_us);
    a("current_round_min_us", s.hystart.current_round_min_us);
    a("css_baseline_us", s.hystart.css_baseline_us);
    a("samples", s.hystart.samples);
    a("css_rounds", s.hystart.css_rounds);
    a("train_begin_ms", s.hystart.train_begin_ms);
    return;
  }
  if constexpr (A::kReads) s.avoidance = AvoidanceState();
  a("w_max", s.avoidance.w_max);
  a("w_est", s.avoidance.w_est);
  a("epoch_ms", s.avoidance.epoch_ms);
  a("k_ms", s.avoidance.k_ms);
}

template <typename A, typename C>
void transfer_sending(A& a, C& c) {
  a("snd_wscale", c.snd_wscale);
  a("snd_una", c.snd_una);
  a("snd_nxt", c.snd_nxt);
  a("snd_wl1", c.snd_wl1);
  a("recover", c.recover);
  a("small_end", c.small_end);
  a("snd_wnd", c.snd_wnd);
  a("max_snd_wnd", c.max_snd_wnd);
  a("peer_mss", c.peer_mss);
  a("path_mtu", c.path_mtu);
  transfer_congestion(a, c.congestion);
  a.chain("sent", c.sent);
  a.chain("unsent", c.unsent);
}

template <typename A, typename C>
void transfer_receiving(A& a, C& c) {
  a("rcv_wscale", c.rcv_wscale);
  a("rcv_nxt", c.rcv_nxt);
  a("rcv_adv", c.rcv_adv);
  a("last_ack_sent", c.last_ack_sent);
  a("rcv_buffer", c.rcv_buffer);
  a("rcv_consumed", c.rcv_consumed);
  a("rcv_mss", c.rcv_mss);
  a.chain("received", c.received);
}

template <typename A, typename P>
void transfer_path(A& a, P& path) {
  std::uint8_t mult = path.reo_wnd_mult, persist = path.reo_wnd_persist;
  std::uint8_t seen = path.reordering_seen | path.duplicates << 1;
  a("min_rtt_us", path.min_rtt_us);
  a("min_rtt_s", path.min_rtt_s);
  a("reo_wnd_mult", mult);
  a("reo_wnd_persist", persist);
  a("reordering_seen", seen);
  if constexpr (A::kReads) {
    a.require(mult != 0 && mult < 128, "reo_wnd_mult");
    path.reo_wnd_mult = mult & 127;
    path.reo_wnd_persist = persist & 127;
    path.reordering_seen = seen & 1;
    path.duplicates = seen >> 1 & 1;
  }
}

template <typename A, typename C>
void transfer_time(A& a, C& c) {
  a("ts_recent", c.ts_recent);
  a("ts_recent_ms", c.ts_recent_ms);
  a("ts_offset", c.ts_offset);
  a("srtt_us", c.srtt_us);
  a("rttvar_us", c.rttvar_us);
  a("rto_ms", c.rto_ms);
  a("rtt_round", c.rtt_round);
  a("syn_us", c.syn_us);
  transfer_path(a, c.path);
  a("retransmit_ms", c.retransmit_ms);
  a("ack_ms", c.ack_ms);
  a("slow_ms", c.slow_ms);
  a("progress_ms", c.progress_ms);
  a("received_ms", c.received_ms);
  a("sent_ms", c.sent_ms);
  a("answered_at", c.answered_at);
  a("retransmits", c.retransmits);
  a("bytes_in", c.bytes_in);
  a("bytes_out", c.bytes_out);
}

template <typename A, typename S>
void transfer_settings(A& a, S& s) {
  a("nagle", s.nagle);
  a.enumeration("ecn", s.ecn, EcnMode::kWhenAsked);
  a.enumeration("acks", s.acks, AckMode::kDelayed);
  a("max_segment", s.max_segment);
  a("receive_buffer_max", s.receive_buffer_max);
  a("send_buffer_max", s.send_buffer_max);
  a("keepalive", s.keepalive);
  a("keepalive_idle", s.keepalive_idle);
  a("keepalive_interval", s.keepalive_interval);
  a("keepalive_probes", s.keepalive_probes);
  a("user_timeout", s.user_timeout);
}

template <typename A, typename F>
void transfer_undo(A& a, F& undo) {
  a("undo.possible", undo.possible);
  a("undo.fast", undo.fast);
  a("undo.retransmitted", undo.retransmitted);
  transfer_congestion(a, undo.before);
  a("undo.begin", undo.begin);
  a("undo.expires", undo.expires);
  a("undo.retransmit_ts", undo.retransmit_ts);
  a("undo.outstanding", undo.outstanding);
}

// All of it but the scoreboard.
template <typename A, typename F>
void transfer_flight(A& a, F& f) {
  a("rack.xmit_us", f.rack.xmit_us);
  a("rack.end_seq", f.rack.end_seq);
  a("rack.rtt_us", f.rack.rtt_us);
  a("rack.fack", f.rack.fack);
  a("rack.dsack_round", f.rack.dsack_round);
  a("rack.delivered_any", f.rack.delivered_any);
  a("rack.in_dsack_round", f.rack.in_dsack_round);
  a("prr.recover_fs", f.prr.recover_fs);
  a("prr.delivered", f.prr.delivered);
  a("prr.out", f.prr.out);
  a("reduced_us", f.reduced_us);
  a("loss_ms", f.loss_ms);
  a("reordering", f.reordering);
  a("tlp_end_seq", f.tlp_end_seq);
  a("tlp_pending", f.tlp_pending);
  a("tlp_is_retrans", f.tlp_is_retrans);
  a("tlp_probe_due", f.probe_due);
  a("ecn_recover", f.ecn_recover);
  a("ecn_reduced", f.ecn_reduced);
  transfer_undo(a, f.undo);
  a.enumeration("frto", f.frto, Frto::kSecondAck);
  if constexpr (A::kReads) a.require(f.prr.recover_fs != 0, "prr.recover_fs");
}

template <typename A, typename T>
void transfer_transmission(A& a, T& t) {
  a("transmission.end", t.end);
  a("transmission.xmit_us", t.xmit_us);
  a("transmission.retransmitted", t.retransmitted);
  a("transmission.sacked", t.sacked);
  a("transmission.lost", t.lost);
}

template <typename A, typename K>
void transfer_secret(A& a, K& key) {
  a("secret", key[0]);
  a("secret", key[1]);
}

template <typename A, typename T>
void transfer_time_wait(A& a, T& t) {
  transfer_key(a, t.key);
  a("pod", t.pod);
  a("snd_nxt", t.snd_nxt);
  a("rcv_nxt", t.rcv_nxt);
  a("window", t.window);
  a("ts_recent", t.ts_recent);
  a("ts_offset", t.ts_offset);
  a("fin_ms", t.fin_ms);
  a("window_field", t.window_field);
  a("timestamps", t.timestamps);
}

}  // namespace weft::net
