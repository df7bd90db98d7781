// The words in which TCP and its users talk: ids, keys, events, reasons, options.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/ip_address.h"
#include "base/packet.h"

namespace weft::net {

// Names a connection of one engine. Stale ids (closed, given up) are harmless: every call with one does nothing and
// every getter answers empty. Default: none.
struct ConnectionId {
  std::uint32_t index = UINT32_MAX;
  std::uint32_t generation = 0;

  explicit operator bool() const { return index != UINT32_MAX; }
  bool operator==(const ConnectionId&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const ConnectionId& id) {
    return H::combine(std::move(h), id.index, id.generation);
  }
};

// Which end of the mesh an intercepted connection belongs to.
enum class Interception : std::uint8_t { kOutbound /* from a mesh pod */, kInbound /* to a mesh pod */ };

// Whose memory bound a connection counts against: the pod that it belongs to.
using AccountId = InterfaceId;

// local: our side, the address that the peer talks to.
struct FlowKey {
  InterfaceId interface = kNoInterface;
  Endpoint local;
  Endpoint remote;

  bool operator==(const FlowKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const FlowKey& k) {
    return H::combine(std::move(h), k.interface, k.local, k.remote);
  }
};

// The ECN field of an IP header (RFC 3168, 5).
enum class Ecn : std::uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };

// What the IP layer found out about a datagram that carries TCP.
struct TcpArrival {
  FlowKey key;  // local = destination of the datagram, remote = its source, interface = where it came in
  Interception interception = Interception::kOutbound;
  InterfaceId pod = kNoInterface;  // the mesh pod that the flow belongs to
  std::uint16_t tcp_offset = 0;    // TCP header's place, from the IP header. REQUIRES: inside the first slice
  Ecn ecn = Ecn::kNotEct;
};

// RFC 9293, 3.3.2. kSynPending is LISTEN with a SYN that waits for accept_syn(). TIME-WAIT is kept apart from
// connections (tcp_time_wait.h).
#define WEFT_TCP_STATES(X)           \
  X(kClosed, "CLOSED")               \
  X(kSynPending, "LISTEN")           \
  X(kSynSent, "SYN-SENT")            \
  X(kSynReceived, "SYN-RECEIVED")    \
  X(kEstablished, "ESTABLISHED")     \
  X(kFinWait1, "FIN-WAIT-1")         \
  X(kFinWait2, "FIN-WAIT-2")         \
  X(kCloseWait, "CLOSE-WAIT")        \
  X(kClosing, "CLOSING")             \
  X(kLastAck, "LAST-ACK")            \
  X(kTimeWait, "TIME-WAIT")

// Why a connection ended.
#define WEFT_TCP_CLOSE_REASONS(X)                                                   \
  X(kNone, "open")                                                                  \
  X(kOrderly, "orderly")                                                            \
  X(kResetByPeer, "reset by peer")                                                  \
  X(kRefused, "refused by peer")                                                    \
  X(kConnectTimedOut, "connect timed out")                                          \
  X(kHandshakeTimedOut, "peer never completed the handshake")                       \
  X(kTimedOut, "peer stopped acknowledging")                                        \
  X(kUserTimeout, "user timeout")                                                   \
  X(kKeepaliveTimedOut, "peer stopped answering keepalives")                        \
  X(kUnreachable, "unreachable")                                                    \
  X(kAborted, "aborted")                                                            \
  X(kSynWithdrawn, "peer withdrew its SYN")                                         \
  X(kSynQueueFull, "pushed out of the SYN queue")                                   \
  X(kMemoryLimit, "memory limit")

// Why connect() refused.
#define WEFT_TCP_CONNECT_ERRORS(X)                                 \
  X(kNoPort, "no source port is free towards this destination")    \
  X(kInUse, "this pair of endpoints is in use")                    \
  X(kUnknownInterface, "unknown interface")                        \
  X(kTooManyConnections, "too many connections")                   \
  X(kMemoryLimit, "the account's memory limit is reached")

#define WEFT_NAME(name, text) name,
enum class TcpState : std::uint8_t { WEFT_TCP_STATES(WEFT_NAME) };
enum class CloseReason : std::uint8_t { WEFT_TCP_CLOSE_REASONS(WEFT_NAME) };
enum class ConnectError : std::uint8_t { WEFT_TCP_CONNECT_ERRORS(WEFT_NAME) };
#undef WEFT_NAME
std::string_view to_string(TcpState state);
std::string_view to_string(CloseReason reason);
std::string_view to_string(ConnectError error);

