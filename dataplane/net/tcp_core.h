// The protocol behind TcpEngine. One class, a file for each verb: the groups below name them.
#pragma once

#include <expected>
#include <functional>
#include <vector>

#include "base/timer_wheel.h"
#include "dataplane/net/tcp_connection.h"
#include "dataplane/net/tcp_engine.h"
#include "dataplane/net/tcp_frozen.h"
#include "dataplane/net/tcp_input.h"
#include "dataplane/net/tcp_isn.h"
#include "dataplane/net/tcp_memory.h"
#include "dataplane/net/tcp_ports.h"
#include "dataplane/net/tcp_segment.h"
#include "dataplane/net/tcp_syn_cookies.h"
#include "dataplane/net/tcp_table.h"

namespace weft::net {

class FrozenReader;

// Public calls set the clock first (begin) and free what has died last (bury): in between, a
// connection that ended stays where it is, in state CLOSED.
class TcpCore {
 public:
  using Connection = TcpConnection;

  TcpCore(const TcpOptions& options, BufferPool& headers, Random random);
  ~TcpCore();

  // ---- tcp_core.cc: life of a connection
  void begin(Time now);
  void bury();
  Connection* find(ConnectionId id);  // nullptr: stale, or given up
  ConnectionId id_of(const Connection& c) const { return {c.index, table.connections.generation(c.index)}; }
  Connection& create(const FlowKey& key, InterfaceId pod, AccountId account);
  void establish(Connection& c);
  // The protocol is done with it. The owner still reads what came, unless it is an orphan.
  void end(Connection& c, CloseReason reason);
  void end_with_reset(Connection& c, CloseReason reason);
  void orphan(Connection& c);
  void raise(Connection& c, TcpEventKind kind);
  bool poll_event(TcpEvent* event);
  void forget_half_open(Connection& c);

  // ---- tcp_settings.cc
  const TcpSettings& settings_of(const Connection& c) const { return c.settings != nullptr ? *c.settings : defaults; }
  void set_settings(Connection& c, const TcpSettings& settings);
  void drop_settings(Connection& c);
  void set_options(const TcpOptions& options);
  // What our SYN offers and says.
  std::uint8_t window_shift(const TcpSettings& s) const;
  std::uint16_t advertised_mss(const FlowKey& key, const TcpSettings& s) const;
  void update_mss(Connection& c);  // after the path MTU, the peer's MSS or a setting changed

  // ---- tcp_user.cc: calls of the owner
  std::expected<ConnectionId, ConnectError> connect(const ConnectRequest& request);
  void send(Connection& c, ByteChain&& bytes);
  std::size_t send_space(Connection& c);
  ByteChain receive(Connection& c, std::size_t max);
  void shutdown_send(Connection& c);
  void close(Connection& c);
  void abort(Connection& c);
  TcpInfo info(const Connection& c) const;
  void abort_all_of(InterfaceId pod);

  // ---- tcp_listener.cc: SYNs that nobody expects, and what becomes of them
  void listen_input(TcpInput& in, const TcpArrival& arrival, Seq isn_above, bool has_isn_above);
  void pending_input(Connection& c, TcpInput& in);
  void accept_syn(Connection& c, AccountId account);
  void refuse_syn(Connection& c);

  // ---- tcp_input.cc: the steps of RFC 9293, 3.10.7
  void input(Packet&& datagram, const TcpArrival& arrival);

  // ---- tcp_output.cc
  bool poll_output(Packet* datagram);
  void want_output(Connection& c);

  // ---- tcp_reply.cc
  void reply_reset(const FlowKey& key, const TcpInput& in);  // 3.10.7.1
  void send_reset(Connection& c);
  void ack_now(Connection& c);        // one ACK, with the next output
  void quicken_acks(Connection& c) const;  // as AckMode::kAdaptive says
  void ack_duplicate(Connection& c, SackBlock duplicate);  // what came twice (RFC 2883), into the reply queue
  void send_ack(Connection& c);       // at once, into the reply queue
  void challenge_ack(Connection& c);  // RFC 5961, within its limit

  // ---- tcp_timers.cc
  Time deadline() const;
  void on_timer();
  void arm(Connection& c);  // after any deadline changed
  void set_keepalive(Connection& c);
  void set_retransmit(Connection& c);
  void heed_user_timeout(Connection& c);
  void take_rtt_sample(Connection& c, std::uint32_t rtt_us);
  std::uint32_t in_ms(Duration d) const;  // a deadline: d from now, rounded up, never 0
  // How far our timestamps (RFC 7323) have moved on since a time of the recent past.
  std::uint32_t age_ms(std::uint32_t past_us) const;

  // ---- tcp_time_wait.cc
  void enter_time_wait(Connection& c);
  void time_wait_input(TcpTimeWait& t, TcpInput& in, const TcpArrival& arrival);
  void forget(TcpTimeWait& t);

  // ---- tcp_freeze.cc, tcp_thaw.cc
  FrozenConnection freeze(Connection& c);  // which is gone then
  void freeze_rest(const std::function<void(FrozenConnection&&)>& take);
  std::expected<ConnectionId, ThawError> thaw(ByteSpan frozen, BufferPool& payload);

