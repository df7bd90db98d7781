// What a simulated wire does to datagrams: cut super-segments as a NIC would, finish checksums, verify them on arrival.
#pragma once

#include <cstdint>
#include <vector>

#include "base/packet.h"
#include "dataplane/net/tcp_types.h"

namespace weft::sim {

// One datagram on the wire: flat bytes, and gso_size when it travels as one super-segment.
struct Datagram {
  std::vector<std::uint8_t> bytes;
  std::uint16_t gso_size = 0;
};

// As it comes from TCP. Checksum of L4 finished unless it is a super-segment.
Datagram flatten(const Packet& packet);
// The segments of a super-segment, each complete; just itself when it is none.
std::vector<Datagram> cut(const Datagram& datagram);
// True: the L4 checksum is right.
bool checksum_ok(const Datagram& datagram);
// A packet from the pool that holds it (one buffer, `headroom` before it), and what the IP layer would say of it.
Packet to_packet(const Datagram& datagram, BufferPool& pool);
net::TcpArrival arrival_of(const Datagram& datagram, InterfaceId interface, InterfaceId pod);

}  // namespace weft::sim
