#include "dataplane/nic/netlink.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>

#include "base/bytes.h"

namespace weft::nic {

namespace {

std::uint8_t family_of(const IpAddress& address) { return address.is_v6() ? AF_INET6 : AF_INET; }

IpAddress address_from(const rtattr* attribute) {
  const auto* bytes = static_cast<const std::uint8_t*>(RTA_DATA(attribute));
  return RTA_PAYLOAD(attribute) == 16 ? IpAddress::v6(bytes) : IpAddress::v4(bytes);
}

// Calls on_attribute(const rtattr*) for each attribute behind a message's fixed header.
template <typename Header, typename OnAttribute>
void for_each_attribute(const nlmsghdr* message, OnAttribute on_attribute) {
  auto* position = static_cast<std::uint8_t*>(NLMSG_DATA(message)) + NLMSG_ALIGN(sizeof(Header));
  auto left = static_cast<int>(message->nlmsg_len) - static_cast<int>(NLMSG_SPACE(sizeof(Header)));
  for (auto* a = reinterpret_cast<rtattr*>(position); RTA_OK(a, left); a = RTA_NEXT(a, left)) on_attribute(a);
}

}  // namespace

// A message under construction: fixed header, then attributes.
class Netlink::Request {
 public:
  template <typename Header>
  Request(std::uint16_t type, std::uint16_t flags, const Header& header) {
    message()->nlmsg_type = type;
    message()->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    message()->nlmsg_len = NLMSG_LENGTH(sizeof header);
    std::memcpy(NLMSG_DATA(message()), &header, sizeof header);
  }
  void add(std::uint16_t type, ByteSpan value) {
    auto* attribute = reinterpret_cast<rtattr*>(bytes_.data() + NLMSG_ALIGN(message()->nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = static_cast<std::uint16_t>(RTA_LENGTH(value.size()));
    std::memcpy(RTA_DATA(attribute), value.data(), value.size());
    message()->nlmsg_len = NLMSG_ALIGN(message()->nlmsg_len) + RTA_ALIGN(attribute->rta_len);
  }
  void add(std::uint16_t type, const IpAddress& address) { add(type, {address.data(), address.size()}); }
  void add(std::uint16_t type, const net::MacAddress& mac) { add(type, ByteSpan(mac.bytes)); }
  void add_u32(std::uint16_t type, std::uint32_t value) {
    add(type, {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  nlmsghdr* message() { return reinterpret_cast<nlmsghdr*>(bytes_.data()); }

 private:
  alignas(nlmsghdr) std::array<std::uint8_t, 512> bytes_{};
};

std::expected<Netlink, std::string> Netlink::open() {
  FileDescriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return failure("open a netlink socket");
  // The kernel then filters dumps by interface (RTA_OIF, ifa_index); a kernel that cannot sends all, and we filter.
  const int on = 1;
  ::setsockopt(socket.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  return Netlink(std::move(socket));
}

// Sends, then reads until the acknowledgement, the error or the end of the dump.
template <typename OnMessage>
Outcome Netlink::exchange(Request& request, const std::string& what, OnMessage on_message) {
  request.message()->nlmsg_seq = ++sequence_;
  if (::send(socket_.get(), request.message(), request.message()->nlmsg_len, 0) < 0) return failure(what);
  alignas(nlmsghdr) std::array<std::uint8_t, 32768> answer;
  for (;;) {
    const ssize_t size = ::recv(socket_.get(), answer.data(), answer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failure(what);
    auto left = static_cast<unsigned>(size);
    for (auto* m = reinterpret_cast<nlmsghdr*>(answer.data()); NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
      if (m->nlmsg_seq != sequence_) continue;
      if (m->nlmsg_type == NLMSG_DONE) return {};
      if (m->nlmsg_type == NLMSG_ERROR) {
        const int error = -static_cast<const nlmsgerr*>(NLMSG_DATA(m))->error;
        return error == 0 ? Outcome() : Outcome(failure(what, error));
      }
      on_message(m);
    }
  }
}

Outcome Netlink::execute(Request& request, const std::string& what) {
  request.message()->nlmsg_flags |= NLM_F_ACK;
  return exchange(request, what, [](const nlmsghdr*) {});
}

std::expected<LinkInfo, std::string> Netlink::find_link(const std::string& name) {
  Request request(RTM_GETLINK, NLM_F_ACK, ifinfomsg{});
  request.add(IFLA_IFNAME, ByteSpan(reinterpret_cast<const std::uint8_t*>(name.c_str()), name.size() + 1));
  LinkInfo info;
  const Outcome outcome = exchange(request, "find interface " + name, [&](const nlmsghdr* m) {
    const auto* header = static_cast<const ifinfomsg*>(NLMSG_DATA(m));
    info.index = header->ifi_index;
    info.flags = header->ifi_flags;
    for_each_attribute<ifinfomsg>(m, [&](const rtattr* a) {
      if (a->rta_type == IFLA_MTU) std::memcpy(&info.mtu, RTA_DATA(a), sizeof info.mtu);
      if (a->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(a) == 6)
        info.mac = net::MacAddress::from(static_cast<const std::uint8_t*>(RTA_DATA(a)));
    });
  });
  if (!outcome) return std::unexpected(outcome.error());
  return info;
}

Outcome Netlink::remove_link(const std::string& name) {
  Request request(RTM_DELLINK, 0, ifinfomsg{});
  request.add(IFLA_IFNAME, ByteSpan(reinterpret_cast<const std::uint8_t*>(name.c_str()), name.size() + 1));
  return execute(request, "remove interface " + name);
}

Outcome Netlink::set_up(int index, bool up) {
  ifinfomsg header{};
  header.ifi_index = index;
  header.ifi_change = IFF_UP;
  header.ifi_flags = up ? IFF_UP : 0;
  Request request(RTM_NEWLINK, 0, header);
  return execute(request, up ? "set the link up" : "set the link down");
}

Outcome Netlink::set_no_arp(int index) {
  ifinfomsg header{};
  header.ifi_index = index;
  header.ifi_change = header.ifi_flags = IFF_NOARP;
  Request request(RTM_NEWLINK, 0, header);
  return execute(request, "switch ARP off");
}

Outcome Netlink::set_mtu(int index, std::uint32_t mtu) {
  ifinfomsg header{};
  header.ifi_index = index;
  Request request(RTM_NEWLINK, 0, header);
  request.add_u32(IFLA_MTU, mtu);
  return execute(request, "set MTU " + std::to_string(mtu));
}

Outcome Netlink::set_mac(int index, const net::MacAddress& mac) {
  ifinfomsg header{};
  header.ifi_index = index;
  Request request(RTM_NEWLINK, 0, header);
  request.add(IFLA_ADDRESS, mac);
  return execute(request, "set MAC address");
}

std::expected<std::vector<IpPrefix>, std::string> Netlink::addresses(int index) {
  ifaddrmsg header{};
  header.ifa_index = static_cast<unsigned>(index);
  Request request(RTM_GETADDR, NLM_F_DUMP, header);
  std::vector<IpPrefix> found;
  const Outcome outcome = exchange(request, "list addresses", [&](const nlmsghdr* m) {
    const auto* address = static_cast<const ifaddrmsg*>(NLMSG_DATA(m));
    if (address->ifa_index != static_cast<unsigned>(index)) return;
    if (address->ifa_family == AF_INET6 && address->ifa_scope == RT_SCOPE_LINK) return;
    // IPv4 gives the interface's own address as IFA_LOCAL, IPv6 as IFA_ADDRESS.
    const std::uint16_t wanted = address->ifa_family == AF_INET ? IFA_LOCAL : IFA_ADDRESS;
    for_each_attribute<ifaddrmsg>(m, [&](const rtattr* a) {
      if (a->rta_type == wanted) found.push_back({address_from(a), address->ifa_prefixlen});
    });
  });
  if (!outcome) return std::unexpected(outcome.error());
  return found;
}

Outcome Netlink::add_address(int index, const IpPrefix& address) {
  ifaddrmsg header{};
  header.ifa_family = family_of(address.address);
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.length);
  header.ifa_index = static_cast<unsigned>(index);
  Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, header);
  request.add(IFA_LOCAL, address.address);
  request.add(IFA_ADDRESS, address.address);
  // Nobody else is on this link; an address that waits for detection is unusable for a second.
  request.add_u32(IFA_FLAGS, IFA_F_NODAD);
  return execute(request, "add address " + address.to_string());
}

Outcome Netlink::remove_address(int index, const IpPrefix& address) {
  ifaddrmsg header{};
  header.ifa_family = family_of(address.address);
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.length);
  header.ifa_index = static_cast<unsigned>(index);
  Request request(RTM_DELADDR, 0, header);
  request.add(IFA_LOCAL, address.address);
  return execute(request, "remove address " + address.to_string());
}

Outcome Netlink::add_permanent_neighbour(int index, const IpAddress& address, const net::MacAddress& mac) {
  ndmsg header{};
  header.ndm_family = family_of(address);
  header.ndm_ifindex = index;
  header.ndm_state = NUD_PERMANENT;
  Request request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, header);
  request.add(NDA_DST, address);
  request.add(NDA_LLADDR, mac);
  return execute(request, "add neighbour " + address.to_string());
}

std::expected<std::vector<DeviceRoute>, std::string> Netlink::routes(int index) {
  rtmsg header{};
  header.rtm_table = RT_TABLE_MAIN;
  Request request(RTM_GETROUTE, NLM_F_DUMP, header);
  request.add_u32(RTA_OIF, static_cast<std::uint32_t>(index));
  std::vector<DeviceRoute> found;
  const Outcome outcome = exchange(request, "list routes", [&](const nlmsghdr* m) {
    const auto* route = static_cast<const rtmsg*>(NLMSG_DATA(m));
    if (route->rtm_table != RT_TABLE_MAIN || route->rtm_type != RTN_UNICAST) return;
    if (route->rtm_protocol == RTPROT_KERNEL) return;
    const bool v6 = route->rtm_family == AF_INET6;
    const std::array<std::uint8_t, 16> zero{};
    DeviceRoute r{{v6 ? IpAddress::v6(zero.data()) : IpAddress(), route->rtm_dst_len}, {}, {}};
    int out = 0;
    for_each_attribute<rtmsg>(m, [&](const rtattr* a) {
      if (a->rta_type == RTA_DST) r.destination.address = address_from(a);
      if (a->rta_type == RTA_GATEWAY) r.gateway = address_from(a);
      if (a->rta_type == RTA_PREFSRC) r.source = address_from(a);
      if (a->rta_type == RTA_OIF) std::memcpy(&out, RTA_DATA(a), sizeof out);
    });
    if (out == index) found.push_back(r);
  });
  if (!outcome) return std::unexpected(outcome.error());
  return found;
}

Outcome Netlink::route_request(std::uint16_t type, std::uint16_t flags, int index, const DeviceRoute& route,
                               const std::string& what) {
  rtmsg header{};
  header.rtm_family = family_of(route.destination.address);
  header.rtm_dst_len = static_cast<std::uint8_t>(route.destination.length);
  header.rtm_table = RT_TABLE_MAIN;
  const bool removal = type == RTM_DELROUTE;
  const bool on_link = !route.gateway && route.destination.address.is_v4();
  header.rtm_protocol = removal ? RTPROT_UNSPEC : RTPROT_STATIC;
  header.rtm_scope = removal ? RT_SCOPE_NOWHERE : on_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  header.rtm_flags = route.gateway ? RTNH_F_ONLINK : 0;
  Request request(type, flags, header);
  if (route.destination.length > 0) request.add(RTA_DST, route.destination.address);
  if (route.gateway) request.add(RTA_GATEWAY, *route.gateway);
  if (route.source) request.add(RTA_PREFSRC, *route.source);
  request.add_u32(RTA_OIF, static_cast<std::uint32_t>(index));
  return execute(request, what + " route " + route.destination.to_string());
}

Outcome Netlink::add_route(int index, const DeviceRoute& route) {
  return route_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, index, route, "add");
}

Outcome Netlink::remove_route(int index, const DeviceRoute& route) {
  return route_request(RTM_DELROUTE, 0, index, route, "remove");
}

}  // namespace weft::nic
