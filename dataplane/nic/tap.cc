#include "dataplane/nic/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <deque>
#include <fstream>

#include "base/log.h"
#include "dataplane/nic/file_descriptor.h"
#include "dataplane/nic/netlink.h"
#include "dataplane/nic/network_namespace.h"
#include "dataplane/nic/system_error.h"
#include "dataplane/nic/tap_link.h"
#include "dataplane/nic/virtio_header.h"

namespace weft::nic {

namespace {

// The kernel may leave checksums to us and hand us super-segments of both families. Without TUN_F_TSO_ECN it cuts those
// that carry CWR itself, so we never have to. UDP segmentation (TUN_F_USO) is not asked for: Offload cannot say it.
constexpr unsigned kOffloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

std::string described(const TapOptions& options) {
  const std::string place = options.network_namespace.empty() ? "" : " in " + options.network_namespace;
  return options.name + place;
}

std::expected<FileDescriptor, std::string> open_queue(const std::string& name) {
  FileDescriptor fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return failure("open /dev/net/tun");
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
  if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) {
    if (errno == EINVAL) return std::unexpected("a device named " + name + " exists and is not a TAP of this kind");
    return failure("create TAP " + name);
  }
  int header_size = sizeof(VirtioHeader);
  if (::ioctl(fd.get(), TUNSETVNETHDRSZ, &header_size) != 0) return failure("set virtio header size of " + name);
  return fd;
}

std::expected<std::deque<FileDescriptor>, std::string> open_queues(const TapOptions& options) {
  std::deque<FileDescriptor> queues;
  for (unsigned i = 0; i < options.queues; ++i) {
    auto fd = open_queue(options.name);
    if (!fd) return std::unexpected(fd.error());
    queues.push_back(std::move(*fd));
  }
  const int fd = queues.front().get();
  if (::ioctl(fd, TUNSETOFFLOAD, kOffloads) != 0) return failure("set offloads of TAP " + options.name);
  if (::ioctl(fd, TUNSETPERSIST, options.persistent ? 1 : 0) != 0) return failure("make TAP persistent");
  return queues;
}

// /proc/sys/net shows the namespace of the thread that opens it. Where it is absent or read-only the kernel's default
// stays, which delays IPv6 or sends router solicitations, and breaks nothing.
void write_sysctl(const std::string& path, const std::string& value) {
  std::ofstream file("/proc/sys/net/" + path);
  file << value << std::flush;
  if (!file) log_debug("nic", "cannot set net/" + path + " to " + value);
}

void prefer_quick_ipv6(const std::string& name) {
  write_sysctl("ipv6/conf/" + name + "/accept_dad", "0");
  write_sysctl("ipv6/conf/" + name + "/dad_transmits", "0");
  write_sysctl("ipv6/conf/" + name + "/accept_ra", "0");
  write_sysctl("ipv6/conf/" + name + "/router_solicitations", "0");
}

std::optional<IpAddress> of_family(const std::vector<IpAddress>& addresses, bool v6) {
  const auto it = std::ranges::find(addresses, v6, &IpAddress::is_v6);
  if (it == addresses.end()) return std::nullopt;
  return *it;
}

std::vector<DeviceRoute> wanted_routes(const TapOptions& options) {
  std::vector<DeviceRoute> routes;
  for (const IpAddress& gateway : options.gateways) {
    // fe80::/64 is on the link already.
    if (gateway.is_v4()) routes.push_back({{gateway, 32}, {}, {}});
  }
  for (const IpPrefix& destination : options.routes) {
    const bool v6 = destination.address.is_v6();
    routes.push_back({destination, of_family(options.gateways, v6), of_family(options.preferred_sources, v6)});
  }
  return routes;
}

template <typename T>
bool holds(const std::vector<T>& all, const T& one) {
  return std::ranges::find(all, one) != all.end();
}

Outcome configure_link(Netlink& netlink, const LinkInfo& link, const TapOptions& options) {
  if (!options.mac.is_zero() && link.mac != options.mac) {
    if (auto done = netlink.set_mac(link.index, options.mac); !done) return done;
  }
  if (link.mtu != options.mtu) {
    if (auto done = netlink.set_mtu(link.index, options.mtu); !done) return done;
  }
  prefer_quick_ipv6(options.name);
  return netlink.set_up(link.index, true);
}

Outcome configure_addresses(Netlink& netlink, int index, const TapOptions& options) {
  const auto present = netlink.addresses(index);
  if (!present) return std::unexpected(present.error());
  for (const IpPrefix& address : *present) {
    if (holds(options.addresses, address)) continue;
    if (auto done = netlink.remove_address(index, address); !done) return done;
  }
  for (const IpPrefix& address : options.addresses) {
    if (holds(*present, address)) continue;
    if (auto done = netlink.add_address(index, address); !done) return done;
  }
  return {};
}

Outcome configure_routes(Netlink& netlink, int index, const TapOptions& options) {
  for (const IpAddress& gateway : options.gateways) {
    if (auto done = netlink.add_permanent_neighbour(index, gateway, options.gateway_mac); !done) return done;
  }
  const std::vector<DeviceRoute> wanted = wanted_routes(options);
  const auto present = netlink.routes(index);
  if (!present) return std::unexpected(present.error());
  for (const DeviceRoute& route : *present) {
    if (holds(wanted, route)) continue;
    if (auto done = netlink.remove_route(index, route); !done) return done;
  }
  for (const DeviceRoute& route : wanted) {
    if (holds(*present, route)) continue;
    if (auto done = netlink.add_route(index, route); !done) return done;
  }
  return {};
}

// In the device's namespace. Touches only what differs.
Outcome configure_device(const TapOptions& options) {
  auto netlink = Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  const auto link = netlink->find_link(options.name);
  if (!link) return std::unexpected(link.error());
  if (auto done = configure_link(*netlink, *link, options); !done) return done;
  if (auto done = configure_addresses(*netlink, link->index, options); !done) return done;
  return configure_routes(*netlink, link->index, options);
}

}  // namespace

