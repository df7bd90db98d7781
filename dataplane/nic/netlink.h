// The little of rtnetlink that ports need: links, addresses, neighbours and routes of one interface.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "dataplane/net/mac_address.h"
#include "dataplane/nic/file_descriptor.h"
#include "dataplane/nic/system_error.h"

namespace weft::nic {

struct LinkInfo {
  int index = 0;
  unsigned flags = 0;  // IFF_*
  std::uint32_t mtu = 0;
  net::MacAddress mac;
};

// A route of the main table. Without gateway: on the link (scope link).
struct DeviceRoute {
  IpPrefix destination;
  std::optional<IpAddress> gateway;
  std::optional<IpAddress> source;
  auto operator<=>(const DeviceRoute&) const = default;
};

// A socket of the network namespace of the thread that opens it. One thread at a time. Everything replaces what is
// there, so that repeating is harmless.
class Netlink {
 public:
  static std::expected<Netlink, std::string> open();

  // The error "no such device" is text like all others.
  std::expected<LinkInfo, std::string> find_link(const std::string& name);
  Outcome remove_link(const std::string& name);
  Outcome set_up(int index, bool up);
  Outcome set_mtu(int index, std::uint32_t mtu);
  Outcome set_mac(int index, const net::MacAddress& mac);
  Outcome set_no_arp(int index);

  // All but the IPv6 link-local ones, which the kernel makes.
  std::expected<std::vector<IpPrefix>, std::string> addresses(int index);
  // Without duplicate address detection.
  Outcome add_address(int index, const IpPrefix& address);
  Outcome remove_address(int index, const IpPrefix& address);

  Outcome add_permanent_neighbour(int index, const IpAddress& address, const net::MacAddress& mac);

  // Those that somebody added: not the kernel's own for addresses and the link-local prefix.
  std::expected<std::vector<DeviceRoute>, std::string> routes(int index);
  // The gateway counts as on the link, whatever the addresses say.
  Outcome add_route(int index, const DeviceRoute& route);
  Outcome remove_route(int index, const DeviceRoute& route);

 private:
  class Request;
  explicit Netlink(FileDescriptor socket) : socket_(std::move(socket)) {}
  Outcome execute(Request& request, const std::string& what);
  template <typename OnMessage>
  Outcome exchange(Request& request, const std::string& what, OnMessage on_message);
  Outcome route_request(std::uint16_t type, std::uint16_t flags, int index, const DeviceRoute& route,
                        const std::string& what);

  FileDescriptor socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace weft::nic
