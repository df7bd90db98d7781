#include "dataplane/net/segmentation.h"

#include <algorithm>

#include "dataplane/net/checksum.h"
#include "dataplane/net/headers.h"
#include "dataplane/net/tcp_segment.h"

namespace weft::net {

namespace {

void set_total_bytes(std::uint8_t* ip, bool v6, std::uint32_t total) {
  if (v6) store_be16(ip + 4, static_cast<std::uint16_t>(total - 40));
  else store_be16(ip + 2, static_cast<std::uint16_t>(total));
}

// A copy of the first n bytes in a buffer of its own; what follows is appended by the caller.
Slice copy_headers(const std::uint8_t* from, std::uint32_t n, BufferPool& pool) {
  if (pool.buffer_capacity() < kHeadroom + n) return {};
  Slice slice = Slice::allocate(pool, kHeadroom);
  if (slice) slice.append({from, n});
  return slice;
}

struct SegmentPlan {
  std::uint32_t headers, gso_size, payload, count;
};

// FIN and PSH belong to the last segment, CWR (RFC 3168 section 6.1.2) to the first.
std::uint8_t flags_of(std::uint8_t flags, std::uint32_t index, const SegmentPlan& plan) {
  if (index + 1 < plan.count) flags &= static_cast<std::uint8_t>(~(kFin | kPsh));
  if (index > 0) flags &= static_cast<std::uint8_t>(~kCwr);
  return flags;
}

void write_segment_headers(Slice& headers, const IpHeader& ip, const SegmentPlan& plan, std::uint32_t index,
                           std::uint32_t payload) {
  std::uint8_t* p = headers.data();
  set_total_bytes(p, ip.v6, plan.headers + payload);
  if (!ip.v6) {
    store_be16(p + 4, static_cast<std::uint16_t>(ip.identification + index));
    fill_ip4_checksum(p);
  }
  std::uint8_t* tcp = p + ip.header_bytes;
  store_be32(tcp + 4, load_be32(tcp + 4) + index * plan.gso_size);
  tcp[13] = flags_of(tcp[13], index, plan);
}

struct FragmentPlan {
  std::uint32_t headers;  // of each fragment, IPv6 fragment header included
  std::uint32_t step;     // payload bytes of each but the last
};

void write_fragment_headers(Slice& headers, const IpHeader& ip, std::uint32_t identification, std::uint32_t offset,
                            std::uint32_t payload, bool more) {
  if (ip.v6) {
    std::uint8_t* header = headers.append(8);
    std::uint8_t* p = headers.data();
    header[0] = p[6];
    header[1] = 0;
    store_be16(header + 2, static_cast<std::uint16_t>(offset | more));
    store_be32(header + 4, identification);
    p[6] = 44;
    set_total_bytes(p, true, headers.size() + payload);
  } else {
    std::uint8_t* p = headers.data();
    set_total_bytes(p, false, headers.size() + payload);
    store_be16(p + 6, static_cast<std::uint16_t>(offset / 8 | (more ? 0x2000 : 0)));
    fill_ip4_checksum(p);
  }
}

}  // namespace

std::uint32_t tcp_headers_bytes(const ByteChain& datagram, const IpHeader& ip) {
  return ip.header_bytes + (datagram.front().data()[ip.header_bytes + 12] >> 4) * 4u;
}

void leave_checksum_to_device(Packet& datagram, const IpHeader& ip) {
  const std::uint32_t offset = *checksum_offset_of(ip.protocol);
  store_be16(datagram.bytes.front().data() + ip.header_bytes + offset,
             pseudo_header_sum(ip.source, ip.destination, ip.protocol, ip.payload_bytes()));
  datagram.offload.needs_checksum = true;
  datagram.offload.checksum_start = static_cast<std::uint16_t>(ip.header_bytes);
  datagram.offload.checksum_offset = static_cast<std::uint16_t>(offset);
}

void fill_checksum(Packet& datagram) {
  Offload& offload = datagram.offload;
  const std::size_t start = offload.checksum_start;
  std::uint16_t checksum = checksum_of(sum_of(datagram.bytes, start, datagram.bytes.size() - start));
  // 0 means "none" in UDP (RFC 768), and is the same number as 0xffff everywhere.
  if (checksum == 0) checksum = 0xffff;
  store_be16(datagram.bytes.front().data() + start + offload.checksum_offset, checksum);
  offload.needs_checksum = false;
}

bool cut_super_segment(Packet&& datagram, const IpHeader& ip, bool device_checksum, BufferPool& pool,
                       PacketQueue& out) {
  SegmentPlan plan{tcp_headers_bytes(datagram.bytes, ip), datagram.offload.gso_size, 0, 1};
  plan.payload = ip.total_bytes - plan.headers;
  plan.count = std::max(1u, (plan.payload + plan.gso_size - 1) / plan.gso_size);
  if (out.space() < plan.count) return false;
  const ByteChain headers = datagram.bytes.take_front(plan.headers);
  ByteChain& payload = datagram.bytes;
  std::vector<Slice> fresh;
  fresh.reserve(plan.count);
  for (std::uint32_t i = 0; i < plan.count; ++i) {
    fresh.push_back(copy_headers(headers.front().data(), plan.headers, pool));
    if (!fresh.back()) return false;
  }
  for (std::uint32_t i = 0; i < plan.count; ++i) {
    const auto size = static_cast<std::uint32_t>(std::min<std::size_t>(plan.gso_size, payload.size()));
    write_segment_headers(fresh[i], ip, plan, i, size);
    Packet segment;
    segment.interface = datagram.interface;
    segment.bytes = ByteChain(std::move(fresh[i]));
    ByteChain text = payload.take_front(size);
    if (text.holds_end_of_write()) segment.bytes.front().data()[ip.header_bytes + 13] |= kPsh;
    segment.bytes.append(std::move(text));
    IpHeader own = ip;
    own.total_bytes = plan.headers + size;
    leave_checksum_to_device(segment, own);
    if (!device_checksum) fill_checksum(segment);
    out.push(std::move(segment));
  }
  return true;
}

bool cut_into_fragments(Packet&& datagram, const IpHeader& ip, std::uint32_t mtu, std::uint32_t identification,
                        BufferPool& pool, PacketQueue& out) {
  // IPv6: everything behind the fixed header is the fragmentable part. Extension headers that were meant per hop came
  // in the first fragment only if they stood before its fragment header; none of them is ours to repeat.
  const std::uint32_t kept = ip.v6 ? 40 : ip.header_bytes;
  const FragmentPlan plan{kept + (ip.v6 ? 8 : 0), (mtu - kept - (ip.v6 ? 8 : 0)) / 8 * 8};
  const std::uint32_t payload_bytes = ip.total_bytes - kept;
  if (out.space() < (payload_bytes + plan.step - 1) / plan.step) return false;
  const ByteChain header = datagram.bytes.take_front(kept);
  std::vector<Packet> fragments;
  for (std::uint32_t offset = 0; offset < payload_bytes; offset += plan.step) {
    const std::uint32_t size = std::min(plan.step, payload_bytes - offset);
    Slice own = copy_headers(header.front().data(), kept, pool);
    if (!own || own.tailroom() < 8) return false;
    write_fragment_headers(own, ip, identification, offset, size, offset + size < payload_bytes);
    Packet fragment;
    fragment.interface = datagram.interface;
    fragment.bytes = ByteChain(std::move(own));
    fragment.bytes.append(datagram.bytes.take_front(size));
    fragments.push_back(std::move(fragment));
  }
  for (Packet& fragment : fragments) out.push(std::move(fragment));
  return true;
}

}  // namespace weft::net
