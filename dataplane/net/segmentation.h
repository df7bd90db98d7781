// What devices without offloads need from software: TCP super-segments cut into frames, checksums filled in, and IP
// datagrams cut into fragments. Works on IP datagrams (header first); payload is shared, not copied.
#pragma once

#include "dataplane/net/ip.h"
#include "dataplane/net/packet_queue.h"

namespace weft::net {

// Through the TCP header. REQUIRES: TCP, headers in the first slice.
std::uint32_t tcp_headers_bytes(const ByteChain& datagram, const IpHeader& ip);

// Puts the pseudo-header sum where the device expects it and sets Offload for the datagram. REQUIRES: TCP or UDP,
// whole, first slice exclusive.
void leave_checksum_to_device(Packet& datagram, const IpHeader& ip);
// Computes what Offload::needs_checksum asks for and clears it. REQUIRES: first slice exclusive, offsets inside it.
void fill_checksum(Packet& datagram);

// Cuts a super-segment (offload.gso set, TCP) into datagrams of at most gso_size payload bytes. `device_checksum`: each
// leaves its checksum to the device, else it is filled in. All or nothing: false when `out` has no room or the pool
// runs dry. REQUIRES: gso_size > 0, headers in the first slice.
bool cut_super_segment(Packet&& datagram, const IpHeader& ip, bool device_checksum, BufferPool& pool,
                       PacketQueue& out);

// Cuts a datagram into fragments of at most `mtu` bytes each (RFC 791 section 2.3, RFC 8200 section 4.5).
// `identification` for IPv6, which carries none in a whole datagram. All or nothing, as above. REQUIRES: not a
// fragment, checksum complete, headers in the first slice.
bool cut_into_fragments(Packet&& datagram, const IpHeader& ip, std::uint32_t mtu, std::uint32_t identification,
                        BufferPool& pool, PacketQueue& out);

}  // namespace weft::net
