// Proportional rate reduction: how much recovery sends for what arrives (RFC 6937, with RFC 9937's reduction bound).
#pragma once

#include <algorithm>
#include <cstdint>

namespace weft::net {

// Bytes. Names as in RFC 9937, 6.
struct TcpPrr {
  std::uint32_t recover_fs = 1;
  std::uint32_t delivered = 0;
  std::uint32_t out = 0;

  // RecoverFS: what was in flight, without what had been SACKed before this ACK. What was `in_use` beyond that had left
  // before the loss was found, and was not replaced yet: full segments of it count as delivered in this recovery.
  // Where the congestion window was not what limits, `in_use` is 0: there was nothing to replace it with.
  static TcpPrr begin(std::uint32_t flight, std::uint32_t sacked_before, std::uint32_t in_use, std::uint32_t mss) {
    const std::uint32_t pipe = std::max(flight - std::min(flight, sacked_before), 1u);
    const std::uint32_t unsent = in_use > pipe ? (in_use - pipe) / mss * mss : 0;
    return {pipe + unsent, unsent, 0};
  }
  // After an ACK, or a timer, that told of `data` delivered: cwnd. `safe`: SND.UNA moved and no further loss was found.
  std::uint32_t window(std::uint32_t data, std::uint32_t in_flight, std::uint32_t ssthresh, bool safe,
                       std::uint32_t mss) {
    delivered += data;
    std::int64_t send;
    if (in_flight > ssthresh) {
      send = static_cast<std::int64_t>((std::uint64_t{delivered} * ssthresh + recover_fs - 1) / recover_fs) - out;
    } else {
      send = std::max<std::int64_t>(std::int64_t{delivered} - out, data);
      if (safe) send += mss;
      send = std::min<std::int64_t>(send, ssthresh - in_flight);
    }
    // The first retransmission goes out in any case.
    if (out == 0 && send <= 0) send = mss;
    return in_flight + static_cast<std::uint32_t>(std::max<std::int64_t>(send, 0));
  }
  void on_sent(std::uint32_t bytes) { out += bytes; }
};

}  // namespace weft::net
