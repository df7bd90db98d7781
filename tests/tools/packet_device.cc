#include "tests/tools/packet_device.h"

#include <linux/if_ether.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "dataplane/net/ip.h"
#include "dataplane/net/mac_address.h"

namespace weft::tools {

namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

}  // namespace

PacketDevice::PacketDevice(const std::string& interface, const IpAddress& local, const std::string& next_hop)
    : local_(local), buffer_(65'536) {
  const auto mac = net::MacAddress::parse(next_hop);
  if (!mac) throw std::runtime_error("no MAC address: " + next_hop);
  to_.sll_family = AF_PACKET;
  to_.sll_protocol = __builtin_bswap16(ETH_P_IP);
  to_.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  to_.sll_halen = ETH_ALEN;
  std::memcpy(to_.sll_addr, mac->bytes.data(), ETH_ALEN);
  if (to_.sll_ifindex == 0) fail("find interface " + interface);
  fd_ = ::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail("open a packet socket");
  const int on = 1, room = 8 << 20;
  if (::setsockopt(fd_, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0) fail("ignore own frames");
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&to_), sizeof to_) != 0) fail("bind to " + interface);
}

PacketDevice::~PacketDevice() { ::close(fd_); }

bool PacketDevice::is_ours(ByteSpan datagram) const {
  const auto ip = net::parse_ip(datagram, datagram.size());
  return ip && ip->destination == local_;
}

ByteSpan PacketDevice::receive() {
  for (;;) {
    const ssize_t n = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
    if (n <= 0) return {};
    const auto datagram = ByteSpan(buffer_).first(static_cast<std::size_t>(n));
    if (is_ours(datagram)) return datagram;
  }
}

void PacketDevice::send(ByteSpan datagram) {
  const auto* to = reinterpret_cast<const sockaddr*>(&to_);
  if (::sendto(fd_, datagram.data(), datagram.size(), 0, to, sizeof to_) < 0) ++refused_;
}

}  // namespace weft::tools