  // ---- tcp_icmp.cc, tcp_path_mtu.cc
  void on_icmp_error(const FlowKey& key, const IcmpError& error);
  bool lower_path_mtu(Connection& c, std::uint32_t mtu);  // true: segments are smaller now
  void suspect_black_hole(Connection& c);                 // at a retransmission timeout
  void set_interface(InterfaceId id, const TcpEngine::Interface& interface);

  // ---- tcp_core.cc: memory
  bool make_room(Connection& c, std::uint64_t cost);  // for received bytes; false: drop them
  // Buffer capacity that one connection's received bytes may hold: four times the payload (HeldQueue copies what would
  // waste more), and a buffer or two beyond.
  std::uint64_t receive_memory_limit(const Connection& c) const {
    return std::uint64_t{settings_of(c).receive_buffer_max} * 4 + 131'072;
  }
  void hold_received(Connection& c, std::uint64_t bytes);
  void release_received(Connection& c, std::uint64_t bytes);
  void hold_sent(Connection& c, std::uint64_t bytes);
  void release_sent(Connection& c, std::uint64_t bytes);
  void drop_reassembly(Connection& c);
  void drop_flight(Connection& c);
  void drop_send_queue(Connection& c);
  void wake_waiters(std::uint32_t account);
  void wait_for_account(Connection& c, Held kind);
  std::uint32_t window_target(const Connection& c) const;  // what the receive window would be, could it shrink

  TcpOptions options;
  TcpSettings defaults;
  BufferPool& headers;
  Random random;
  TcpIsn isn;
  TcpPorts ports;
  TcpStats stats;
  TcpTable table;
  TcpAccounts accounts;
  absl::flat_hash_map<InterfaceId, TcpEngine::Interface> interfaces;
  Time now;
  std::int64_t now_tick = 0;                // whole milliseconds of `now`
  std::uint32_t now_ms = 1, now_us = 0;     // modulo 2^32

 private:
  // Kept when it is empty, until its pod goes.
  struct SynQueue {
    std::uint32_t size = 0;
    Fifo<ConnectionId> order;  // with gaps: what is no longer half open is passed over
  };