struct Tap::Impl {
  TapOptions options;
  net::LinkCapabilities capabilities;
  std::deque<FileDescriptor> queues;
  std::vector<std::shared_ptr<TapCounters>> counters;  // shared with the links, which may live longer
};

Tap::Tap(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tap::~Tap() = default;

std::expected<std::unique_ptr<Tap>, std::string> Tap::open(const TapOptions& options) {
  if (options.name.empty() || options.name.size() >= IFNAMSIZ)
    return std::unexpected("interface name '" + options.name + "' is empty or longer than 15 bytes");
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->capabilities = {.mtu = options.mtu, .tso = true, .checksum = true, .max_gso_bytes = 65535};
  const Outcome outcome = in_network_namespace(options.network_namespace, [&]() -> Outcome {
    auto queues = open_queues(options);
    if (!queues) return std::unexpected(queues.error());
    impl->queues = std::move(*queues);
    return configure_device(options);
  });
  if (!outcome) return std::unexpected("port " + described(options) + ": " + outcome.error());
  for (unsigned i = 0; i < options.queues; ++i) impl->counters.push_back(std::make_shared<TapCounters>());
  return std::unique_ptr<Tap>(new Tap(std::move(impl)));
}

std::unique_ptr<net::Link> Tap::link(unsigned queue, std::shared_ptr<ReceiveBuffers> buffers) {
  // The Tap keeps a descriptor of each queue: a worker that drops its link does not lose the queue.
  FileDescriptor fd(::fcntl(impl_->queues[queue].get(), F_DUPFD_CLOEXEC, 0));
  return std::make_unique<TapLink>(std::move(fd), impl_->capabilities, std::move(buffers), impl_->counters[queue]);
}

unsigned Tap::queues() const { return static_cast<unsigned>(impl_->queues.size()); }
const net::LinkCapabilities& Tap::capabilities() const { return impl_->capabilities; }
const TapOptions& Tap::options() const { return impl_->options; }
const TapCounters& Tap::counters(unsigned queue) const { return *impl_->counters[queue]; }

Outcome Tap::configure(const TapOptions& options) {
  impl_->options = options;
  const Outcome outcome =
      in_network_namespace(options.network_namespace, [&] { return configure_device(options); });
  if (!outcome) return std::unexpected("port " + described(options) + ": " + outcome.error());
  return {};
}

void Tap::destroy() {
  for (const FileDescriptor& queue : impl_->queues) {
    // EBADFD: the namespace took the device with it.
    if (::ioctl(queue.get(), TUNSETPERSIST, 0) != 0 && errno != EBADFD)
      log_warning("nic", failure("port " + described(impl_->options) + ": remove").error());
  }
  impl_->queues.clear();
}

}  // namespace weft::nic
