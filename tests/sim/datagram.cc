#include "tests/sim/datagram.h"

#include <algorithm>
#include <cassert>

#include "base/bytes.h"
#include "dataplane/net/ip.h"

namespace weft::sim {

namespace {

std::size_t ip_size(const Datagram& d) { return d.bytes[0] >> 4 == 6 ? 40 : 20; }
std::size_t headers_size(const Datagram& d) { return ip_size(d) + (d.bytes[ip_size(d) + 12] >> 4) * 4u; }

std::uint32_t add_words(const std::uint8_t* p, std::size_t n, std::uint32_t sum) {
  for (; n > 1; p += 2, n -= 2) sum += load_be16(p);
  if (n == 1) sum += std::uint32_t{p[0]} << 8;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

std::uint32_t pseudo_sum(const Datagram& d) {
  const bool v6 = ip_size(d) == 40;
  const auto tcp = static_cast<std::uint32_t>(d.bytes.size() - ip_size(d));
  return add_words(&d.bytes[v6 ? 8 : 12], v6 ? 32 : 8, 6 + (tcp >> 16) + (tcp & 0xffff));
}

void fix_headers(Datagram& d) {
  const std::size_t ip = ip_size(d);
  if (ip == 40) {
    store_be16(&d.bytes[4], static_cast<std::uint16_t>(d.bytes.size() - 40));
  } else {
    store_be16(&d.bytes[2], static_cast<std::uint16_t>(d.bytes.size()));
    store_be16(&d.bytes[10], 0);
    store_be16(&d.bytes[10], static_cast<std::uint16_t>(~add_words(&d.bytes[0], 20, 0)));
  }
  store_be16(&d.bytes[ip + 16], 0);
  const std::uint32_t sum = add_words(&d.bytes[ip], d.bytes.size() - ip, pseudo_sum(d));
  store_be16(&d.bytes[ip + 16], static_cast<std::uint16_t>(~sum));
}

}  // namespace

Datagram flatten(const Packet& packet) {
  Datagram d;
  d.bytes.resize(packet.bytes.size());
  packet.bytes.copy_to(0, d.bytes);
  d.gso_size = packet.offload.gso == GsoType::kNone ? 0 : packet.offload.gso_size;
  if (d.gso_size == 0 && packet.offload.needs_checksum) {
    // From the partial sum that TCP left, so that a wrong one is noticed.
    const std::size_t start = packet.offload.checksum_start;
    const std::uint32_t sum = add_words(&d.bytes[start], d.bytes.size() - start, 0);
    store_be16(&d.bytes[start + packet.offload.checksum_offset], static_cast<std::uint16_t>(~sum));
  }
  return d;
}

std::vector<Datagram> cut(const Datagram& d) {
  if (d.gso_size == 0) return {d};
  const std::size_t head = headers_size(d), ip = ip_size(d);
  std::vector<Datagram> pieces;
  for (std::size_t at = head; at < d.bytes.size(); at += d.gso_size) {
    const std::size_t n = std::min<std::size_t>(d.gso_size, d.bytes.size() - at);
    Datagram piece;
    piece.bytes.assign(d.bytes.begin(), d.bytes.begin() + static_cast<std::ptrdiff_t>(head));
    piece.bytes.insert(piece.bytes.end(), d.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                       d.bytes.begin() + static_cast<std::ptrdiff_t>(at + n));
    store_be32(&piece.bytes[ip + 4], load_be32(&d.bytes[ip + 4]) + static_cast<std::uint32_t>(at - head));
    if (at + n < d.bytes.size()) piece.bytes[ip + 13] &= 0xf6;  // FIN and PSH: the last only
    fix_headers(piece);
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

bool merge(Datagram& super, const Datagram& next) {
  const std::size_t head = headers_size(super), ip = ip_size(super);
  if (next.gso_size != 0 || ip_size(next) != ip || headers_size(next) != head) return false;
  if (next.bytes.size() <= head) return false;
  const std::size_t before = super.bytes.size() - head, size = next.bytes.size() - head;
  if (before == 0 || super.bytes.size() + size > 65'535) return false;
  const std::size_t segment = super.gso_size != 0 ? super.gso_size : before;
  std::uint8_t* tcp = &super.bytes[ip];
  const std::uint8_t* other = &next.bytes[ip];
  if (size > segment || before % segment != 0 || load_be32(other + 4) != load_be32(tcp + 4) + before) return false;
  // No SYN, RST, URG or CWR in either, and nothing that ends a run in the first.
  if ((tcp[13] & 0xaf) != 0 || (other[13] & 0xa6) != 0 || (other[13] | 0x09) != (tcp[13] | 0x09)) return false;
  const std::size_t addresses = ip == 40 ? 8 : 12;
  const auto same = [&](std::size_t from, std::size_t to) {
    return std::equal(&super.bytes[from], &super.bytes[to], &next.bytes[from]);
  };
  // Traffic class, addresses and ports; the acknowledgment; the window; the options.
  if (!same(1, 2) || !same(addresses, ip + 4) || !same(ip + 8, ip + 13) || !same(ip + 14, ip + 16)) return false;
  if (head > ip + 20 && !same(ip + 20, head)) return false;
  tcp[13] = static_cast<std::uint8_t>(tcp[13] | (other[13] & 0x09));
  super.gso_size = static_cast<std::uint16_t>(segment);
  super.bytes.insert(super.bytes.end(), next.bytes.begin() + static_cast<std::ptrdiff_t>(head), next.bytes.end());
  if (ip == 40) {
    store_be16(&super.bytes[4], static_cast<std::uint16_t>(super.bytes.size() - 40));
  } else {
    store_be16(&super.bytes[2], static_cast<std::uint16_t>(super.bytes.size()));
    net::fill_ip4_checksum(super.bytes.data());
  }
  return true;
}

bool checksum_ok(const Datagram& d) {
  if (d.gso_size != 0) return true;
  return add_words(&d.bytes[ip_size(d)], d.bytes.size() - ip_size(d), pseudo_sum(d)) == 0xffff;
}

Packet to_packet(const Datagram& d, BufferPool& pool) {
  Packet packet;
  Slice slice = Slice::allocate(pool, 16);
  assert(slice && slice.tailroom() >= d.bytes.size());
  slice.append(d.bytes);
  packet.bytes.push_back(std::move(slice));
  packet.offload.checksum_verified = true;
  packet.offload.gso_size = d.gso_size;
  packet.offload.gso = d.gso_size == 0 ? GsoType::kNone : d.bytes[0] >> 4 == 6 ? GsoType::kTcp6 : GsoType::kTcp4;
  return packet;
}

net::TcpArrival arrival_of(const Datagram& d, InterfaceId interface, InterfaceId pod) {
  const std::uint8_t* p = d.bytes.data();
  const bool v6 = p[0] >> 4 == 6;
  const std::size_t ip = ip_size(d);
  net::TcpArrival arrival;
  arrival.key.interface = interface;
  arrival.key.remote = {v6 ? IpAddress::v6(p + 8) : IpAddress::v4(p + 12), load_be16(p + ip)};
  arrival.key.local = {v6 ? IpAddress::v6(p + 24) : IpAddress::v4(p + 16), load_be16(p + ip + 2)};
  arrival.pod = pod;
  arrival.tcp_offset = static_cast<std::uint16_t>(ip);
  arrival.ecn = static_cast<net::Ecn>(v6 ? p[1] >> 4 & 3 : p[1] & 3);
  return arrival;
}

}  // namespace weft::sim