// Each kind is reported at most once until it is polled; several changes may have happened since.
enum class TcpEventKind : std::uint8_t {
  kSyn,          // a passive open waits for accept_syn(), refuse_syn() or drop_syn(); nothing was answered yet
  kEstablished,  // handshake complete, of either direction of opening
  kReadable,     // readable() > 0
  kWritable,     // send_space() > 0 again, after a call of it had answered 0
  kPeerClosed,   // the peer's FIN came, in order: when readable() is 0, that was all
  kClosed,       // the last event of this id; what was received can still be read until close()
};
struct TcpEvent {
  ConnectionId id;
  TcpEventKind kind = TcpEventKind::kClosed;
  CloseReason reason = CloseReason::kNone;  // of kClosed
};

struct ConnectRequest {
  FlowKey key;                          // local.port 0: choose one, so that owner_of() leads back to this worker
  InterfaceId pod = kNoInterface;       // for abort_all_of() and pod()
  Interception interception = Interception::kOutbound;  // kept for the caller
  Duration connect_timeout = Duration::seconds(10);
  AccountId account = kNoInterface;
};

// What ICMP said about a datagram of ours (RFC 1122 4.2.3.9, RFC 5927).
enum class IcmpErrorKind : std::uint8_t {
  kNone,           // source quench, redirect: nothing that TCP may heed (RFC 6633)
  kSoft,           // network or host unreachable, time exceeded: noted, and named when patience ends
  kHard,           // protocol unreachable, administratively prohibited
  kPacketTooBig,   // fragmentation needed, or ICMPv6 packet too big
  kPortClosed,     // port unreachable: refused, as by an RST
};
struct IcmpError {
  IcmpErrorKind kind = IcmpErrorKind::kSoft;
  std::uint32_t sequence = 0;  // SEG.SEQ of the quoted header
  std::uint32_t mtu = 0;       // of kPacketTooBig; 0: not said
};

struct TcpInfo {
  TcpState state = TcpState::kClosed;
  CloseReason reason = CloseReason::kNone;
  bool timestamps = false, sack = false, window_scale = false;  // agreed on
  std::uint8_t snd_wscale = 0, rcv_wscale = 0;
  std::uint32_t retries = 0;           // expiries of the retransmission timer, or window probes, without an answer
  std::uint32_t keepalives = 0;        // keepalive probes without an answer
  Duration srtt, rttvar, rto;
  std::uint32_t mss = 0;               // payload bytes of a full segment that we send
  std::uint32_t advertised_mss = 0;    // what our SYN said, or would say
  std::uint32_t receive_mss = 0;       // the largest segment that came
  std::uint32_t path_mtu = 0;          // of the interface, or as ICMP lowered it
  std::uint32_t cwnd = 0, ssthresh = 0;  // bytes
  std::uint32_t in_flight = 0;         // bytes sent and not acknowledged, of which
  std::uint32_t sacked = 0;            //   these have arrived, as SACK says
  std::uint32_t lost = 0;              //   these are believed lost and were not sent again
  std::uint32_t retransmitted = 0;     //   these were sent again in this recovery
  std::uint32_t send_window = 0, receive_window = 0;
  std::uint64_t bytes_in = 0;          // delivered in order, without what was received twice
  std::uint64_t bytes_out = 0;         // acknowledged by the peer
  std::uint32_t retransmits = 0;       // segments
  std::uint32_t send_queue = 0;        // bytes neither sent nor acknowledged, or not acknowledged
  std::uint32_t receive_queue = 0;     // bytes in order that wait for receive()
  std::uint32_t out_of_order = 0;      // bytes that wait for a hole to be filled
  std::uint32_t receive_buffer = 0;    // what the window is made of, bytes
  std::uint32_t memory = 0;            // capacity of the buffers held, both directions
};

// Whether congestion may be marked instead of dropped; as Linux's tcp_ecn.
enum class EcnMode : std::uint8_t { kOff = 0, kAlways = 1, kWhenAsked = 2 };

// When text is acknowledged that needs no answer at once (RFC 9293, 3.8.6.3).
enum class AckMode : std::uint8_t {
  // TcpOptions::quick_acks segments at once, later as kDelayed. Again so many when the peer may have begun anew with a
  // small window: text came twice, or after a silence longer than the retransmission timeout.
  kAdaptive,
  kQuick,    // each segment at once
  kDelayed,  // every second full segment, others after TcpOptions::delayed_ack
};

