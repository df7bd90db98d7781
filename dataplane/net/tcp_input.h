// What the steps of input (RFC 9293, 3.10.7) hand on.
#pragma once

#include <cstdint>

#include "base/byte_chain.h"
#include "dataplane/net/tcp_segment.h"

namespace weft::net {

// A segment on its way through input. `segment.seq` and `payload` are trimmed to the window as it goes.
struct TcpInput {
  TcpSegment segment;
  ByteChain payload;
  bool congested = false;  // the datagram was marked CE
  std::uint32_t segment_size = 0;  // payload bytes of one wire segment: less than the payload of a super-segment

  std::uint32_t payload_size() const { return static_cast<std::uint32_t>(payload.size()); }
  // SEG.LEN
  std::uint32_t length() const {
    return payload_size() + (segment.is(kSyn) ? 1 : 0) + (segment.is(kFin) ? 1 : 0);
  }
};

}  // namespace weft::net
