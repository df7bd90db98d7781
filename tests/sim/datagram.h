// What NICs and kernels do to datagrams: finish checksums, cut super-segments (TSO), merge segments (GRO).
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
  bool corrupted = false;  // a simulated link flipped bits of it
};

// As it comes from TCP. Checksum of L4 finished unless it is a super-segment.
Datagram flatten(const Packet& packet);
// The segments of a super-segment, each complete; just itself when it is none.
std::vector<Datagram> cut(const Datagram& datagram);
// What GRO does (Linux's tcp_gro_receive): `next` joins `super` when it goes on where that ends, says the same in every
// field but PSH and FIN, and nothing before was shorter than the rest. False: both stay as they are.
// REQUIRES: TCP without IP options or fragments, checksums verified.
bool merge(Datagram& super, const Datagram& next);
// True: the L4 checksum is right.
bool checksum_ok(const Datagram& datagram);
// A packet from the pool that holds it (one buffer, `headroom` before it), and what the IP layer would say of it.
Packet to_packet(const Datagram& datagram, BufferPool& pool);
net::TcpArrival arrival_of(const Datagram& datagram, InterfaceId interface, InterfaceId pod);

}  // namespace weft::sim
