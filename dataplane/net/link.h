// The border between the stack and a device: bursts of Ethernet frames.
#pragma once

#include <cstdint>
#include <span>

#include "base/packet.h"

namespace weft::net {

struct LinkCapabilities {
  std::uint32_t mtu = 1500;            // IP bytes in one frame
  bool tso = false;                    // takes TCP super-segments and cuts them, with their checksums
  bool checksum = false;               // fills in TCP and UDP checksums (Offload::needs_checksum)
  std::uint32_t max_gso_bytes = 65535; // IP bytes of one super-segment; read only where tso
  bool polls_free = false;             // receive() that finds nothing makes no system call: worth asking every turn
};

// One object per (device, queue), used by one worker only. Implementations: the ports of dataplane/nic, and the
// simulated wires of the tests.
class Link {
 public:
  virtual ~Link() = default;
  // Fills up to burst.size() packets with Ethernet frames without FCS, with what the device says of their checksums.
  // Packet::interface is the caller's to set. Returns how many came.
  virtual unsigned receive(std::span<Packet> burst) = 0;
  // Takes all; what cannot go is dropped and counted there. A frame with Offload::gso or needs_checksum comes only
  // where the capability stands. Returns how many went.
  virtual unsigned transmit(std::span<Packet> burst) = 0;
  // Readable when receive() has something; -1: must be polled.
  virtual int wait_fd() const = 0;
  // Before the worker sleeps on wait_fd(): switches the device's interrupt on, which the next receive() switches off
  // again. False: something has come meanwhile, do not sleep.
  virtual bool arm() { return true; }
  virtual const LinkCapabilities& capabilities() const = 0;
};

}  // namespace weft::net
