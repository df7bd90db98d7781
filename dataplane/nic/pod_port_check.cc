#include "dataplane/nic/pod_port_check.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

#include "dataplane/nic/file_descriptor.h"
#include "dataplane/nic/network_namespace.h"

namespace weft::nic {

namespace {

std::vector<IpAddress> addresses_of(const std::string& name) {
  std::vector<IpAddress> found;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return found;
  for (const ifaddrs* entry = all; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || name != entry->ifa_name) continue;
    if (entry->ifa_addr->sa_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
      found.push_back(IpAddress::v4(reinterpret_cast<const std::uint8_t*>(&v4->sin_addr)));
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr);
      found.push_back(IpAddress::v6(v6->sin6_addr.s6_addr));
    }
  }
  ::freeifaddrs(all);
  return found;
}

Outcome check_device(const std::string& name, const std::vector<IpAddress>& addresses, std::uint32_t mtu) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return failure("open a socket");
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) return failure("device " + name);
  if ((request.ifr_flags & IFF_UP) == 0) return std::unexpected("device " + name + " is down");
  if (::ioctl(socket.get(), SIOCGIFMTU, &request) != 0) return failure("MTU of " + name);
  if (mtu != 0 && request.ifr_mtu != static_cast<int>(mtu)) {
    return std::unexpected("device " + name + " has an MTU of " + std::to_string(request.ifr_mtu) + ", not " +
                           std::to_string(mtu));
  }
  const std::vector<IpAddress> found = addresses_of(name);
  for (const IpAddress& address : addresses) {
    if (std::ranges::find(found, address) == found.end()) {
      return std::unexpected("device " + name + " does not have the address " + address.to_string());
    }
  }
  return {};
}

}  // namespace

Outcome check_pod_port(const std::string& network_namespace, const std::string& name,
                       const std::vector<IpAddress>& addresses, std::uint32_t mtu) {
  return in_network_namespace(network_namespace, [&] { return check_device(name, addresses, mtu); });
}

}  // namespace weft::nic
