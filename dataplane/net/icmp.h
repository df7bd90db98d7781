// ICMP (RFC 792) and ICMPv6 (RFC 4443): building errors and echo replies, reading errors, and how many may be sent.
#pragma once

#include <expected>
#include <optional>

#include "base/clock.h"
#include "dataplane/net/ip.h"
#include "dataplane/net/tcp_types.h"

namespace weft::net {

// What we say about a packet that we could not pass on; the numbers of both families follow from it.
enum class IcmpReason : std::uint8_t { kNoRoute, kHostUnreachable, kPortUnreachable, kTooBig, kTimeExceeded,
                                       kReassemblyTime };

// RFC 1122 3.2.2, RFC 4443 2.4 (e): no error about an error, about a group, or to a sender that is none.
// `head`: first bytes of the datagram, headers included.
bool may_answer_with_error(ByteSpan head, const IpHeader& ip);
// An error datagram from `from` to the sender of `original`, which it quotes. `mtu` of kTooBig. Empty: no buffer.
Packet make_icmp_error(BufferPool& pool, IcmpReason reason, std::uint32_t mtu, const IpAddress& from,
                       const ByteChain& original, const IpHeader& ip);

bool is_echo_request(ByteSpan head, const IpHeader& ip);
// Turns a request into its reply, in place. REQUIRES: checksum verified, headers in the first slice, exclusive.
void turn_into_echo_reply(std::uint8_t* ip, const IpHeader& header);

// An ICMP error that came in.
struct ReceivedError {
  IcmpError error;               // what it means to TCP; sequence set where the quoted header holds it
  QuotedDatagram quoted;
  std::uint32_t quote_offset = 0;  // of the quoted datagram, from the IP header
};
bool is_icmp_error(ByteSpan head, const IpHeader& ip);
// nullopt: what is quoted cannot be read. REQUIRES: is_icmp_error().
std::optional<ReceivedError> parse_icmp_error(ByteSpan head, const IpHeader& ip);
// After the quoted datagram was changed. REQUIRES: the whole message is in the chain, headers in the first slice.
void refresh_icmp_checksum(ByteChain& datagram, const IpHeader& ip);

// A token bucket: `per_second` errors, and as many in one burst. RFC 4443 2.4 (f).
class IcmpLimiter {
 public:
  explicit IcmpLimiter(std::uint32_t per_second = 100) : per_second_(per_second), tokens_(per_second) {}
  bool allow(Time now);

 private:
  std::uint32_t per_second_;
  double tokens_;
  Time last_;
};

}  // namespace weft::net
