// SYN cookies (RFC 4987, 3.6): a SYN-ACK whose numbers hold all that a full SYN queue cannot remember.
//
//   sequence number   5 bits  time, in steps of 64 s
//                     3 bits  index into a table of MSS values
//                    24 bits  keyed hash of the tuple, the peer's ISN, and the 8 bits above
//   TSval             the lowest 5 bits: 4 of window scale (15: none), 1 of SACK permitted
//
// Without timestamps nothing carries the other options, so the connection does without them, as in other stacks.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "dataplane/net/tcp_isn.h"
#include "dataplane/net/tcp_segment.h"

namespace weft::net {

class TcpSynCookies {
 public:
  // A cookie is good for the step of its making and the next one: 64 to 128 s.
  static constexpr Duration kStep = Duration::seconds(64);

  explicit TcpSynCookies(Random& random) : secret_(random) {}
  TcpSecret& secret() { return secret_; }

  // The initial sequence number to answer `syn` with.
  Seq make(Time now, const FlowKey& key, const TcpSegment& syn) const;
  // TSval of that answer; never above `tsval`, so that no later stamp falls below it.
  static std::uint32_t stamp(std::uint32_t tsval, const TcpSegment& syn);
  // What the SYN had said, from the ACK that completes the handshake: seq, mss, and the options. nullopt: no answer to
  // a cookie of ours that is still good.
  std::optional<TcpSegment> restore(Time now, const FlowKey& key, const TcpSegment& ack) const;

 private:
  std::uint32_t sum(const FlowKey& key, Seq peer_isn, std::uint32_t head) const;
  TcpSecret secret_;
};

}  // namespace weft::net
