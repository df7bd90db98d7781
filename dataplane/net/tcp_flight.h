// What a connection knows about its data in flight, and how it gets lost segments back.
#pragma once

#include <cstdint>

#include "dataplane/net/tcp_prr.h"
#include "dataplane/net/tcp_rack.h"
#include "dataplane/net/tcp_scoreboard.h"

namespace weft::net {

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
};

}  // namespace weft::net
