#include "dataplane/nic/host_port.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <fstream>

#include "dataplane/nic/netlink.h"
#include "dataplane/nic/pod_port.h"

namespace weft::nic {

std::expected<std::unique_ptr<Tap>, std::string> open_host_port(const HostPortOptions& options) {
  TapOptions tap;
  tap.name = options.name;
  tap.queues = options.queues;
  tap.mtu = options.mtu;
  tap.mac = {{0x02, 0x57, 0x45, 0x46, 0x54, 0x02}};
  tap.gateway_mac = gateway_mac();
  tap.gateways = options.gateways;
  for (const IpAddress& address : options.node_addresses) tap.addresses.push_back({address, address.bits()});
  tap.preferred_sources = options.node_addresses;
  tap.routes = options.routes;
  return Tap::open(tap);
}

Outcome set_host_routes(Tap& port, const std::vector<IpPrefix>& routes) {
  TapOptions options = port.options();
  options.routes = routes;
  return port.configure(options);
}

namespace {

Outcome require_sysctl(const std::string& path, const std::string& value) {
  std::ofstream file("/proc/sys/net/" + path);
  file << value << std::flush;
  if (!file) return failure("set sysctl net/" + path + " to " + value);
  return {};
}

// An interface that lacks the offload has nothing to switch off.
void disable_offload(int socket, const std::string& name, std::uint32_t command) {
  ethtool_value value{.cmd = command, .data = 0};
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  ::ioctl(socket, SIOCETHTOOL, &request);
}

// af_packet copies frames as they are: the kernel must neither leave checksums open nor merge or postpone cutting.
Outcome disable_offloads(const std::string& name) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return failure("open a socket");
  constexpr std::array kCommands = {ETHTOOL_SRXCSUM, ETHTOOL_STXCSUM, ETHTOOL_SSG, ETHTOOL_STSO,
                                    ETHTOOL_SGSO, ETHTOOL_SGRO};
  for (const auto command : kCommands) disable_offload(socket.get(), name, static_cast<std::uint32_t>(command));
  return {};
}

Outcome silence(const std::string& name) {
  // IPv6 off before the link is up, or the kernel has announced itself already. A kernel without IPv6 is as good.
  if (std::ifstream("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6").good()) {
    if (auto done = require_sysctl("ipv6/conf/" + name + "/disable_ipv6", "1"); !done) return done;
  }
  // The larger of "all" and the interface's own counts, and 2 is loose.
  std::string all;
  if (std::ifstream("/proc/sys/net/ipv4/conf/all/rp_filter") >> all; all == "2")
    return std::unexpected("sysctl net.ipv4.conf.all.rp_filter is 2 (loose): the node's kernel would take what "
                           "arrives here; set it to 0 or 1");
  // Without a route by this interface strict reverse-path filtering drops all IPv4 that arrives: the kernel would else
  // answer for the node's own addresses beside us, on whatever interface they lie.
  return require_sysctl("ipv4/conf/" + name + "/rp_filter", "1");
}

Outcome quiet(const std::string& name) {
  auto netlink = Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  const auto link = netlink->find_link(name);
  if (!link) return std::unexpected(link.error());
  if (auto done = silence(name); !done) return done;
  const auto addresses = netlink->addresses(link->index);
  if (!addresses) return std::unexpected(addresses.error());
  for (const IpPrefix& address : *addresses) {
    if (auto done = netlink->remove_address(link->index, address); !done) return done;
  }
  if (auto done = netlink->set_no_arp(link->index); !done) return done;
  if (auto done = disable_offloads(name); !done) return done;
  return netlink->set_up(link->index, true);
}

}  // namespace

Outcome quiet_interface(const std::string& name) {
  if (const Outcome outcome = quiet(name); !outcome)
    return std::unexpected("uplink interface " + name + ": " + outcome.error());
  return {};
}

}  // namespace weft::nic
