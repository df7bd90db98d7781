// How large a datagram the path takes, as far as is known. It only shrinks: connections are short beside the ten
// minutes after which RFC 8201 would try again, and a wrong raise costs a timeout.
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

bool TcpCore::lower_path_mtu(Connection& c, std::uint32_t mtu) {
  if (mtu >= c.path_mtu) return false;
  const std::uint32_t before = c.mss;
  c.path_mtu = static_cast<std::uint16_t>(mtu);
  update_mss(c);
  return c.mss < before;
}

// A link that takes less than before is the narrowest of its paths from now on.
void TcpCore::set_interface(InterfaceId id, const TcpEngine::Interface& interface) {
  auto [it, fresh] = interfaces.try_emplace(id, interface);
  const bool narrower = !fresh && interface.mtu < it->second.mtu;
  it->second = interface;
  if (!narrower) return;
  for (std::uint32_t i = 0; i < table.connections.slots(); ++i) {
    if (!table.connections.lives(i)) continue;
    Connection& c = *table.connections.at(i);
    if (c.key.interface == id) lower_path_mtu(c, interface.mtu);
  }
}

// Full segments vanish and no router says why, or its ICMP does not come through: a black hole (RFC 8899, 4.3; RFC
// 4821, 7.7). That is suspected when R1 retransmissions in a row of what a smaller size would change were in vain (RFC
// 9293, 3.8.3: three), and when as many again were. An outage looks the same; it costs smaller segments afterwards.
void TcpCore::suspect_black_hole(Connection& c) {
  constexpr std::uint32_t kSuspicious = 4;  // the timeout after R1
  constexpr std::uint32_t kBase = 1200 /* RFC 8899, 5.1.2 */, kLeast4 = 576, kLeast6 = 1280;
  const std::uint32_t timeouts = c.retries + 1u;
  if (timeouts != kSuspicious && timeouts != 2 * kSuspicious) return;
  const bool v6 = c.key.local.address.is_v6();
  const std::uint32_t mtu = v6 ? kLeast6 : timeouts == kSuspicious ? kBase : kLeast4;
  const Transmission* first = c.flight->board.first();
  const std::uint32_t text = std::min<std::uint32_t>(c.mss, first->end - first->begin);
  const std::uint32_t header_size = ip_header_size(c.key) + kTcpHeaderSize + (c.timestamps ? kTimestampsSize : 0);
  if (text + header_size > mtu && lower_path_mtu(c, mtu)) ++stats.pmtu_black_holes;
}

}  // namespace weft::net
