#include "dataplane/nic/packet_socket.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string>

namespace weft::nic {

namespace {

bool is_ring_socket(int fd, unsigned interface_index) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &size) != 0 || value != AF_PACKET) return false;
  size = sizeof value;
  if (::getsockopt(fd, SOL_PACKET, PACKET_VERSION, &value, &size) != 0 || value != TPACKET_V2) return false;
  sockaddr_ll address{};
  size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  return static_cast<unsigned>(address.sll_ifindex) == interface_index;
}

}  // namespace

std::vector<FileDescriptor> packet_sockets(unsigned interface_index) {
  std::vector<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const std::string name = entry.path().filename();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    if (is_ring_socket(fd, interface_index)) found.push_back(fd);
  }
  std::ranges::sort(found);
  std::vector<FileDescriptor> sockets;
  for (const int fd : found) sockets.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  return sockets;
}

}  // namespace weft::nic
