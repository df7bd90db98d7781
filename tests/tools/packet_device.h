// IPv4 datagrams in and out of a network interface, beside the kernel that owns it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <linux/if_packet.h>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace weft::tools {

// The interface's MAC address is ours too. The kernel sees what comes for us, but does not forward it, unless told to.
// Owns: a packet socket.
class PacketDevice {
 public:
  // Datagrams to `local` come; what is sent goes to the MAC address `next_hop`. Throws std::runtime_error.
  PacketDevice(const std::string& interface, const IpAddress& local, const std::string& next_hop);
  PacketDevice(const PacketDevice&) = delete;
  PacketDevice& operator=(const PacketDevice&) = delete;
  ~PacketDevice();

  int fd() const { return fd_; }
  // The next datagram that has come; empty: none now.
  ByteSpan receive();
  // One that the kernel does not take is lost, as on any wire.
  void send(ByteSpan datagram);
  std::uint64_t refused() const { return refused_; }

 private:
  bool is_ours(ByteSpan datagram) const;

  int fd_ = -1;
  IpAddress local_;
  sockaddr_ll to_{};
  std::vector<std::uint8_t> buffer_;
  std::uint64_t refused_ = 0;
};

}  // namespace weft::tools
