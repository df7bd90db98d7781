// What a connection knows about its data in flight, and how it gets lost segments back.
#pragma once

#include <cstdint>

#include "dataplane/net/tcp_congestion.h"
#include "dataplane/net/tcp_prr.h"
#include "dataplane/net/tcp_rack.h"
#include "dataplane/net/tcp_scoreboard.h"

namespace weft::net {

// What a recovery began with, to go back to if it proves needless.
struct TcpUndo {
  bool possible = false;
  bool fast = false;               // no timeout
  bool retransmitted = false;
  CongestionState before;
  Seq begin;                       // SND.UNA then
  Seq expires;                     // once recovery has ended: when more than this is acknowledged, D-SACKs are late
  std::uint32_t retransmit_ts = 0;  // RetransmitTS of RFC 3522: TSval of the first retransmission
  std::uint32_t outstanding = 0;    // bytes sent again of which no D-SACK has told
};

// After a timeout: what the next ACK decides (RFC 5682, 2.1).
enum class Frto : std::uint8_t { kOff, kFirstAck /* step 2 */, kSecondAck /* step 3 */ };

// Exists while something is in flight: an idle connection does not pay for it.
struct TcpFlight {
  explicit TcpFlight(Seq una = Seq()) : board(una) {}

  TcpScoreboard board;
  TcpRack rack;
  TcpPrr prr;                    // of fast recovery with SACK
  std::uint32_t reduced_us = 0;  // when ssthresh was lowered last

  // One timer for both, as they exclude each other (RFC 8985, 8).
  std::uint32_t loss_ms = 0;  // deadline: reordering timer, or loss probe
  bool reordering = false;    // it is the former

  // RFC 8985, 7.1.
  Seq tlp_end_seq;
  bool tlp_pending = false;    // TLP.end_seq is not None
  bool tlp_is_retrans = false;
  bool probe_due = false;

  Seq ecn_recover;           // until more than this is acknowledged, ECE speaks of the same window (RFC 3168, 6.1.2)
  bool ecn_reduced = false;  // and has been answered

  TcpUndo undo;
  Frto frto = Frto::kOff;
};

}  // namespace weft::net
