// A packet on its way: bytes in pieces and what the device still has to do, or has already done, for it.
#pragma once

#include <cstdint>

#include "base/byte_chain.h"

namespace weft {

// A device of this node: the uplink, the host port or one pod port. Given by the agent, never reused while a worker
// may still name it. 0 is none.
using InterfaceId = std::uint32_t;
inline constexpr InterfaceId kNoInterface = 0;

enum class GsoType : std::uint8_t { kNone, kTcp4, kTcp6 };

// What virtio_net_hdr says, with its meaning; mbuf offload flags map to it. Offsets count from the first byte of
// `bytes` (of the frame at a device, of the IP header between ip and tcp).
struct Offload {
  GsoType gso = GsoType::kNone;
  std::uint16_t gso_size = 0;        // TCP payload bytes per segment of a super-segment
  bool needs_checksum = false;       // out: fill in; in: peer kernel left it partial, and that is as good as verified
  bool checksum_verified = false;    // in: the device vouches for the L4 checksum
  std::uint16_t checksum_start = 0;  // where the sum begins
  std::uint16_t checksum_offset = 0; // where it is stored, from checksum_start
};

// Owns its bytes. Invariant, kept by every port and by the stack: the first slice holds all headers through L4.
// Hand-over to another worker: only a packet whose slices are all exclusive() may cross.
struct Packet {
  ByteChain bytes;
  Offload offload;
  InterfaceId interface = kNoInterface;  // where it came in, or shall go out
};

}  // namespace weft
