#include "tests/conformance/address.h"

#include <netinet/in.h>

#include <cerrno>
#include <cstring>

namespace weft::conformance {

namespace {

constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291, 2.5.5.2

IpAddress from_v6(const in6_addr& address) {
  if (std::memcmp(address.s6_addr, kMapped, sizeof kMapped) == 0) return IpAddress::v4(address.s6_addr + 12);
  return IpAddress::v6(address.s6_addr);
}

void to_v6(const IpAddress& address, in6_addr* to) {
  if (address.is_v6()) {
    std::memcpy(to->s6_addr, address.data(), 16);
    return;
  }
  std::memcpy(to->s6_addr, kMapped, sizeof kMapped);
  std::memcpy(to->s6_addr + 12, address.data(), 4);
}

}  // namespace

std::expected<Endpoint, int> endpoint_from(int family, const sockaddr* address, socklen_t size) {
  const std::size_t needed = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (address == nullptr || size < needed) return std::unexpected(EINVAL);
  if (address->sa_family != family) return std::unexpected(EAFNOSUPPORT);
  if (family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    return Endpoint{from_v6(v6.sin6_addr), ntohs(v6.sin6_port)};
  }
  sockaddr_in v4;
  std::memcpy(&v4, address, sizeof v4);
  std::uint8_t bytes[4];
  std::memcpy(bytes, &v4.sin_addr, 4);
  return Endpoint{IpAddress::v4(bytes), ntohs(v4.sin_port)};
}

void write_endpoint(int family, const Endpoint& endpoint, sockaddr_storage* to, socklen_t* size) {
  sockaddr_storage full{};
  socklen_t full_size = sizeof(sockaddr_in);
  if (family == AF_INET6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    to_v6(endpoint.address, &v6.sin6_addr);
    std::memcpy(&full, &v6, full_size = sizeof v6);
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.address.data(), 4);
    std::memcpy(&full, &v4, sizeof v4);
  }
  if (to != nullptr) *to = full;
  if (size != nullptr) *size = full_size;
}

IpAddress any_of(int family) {
  static constexpr std::uint8_t kZero[16] = {};
  return family == AF_INET6 ? IpAddress::v6(kZero) : IpAddress();
}

}  // namespace weft::conformance
