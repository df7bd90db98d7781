// RACK: loss is inferred from time, by segments that were sent later and have arrived (RFC 8985, 6).
#pragma once

#include <cstdint>

#include "dataplane/net/tcp_scoreboard.h"

namespace weft::net {

// What a connection has learnt about its path: outlives what is in flight.
struct TcpPath {
  std::uint32_t min_rtt_us = 0;           // RACK.min_RTT; 0: none yet
  std::uint16_t min_rtt_s = 0;            // when it was taken
  std::uint8_t reo_wnd_mult : 7 = 1;      // quarters of min_RTT in the reordering window
  std::uint8_t duplicates : 1 = 0;        // the network makes them: D-SACKs prove nothing
  std::uint8_t reo_wnd_persist : 7 = 0;   // recoveries until it is 1 again
  std::uint8_t reordering_seen : 1 = 0;

  // 6.2, step 1: a minimum over the last five minutes (as Linux's tcp_min_rtt_wlen), since routes change.
  void on_rtt(std::uint32_t rtt_us, std::uint32_t now_ms);
};
static_assert(sizeof(TcpPath) == 8);

// What one ACK says that was not known before.
struct AckNews {
  std::uint32_t acked = 0;      // bytes, cumulatively
  std::uint32_t delivered = 0;  // bytes, cumulatively or selectively: DeliveredData of RFC 6937
  std::uint32_t sacked = 0;     // bytes, selectively
  std::uint32_t rtt_us = 0;     // of the latest segment that was sent once only; 0: none was
  bool original = false;        // something that was sent once only arrived (RFC 5682),
  Seq original_end;             // the first of it up to there
  bool retransmitted = false;   // something that was sent more than once arrived,
  bool echo_fits = false;       // and the echoed timestamp belongs to the transmission that was answered
  bool duplicate = false;       // RFC 5681, 2; with SACK, one that brings news (RFC 6675, 2)
  bool bare_duplicate = false;  // nothing new at all, and no SACK option
  bool has_dsack = false;
  SackBlock dsack;              // RFC 2883

  bool has_stamp = false;       // the echoed timestamp, as an age of the segment that it answers
  std::uint32_t echo_age_ms = 0;
};

// A connection's while anything is in flight; names as in RFC 8985, 5.3.
struct TcpRack {
  std::uint32_t xmit_us = 0;  // RACK.xmit_ts and RACK.end_seq: the segment sent last among those delivered
  Seq end_seq;
  std::uint32_t rtt_us = 0;
  Seq fack;
  Seq dsack_round;
  bool delivered_any = false;
  bool in_dsack_round = false;

  // Steps 2 and 3, for each segment newly delivered, in the order of their numbers. `age_ms`: of its timestamp.
  void on_delivered(const Transmission& segment, std::uint32_t now_us, std::uint32_t age_ms, TcpPath& path,
                    AckNews& news);
  // Times wrap: beyond 2^31 us, 36 minutes, later is earlier. What arrived half as long ago is forgotten, in time, as
  // the core calls this for each ACK and each timeout.
  void forget_if_old(std::uint32_t now_us) { delivered_any = delivered_any && now_us - xmit_us < 1u << 30; }
  // Step 4, adaptation: one more quarter a round trip that sees D-SACK; back to one after 16 recoveries without.
  void on_dsack(Seq snd_una, Seq snd_nxt, TcpPath& path);
  static void on_recovery_end(TcpPath& path);
  // Step 4. `impatient`: in recovery, or DupThresh segments are SACKed.
  static std::uint32_t reordering_window_us(const TcpPath& path, std::uint32_t srtt_us, bool impatient);
  // Step 5: marks what is lost.
  struct Detection {
    std::uint32_t timeout_us = 0;  // until more may be lost; 0: nothing is waited for
    bool retransmission = false;   // a retransmission is among it,
    std::uint32_t xmit_us = 0;     // the last of which was sent then
  };
  Detection detect_loss(TcpScoreboard& board, std::uint32_t now_us, std::uint32_t reo_wnd_us) const;
  // 6.3.
  void mark_losses_on_timeout(TcpScoreboard& board, std::uint32_t now_us, std::uint32_t reo_wnd_us) const;

 private:
  bool sent_after(std::uint32_t xmit, Seq end) const;
};

}  // namespace weft::net
