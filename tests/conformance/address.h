// The socket addresses of the BSD calls, and our endpoints.
#pragma once

#include <sys/socket.h>

#include <expected>

#include "base/ip_address.h"

namespace weft::conformance {

// What a socket of `family` (AF_INET, AF_INET6) was given. IPv4-mapped addresses become IPv4. Error: an errno.
std::expected<Endpoint, int> endpoint_from(int family, const sockaddr* address, socklen_t size);
// As a socket of `family` sees it: IPv4 is mapped for AF_INET6. Both pointers may be null.
void write_endpoint(int family, const Endpoint& endpoint, sockaddr_storage* to, socklen_t* size);

// The address that stands for all of a family.
IpAddress any_of(int family);

}  // namespace weft::conformance