  // tcp_core.cc
  void destroy(Connection& c);
  const CongestionControl& congestion(const Connection& c) const { return CongestionControl::of(c.algorithm); }
  // tcp_input.cc
  void synchronized_input(Connection& c, TcpInput& in);
  void syn_sent_input(Connection& c, TcpInput& in);
  bool predicted(const Connection& c, const TcpInput& in) const;
  bool check_timestamps(Connection& c, TcpInput& in);
  bool check_sequence(Connection& c, TcpInput& in);
  void answer_unacceptable(Connection& c, const TcpInput& in);
  void trim_to_window(Connection& c, TcpInput& in);
  bool check_reset(Connection& c, TcpInput& in);
  bool check_syn(Connection& c, TcpInput& in);
  bool check_ack(Connection& c, TcpInput& in);
  void check_fin(Connection& c, TcpInput& in);
  void take_fin(Connection& c);
  // tcp_text.cc
  void take_text(Connection& c, TcpInput& in);
  void take_in_order(Connection& c, TcpInput& in);
  void take_out_of_order(Connection& c, TcpInput& in);
  void fill_holes(Connection& c);
  void schedule_ack(Connection& c, const TcpInput& in, bool filled);
  // tcp_acknowledge.cc
  void take_ack(Connection& c, const TcpInput& in);
  void take_dsack(Connection& c, const TcpSegment& segment, AckNews& news);
  void take_sack(Connection& c, const TcpSegment& segment, AckNews& news);
  void deliver(Connection& c, const Transmission& t, AckNews& news);
  void advance_una(Connection& c, Seq ack, AckNews& news);
  bool measure_rtt(Connection& c, Seq ack, const AckNews& news);
  void measure_handshake(Connection& c, const TcpSegment& segment);
  void update_send_window(Connection& c, const TcpSegment& segment, bool advanced);
  void after_fin_acked(Connection& c);
  void tell_writable(Connection& c);
  // tcp_recovery.cc
  void recover(Connection& c, const TcpSegment& segment, const AckNews& news);
  void detect_loss(Connection& c, const AckNews& news);
  void rack_detect_loss(Connection& c, const AckNews& news);
  void newreno_detect_loss(Connection& c, const AckNews& news);
  std::uint32_t reordering_window_us(const Connection& c) const;
  void enter_recovery(Connection& c, const AckNews& news);
  void reduce_window(Connection& c, const AckNews& news);
  void leave_recovery(Connection& c);
  void notice_reneging(Connection& c, const AckNews& news);
  std::uint32_t pipe(const Connection& c) const;
  std::uint32_t flight_size(const Connection& c) const;
  std::uint32_t window_in_use(const Connection& c, const AckNews& news) const;
  bool next_retransmission(Connection& c, SackBlock* range);
  void on_retransmission_timeout(Connection& c);
  void mark_losses_on_timeout(Connection& c);
  void begin_rto_recovery(Connection& c);
  // tcp_ecn.cc
  void take_ecn_offer(Connection& c, const TcpSegment& syn);
  std::uint8_t ecn_offer(const Connection& c) const;
  void take_congestion_mark(Connection& c, const TcpInput& in);
  void take_congestion_echo(Connection& c, const TcpSegment& segment, const AckNews& news);
  // tcp_tlp.cc
  TcpFlight& flight_of(Connection& c);
  void settle_flight(Connection& c);
  void schedule_loss_probe(Connection& c);
  void on_loss_timer(Connection& c);
  bool emit_loss_probe(Connection& c, Packet* datagram);
  void take_probe_verdict(Connection& c, const AckNews& news);
  // tcp_spurious.cc
  void begin_undo(Connection& c);
  void note_retransmission(Connection& c, std::uint32_t bytes);
  bool was_spurious(Connection& c, const AckNews& news);
  bool take_frto_step(Connection& c, const AckNews& news);
  void undo_recovery(Connection& c);
  // tcp_output.cc
  bool produce(Connection& c, Packet* datagram);
  bool emit_syn(Connection& c, Packet* datagram);
  bool emit_retransmission(Connection& c, SackBlock range, Packet* datagram);
  std::uint32_t sendable(Connection& c, bool* fin);
  bool holds_small(const Connection& c) const;
  bool emit_new(Connection& c, std::uint32_t n, bool fin, Packet* datagram);
  bool emit_probe(Connection& c, Packet* datagram);
  bool emit_ack(Connection& c, Packet* datagram);
  bool emit(Connection& c, TcpSegment& segment, ByteChain&& payload, Packet* datagram);
  void fill_ack_fields(Connection& c, TcpSegment& segment);
  void add_sack_blocks(const Connection& c, TcpSegment& segment) const;
  std::uint16_t select_window(Connection& c, std::uint8_t scale);
  void arm_persist(Connection& c);
  void restart_after_idle(Connection& c);
  std::uint32_t super_segment_limit(const Connection& c) const;
  // tcp_reply.cc
  void queue_reply(Packet&& datagram);
  bool may_answer(Connection& c);
  bool take_challenge_token();
  // tcp_timers.cc
  void on_connection_timer(Connection& c);
  void on_retransmit_timer(Connection& c);
  void on_probe_timer(Connection& c);
  void on_slow_timer(Connection& c);
  bool out_of_retries(Connection& c);
  CloseReason silence(const Connection& c, CloseReason reason) const;
  // tcp_user.cc
  void describe_flight(const Connection& c, TcpInfo& info) const;
  // tcp_freeze.cc, tcp_thaw.cc
  FrozenConnection freeze_secrets();
  void leave(Connection& c);
  bool thaw_connection(FrozenReader& in, Connection& c);
  void install(Connection& c, AccountId account);
  void thaw_flight(FrozenReader& in, Connection& c);
  void thaw_reassembly(FrozenReader& in, Connection& c);
  void thaw_time_wait(FrozenReader& in);
  void thaw_secrets(FrozenReader& in);
  void discard(Connection& c);
  // tcp_listener.cc
  bool admit_syn(const TcpInput& in, const TcpArrival& arrival);
  Connection& begin_pending(const TcpArrival& arrival, const TcpSegment& syn, Seq initial);
  std::uint32_t pending_of(InterfaceId pod) const;
  void answer_with_cookie(const TcpSegment& syn, const FlowKey& key);
  bool take_cookie(const TcpInput& in, const TcpArrival& arrival);
  void evict_half_open(InterfaceId pod);
  void compact(SynQueue& queue);
  void take_syn(Connection& c, const TcpSegment& segment);
  // tcp_handshake.cc
  bool complete_handshake(Connection& c, TcpInput& in);
  void hold_text_of_syn(Connection& c, TcpInput& in);
  void take_text_of_syn(Connection& c, TcpInput& in);

  TcpReassembly::Pieces pieces_;
  Pool<TcpReassembly> reassemblies_;
  Pool<TcpFlight> flights_;
  TcpScoreboard::Pool transmissions_;
  Pool<TcpSettings> settings_;
  TimerWheel<Connection> wheel_;
  TimerWheel<TcpTimeWait> time_wait_wheel_;
  std::uint32_t time_wait_hand_ = 0;  // the slot that was evicted last
  Fifo<ConnectionId> events_;
  Fifo<ConnectionId> output_;
  Fifo<Packet> replies_;
  std::vector<std::uint32_t> dead_;
  std::vector<ConnectionId> woken_;  // while they are woken; its storage is what counts
  absl::flat_hash_map<InterfaceId, SynQueue> syn_queues_;
  std::uint32_t half_open_ = 0;
  std::uint32_t challenge_tokens_ = 0;
  Time challenge_refill_;
  TcpSynCookies cookies_;
  Time cookies_good_until_;  // what comes later answers none of ours
};

}  // namespace weft::net
