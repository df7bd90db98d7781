// The TCP header and its options: bytes to meaning, and meaning to a datagram's headers.
#pragma once

#include <array>
#include <cstdint>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/packet.h"
#include "dataplane/net/tcp_sequence.h"
#include "dataplane/net/tcp_types.h"

namespace weft::net {

inline constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10, kUrg = 0x20;
inline constexpr std::uint8_t kEce = 0x40, kCwr = 0x80;  // RFC 3168
inline constexpr std::uint32_t kTcpHeaderSize = 20;
inline constexpr std::uint32_t kTimestampsSize = 12;  // with the two NOPs in front (RFC 7323, appendix A)
inline constexpr std::uint16_t kDefaultMss4 = 536, kDefaultMss6 = 1220;  // RFC 9293, 3.7.1
inline constexpr std::uint8_t kNoWindowScale = 0xff;
inline constexpr std::uint8_t kMaxWindowScale = 14;  // RFC 7323, 2.3
// Room in front of the IP header of everything we build, for Ethernet and a virtio_net_hdr.
inline constexpr std::uint32_t kLinkHeadroom = 64;

struct SackBlock {
  Seq left, right;  // [left, right)
  bool operator==(const SackBlock&) const = default;
};

// What one header says. Urgent data is ignored: its bytes are delivered in line.
struct TcpSegment {
  Seq seq, ack;
  std::uint16_t window = 0;  // as on the wire, not scaled
  std::uint8_t flags = 0;
  std::uint8_t header_size = 0;
  std::uint16_t mss = 0;  // 0: no option
  std::uint8_t window_scale = kNoWindowScale;
  bool sack_permitted = false;
  bool has_timestamps = false;
  bool ect = false;  // out: the datagram is ECT(0)
  std::uint8_t sack_count = 0;
  std::uint32_t tsval = 0, tsecr = 0;
  std::array<SackBlock, 4> sack{};

  bool is(std::uint8_t flag) const { return (flags & flag) != 0; }
};

// `bytes` begins at the TCP header and holds at least all of it. False: too short, or a data offset that cannot be.
// Options that are malformed, or do not belong where they stand, are passed over, as RFC 9293, 3.1 asks.
bool parse_tcp(ByteSpan bytes, TcpSegment* segment);

// Headers only: IP and TCP with the options that `segment` names (mss, SACK permitted and window scale only with SYN).
// The L4 checksum field holds the pseudo-header's sum over `payload_size` bytes; `packet->offload` says to finish it.
// False: the pool is empty.
bool build_headers(const FlowKey& key, const TcpSegment& segment, std::uint32_t payload_size, BufferPool& pool,
                   Packet* packet);

// IP header without options: what each family adds in front of TCP.
inline std::uint32_t ip_header_size(const FlowKey& key) { return key.local.address.is_v6() ? 40 : 20; }

}  // namespace weft::net
