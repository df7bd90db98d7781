// What TCP counts. Plain integers of one worker; whoever reads sums the workers.
#pragma once

#include <cstdint>

namespace weft::net {

#define WEFT_TCP_STATS(X)                                                                                       \
  X(segments_in, "datagrams handed to TCP, super-segments counted once")                                        \
  X(segments_out, "datagrams that TCP produced, super-segments counted once")                                   \
  X(fast_path, "segments in that took the header prediction path")                                              \
  X(bytes_in, "payload bytes accepted in order")                                                                \
  X(bytes_out, "payload bytes sent, retransmissions included")                                                  \
  X(active_opens, "connect() calls that sent a SYN")                                                            \
  X(passive_opens, "SYNs that were accepted")                                                                   \
  X(established, "handshakes completed")                                                                        \
  X(resets_in, "acceptable RSTs that ended a connection")                                                       \
  X(resets_out, "RSTs sent")                                                                                    \
  X(retransmits, "segments sent again, for any reason")                                                         \
  X(retransmission_timeouts, "expiries of the retransmission timer")                                            \
  X(fast_recoveries, "losses detected by duplicate or selective acknowledgment")                                \
  X(rack_losses, "segments marked lost because others that were sent later arrived (RFC 8985 6)")                \
  X(tlp_probes, "tail loss probes sent (RFC 8985 7)")                                                           \
  X(tlp_recoveries, "losses that a tail loss probe repaired")                                                   \
  X(spurious_recoveries, "recoveries that were undone: what they sent again had arrived")                        \
  X(dsacks_in, "ACKs that report a duplicate (RFC 2883)")                                                       \
  X(dsacks_by_network, "of these, duplicates of what was sent once: the network makes them (RFC 3708 2)")         \
  X(dsacks_out, "duplicates reported to the peer (RFC 2883)")                                                   \
  X(ecn_ce_in, "segments that came with a congestion mark (RFC 3168)")                                          \
  X(ecn_reductions, "windows reduced because the peer echoed a congestion mark")                                \
  X(sack_reneging, "ACKs that took back what the peer had SACKed (RFC 2018 8)")                                 \
  X(window_probes, "zero-window probes sent")                                                                   \
  X(keepalive_probes, "keepalive probes sent")                                                                  \
  X(challenge_acks, "challenge ACKs sent (RFC 5961)")                                                           \
  X(challenge_acks_suppressed, "ACKs of what is refused (out of place, no memory) not sent: a limit")                  \
  X(syn_cookies_sent, "SYNs answered by a cookie: nothing is kept")                                             \
  X(syn_cookies_received, "handshakes that a cookie completed")                                                 \
  X(syn_cookies_failed, "ACKs of no connection that answer no cookie, while cookies are out")                   \
  X(out_of_order, "segments that were kept until a hole is filled")                                             \
  X(coalesced, "small segments or writes copied into the buffer before them")                                   \
  X(compacted, "small payloads copied out of a large buffer")                                                   \
  X(time_wait_entered, "connections that went to TIME-WAIT")                                                    \
  X(time_wait_reused, "TIME-WAIT entries replaced by a new connection (RFC 6191, or our own active open)")      \
  X(time_wait_evicted, "TIME-WAIT entries dropped before their time because the table was full")                \
  X(frozen, "connections and TIME-WAIT entries handed over as bytes")                                          \
  X(thawed, "connections and TIME-WAIT entries taken over from bytes")                                         \
  X(thaw_refused, "frozen connections refused: malformed, or no place for them")                               \
  X(pmtu_lowered, "connections whose segments shrank after an ICMP error")                                      \
  X(pmtu_black_holes, "connections whose segments shrank because full ones timed out in a row (RFC 8899 4.3)")  \
  X(drop_malformed, "segments with an impossible data offset or a broken header")                               \
  X(drop_no_connection, "segments of no connection, answered with RST")                                         \
  X(drop_reset_no_connection, "RSTs of no connection")                                                          \
  X(drop_syn_pod_queue_full, "SYNs, or the oldest waiting one, dropped: the pod's SYN queue is full")           \
  X(drop_syn_queue_full, "SYNs dropped: the worker's SYN queue is full")                                        \
  X(drop_too_many_connections, "SYNs, or answers to cookies, dropped: too many connections, or too many wait")  \
  X(drop_syn_waiting, "segments that came while their SYN still waited for a decision")                         \
  X(drop_unknown_interface, "SYNs by an interface that nobody announced")                                       \
  X(drop_paws, "segments with a timestamp older than the connection's (RFC 7323 5.3)")                          \
  X(drop_no_timestamp, "segments without the timestamp that was agreed on (RFC 7323 3.2)")                          \
  X(drop_time_wait, "segments of a connection in TIME-WAIT, RSTs included (RFC 1337)")                              \
  X(drop_out_of_window, "segments outside the receive window")                                                  \
  X(drop_reset_unacceptable, "RSTs outside the window, or in it but not at RCV.NXT (challenged)")               \
  X(drop_syn_in_window, "SYNs on a synchronized connection (challenged)")                                       \
  X(drop_ack_unacceptable, "segments that acknowledge what was never sent, or long ago")                        \
  X(drop_no_ack, "segments without ACK on a synchronized connection")                                           \
  X(drop_after_fin, "payload beyond the peer's own FIN")                                                        \
  X(drop_account_memory, "segments dropped: the account's memory limit is reached")                             \
  X(drop_connection_memory, "segments dropped: the connection holds too much buffer capacity")                  \
  X(drop_reassembly_full, "out-of-order segments dropped: too many pieces")                                     \
  X(drop_reassembly_pruned, "out-of-order bytes dropped again to make room for bytes in order")                 \
  X(drop_replies_full, "RSTs and stray ACKs not sent: too many waited")                                         \
  X(drop_header_pool, "segments not sent at once: the header pool was empty")                                   \
  X(icmp_ignored, "ICMP errors that named no segment in flight")

struct TcpStats {
#define WEFT_COUNTER(name, text) std::uint64_t name = 0;
  WEFT_TCP_STATS(WEFT_COUNTER)
#undef WEFT_COUNTER
};

// visit(name, meaning, value) for each counter, in the table's order.
template <typename Visit>
void for_each_counter(const TcpStats& stats, Visit&& visit) {
#define WEFT_COUNTER(name, text) visit(#name, text, stats.name);
  WEFT_TCP_STATS(WEFT_COUNTER)
#undef WEFT_COUNTER
}

}  // namespace weft::net