// Longer waits are cut to this: deadlines are milliseconds modulo 2^32.
inline constexpr Duration kFarthestDeadline = Duration::seconds(24 * 86'400);

// How one connection may differ from the others. The defaults are TcpOptions' (TcpEngine::default_settings()).
struct TcpSettings {
  bool nagle = false;                  // RFC 9293, 3.7.4
  EcnMode ecn = EcnMode::kOff;         // RFC 3168; counts until the handshake is done
  AckMode acks = AckMode::kAdaptive;
  std::uint16_t max_segment = 0;       // bound of a segment in both directions, as the MSS option counts; 0: by the MTU
  std::uint32_t receive_buffer_max = 0;  // bytes, as in TcpOptions
  std::uint32_t send_buffer_max = 0;     // bytes, as in TcpOptions
  bool keepalive = false;
  Duration keepalive_idle;             // silence before the first probe
  Duration keepalive_interval;         // between probes
  std::uint32_t keepalive_probes = 0;  // without an answer: the connection ends
  // Unacknowledged data, or silence under keepalive probes, for so long ends the connection, instead of the number of
  // retries. 0: the number of retries.
  Duration user_timeout;

  bool operator==(const TcpSettings&) const = default;
};

enum class CongestionAlgorithm : std::uint8_t { kNewReno, kCubic };

// Defaults are what production runs with; each field may be changed on its own.
struct TcpOptions {
  unsigned worker = 0, workers = 1;              // for the choice of source ports (owner.h)
  std::uint32_t max_connections = 1'000'000;     // connections at once, TIME-WAIT not counted
  std::uint32_t max_time_wait = 262'144;         // one of the oldest is dropped beyond

  std::uint32_t receive_buffer_initial = 64 * 1024;    // window that a connection starts with, bytes
  std::uint32_t receive_buffer_max = 1024 * 1024;      // and may grow to, as the reader keeps up; sets window scale
  std::uint32_t send_buffer_max = 1024 * 1024;         // send_space() is 0 beyond
  std::uint64_t account_limit = 256u * 1024 * 1024;    // buffer capacity held by one account, both directions
  std::uint64_t memory_limit = 1024u * 1024 * 1024;    // by all accounts; see TcpAccounts for who gets how much of it

  bool timestamps = true, sack = true, window_scale = true;
  std::optional<std::uint8_t> window_shift;      // RFC 7323, 2.2; unset: the least that can say the whole buffer
  EcnMode ecn = EcnMode::kWhenAsked;             // RFC 3168
  bool nagle = false;                            // a proxy writes what it has: off as with TCP_NODELAY
  CongestionAlgorithm congestion = CongestionAlgorithm::kCubic;
  std::uint32_t initial_window_segments = 10;    // RFC 6928
  Duration delayed_ack = Duration::milliseconds(40);   // RFC 9293 allows 500; Linux's peers are tuned to 40
  std::uint32_t quick_acks = 8;                  // segments acknowledged at once (AckMode::kAdaptive)
  Duration max_ack_delay = Duration::milliseconds(200);  // what a peer may delay an ACK by (RFC 8985 7.2)

  Duration rto_initial = Duration::seconds(1);       // RFC 6298 2.1
  Duration rto_min = Duration::milliseconds(200);    // RFC 6298 2.4 says 1 s; deployed stacks use 200 ms
  Duration rto_max = Duration::seconds(120);
  std::uint32_t syn_ack_retries = 5;             // RFC 9293 R2 for SYN; SYN-SENT ends by connect_timeout
  std::uint32_t retries = 15;                    // R2 for data, about 15 minutes
  std::uint32_t orphan_retries = 8;              // R2 once the owner is gone
  Duration user_timeout;                         // unacknowledged data for so long ends it; 0: R2 alone
  Duration keepalive_idle = Duration::seconds(7200);   // 0: off
  Duration keepalive_interval = Duration::seconds(75);
  std::uint32_t keepalive_probes = 9;
  Duration fin_wait_2 = Duration::seconds(60);   // for orphans
  Duration time_wait = Duration::seconds(60);    // 2 MSL with an MSL of 30 s

  std::uint32_t syn_queue_per_pod = 1024;        // SYNs that wait, and handshakes that are not complete
  std::uint32_t syn_queue = 8192;                // of all pods together
  bool syn_cookies = true;                       // when they are full; else the pod's oldest SYN makes room
  std::uint32_t challenge_acks_per_second = 1000;      // RFC 5961 section 7
  std::uint32_t replies_queued = 1024;           // RSTs and stray ACKs that wait for poll_output()
};

}  // namespace weft::net
