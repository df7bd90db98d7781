#include "dataplane/net/fragments.h"

#include <algorithm>

#include "dataplane/net/headers.h"
#include "dataplane/net/owner.h"

namespace weft::net {

FragmentTable::FragmentTable(const FragmentLimits& limits, BufferPool& headers)
    : limits_(limits), headers_(headers), slots_(limits.datagrams_max) {
  for (std::uint32_t i = limits.datagrams_max; i > 0; --i) free_.push_back(i - 1);
}

unsigned fragment_owner(const IpHeader& ip, unsigned workers) {
  return owner_of({ip.source, static_cast<std::uint16_t>(ip.identification)},
                  {ip.destination, static_cast<std::uint16_t>(ip.identification >> 16)}, workers);
}

Drop FragmentTable::check(const IpHeader& ip, const Packet& datagram) const {
  const std::uint32_t size = ip.payload_bytes();
  if (size == 0 || (ip.more_fragments && size % 8 != 0)) return Drop::kFragmentMalformed;
  if (ip.header_bytes + ip.fragment_offset + size > 65535) return Drop::kFragmentMalformed;
  if (ip.fragment_offset == 0 && !first_fragment_is_whole(datagram.bytes.front().bytes(), ip))
    return Drop::kFragmentTiny;
  return Drop::kCount;
}

FragmentTable::Datagram* FragmentTable::find_or_create(Time now, const Key& key, const IpHeader& ip) {
  if (auto found = by_key_.find(key); found != by_key_.end()) return &slots_[found->second];
  // One port's fragments leave half of the room to the others.
  std::uint32_t& count = per_interface_[key.interface];
  if (free_.empty() || count >= std::max(limits_.datagrams_max / 2, 1u)) return nullptr;
  ++count;
  const std::uint32_t index = free_.back();
  free_.pop_back();
  by_key_.emplace(key, index);
  Datagram& datagram = slots_[index];
  datagram = Datagram{};
  datagram.key = key;
  datagram.ip = ip;
  datagram.deadline = now + limits_.timeout;
  return &datagram;
}

std::expected<std::optional<Packet>, FragmentTable::Refusal> FragmentTable::add(Time now, const IpHeader& ip,
                                                                                Packet&& packet) {
  if (Drop bad = check(ip, packet); bad != Drop::kCount) return std::unexpected(Refusal{bad, 1});
  const std::size_t memory = packet.bytes.memory();
  const Key key{ip.source, ip.destination, ip.identification, packet.interface,
                ip.v6 ? std::uint8_t{0} : ip.protocol};
  if (memory_ + memory > limits_.bytes_max) return std::unexpected(Refusal{Drop::kFragmentLimit, 1});
  Datagram* datagram = find_or_create(now, key, ip);
  if (datagram == nullptr) return std::unexpected(Refusal{Drop::kFragmentLimit, 1});
  if (datagram->refused) return std::unexpected(Refusal{Drop::kFragmentOverlap, 1});
  const InterfaceId interface = packet.interface;
  switch (Drop bad = insert(*datagram, ip, std::move(packet)); bad) {
    case Drop::kCount: break;
    case Drop::kFragmentDuplicate: return std::unexpected(Refusal{bad, 1});
    default: return std::unexpected(refuse(*datagram, bad));
  }
  datagram->memory += memory;
  memory_ += memory;
  if (datagram->size == 0 || datagram->bytes != datagram->size) return std::optional<Packet>{};
  std::optional<Packet> whole = assemble(*datagram);
  const auto died = static_cast<std::uint32_t>(datagram->pieces.size());
  erase(static_cast<std::uint32_t>(datagram - slots_.data()));
  if (!whole) return std::unexpected(Refusal{Drop::kNoBuffer, died});
  whole->interface = interface;
  return whole;
}

Drop FragmentTable::insert(Datagram& datagram, const IpHeader& ip, Packet&& packet) {
  const std::uint32_t offset = ip.fragment_offset, end = offset + ip.payload_bytes();
  std::vector<Piece>& pieces = datagram.pieces;
  auto after = std::find_if(pieces.begin(), pieces.end(), [&](const Piece& p) { return p.offset >= offset; });
  if (after != pieces.end() && after->offset == offset && after->end == end) return Drop::kFragmentDuplicate;
  if (after != pieces.end() && after->offset < end) return Drop::kFragmentOverlap;
  if (after != pieces.begin() && std::prev(after)->end > offset) return Drop::kFragmentOverlap;
  const bool last = !ip.more_fragments;
  if (last && (datagram.size != 0 || after != pieces.end())) return Drop::kFragmentOverlap;
  if (datagram.size != 0 && end > datagram.size) return Drop::kFragmentOverlap;
  if (pieces.size() == kPiecesMax) return Drop::kFragmentLimit;
  if (last) datagram.size = end;
  datagram.bytes += ip.payload_bytes();
  if (ip.ecn == 3) datagram.congested = true;
  if (offset == 0) {
    packet.bytes.copy_to(0, {datagram.header.data(), ip.header_bytes});
    datagram.header_bytes = ip.header_bytes;
    datagram.header_fragment = ip.fragment_header;
    datagram.header_named_at = ip.next_header_at;
  }
  packet.bytes.drop_front(ip.header_bytes);
  pieces.insert(after, Piece{offset, end, std::move(packet.bytes)});
  return Drop::kCount;
}

FragmentTable::Refusal FragmentTable::refuse(Datagram& datagram, Drop reason) {
  const auto died = static_cast<std::uint32_t>(datagram.pieces.size() + 1);
  datagram.pieces.clear();
  memory_ -= datagram.memory;
  datagram.memory = 0;
  datagram.header_bytes = 0;
  datagram.refused = true;
  return {reason, died};
}

// In the common case the header still lies right before the first piece, in the same buffer.
bool FragmentTable::restore_header(const Datagram& datagram, ByteChain& payload) {
  const std::uint32_t n = datagram.header_bytes;
  const Slice& front = payload.front();
  if (!front.exclusive() || front.headroom() < n + kHeadroom) {
    Slice fresh = headers_.buffer_capacity() < n + kHeadroom ? Slice{} : Slice::allocate(headers_, n + kHeadroom);
    if (!fresh) return false;
    std::memcpy(fresh.prepend(n), datagram.header.data(), n);
    payload.push_front(std::move(fresh));
    return true;
  }
  std::memcpy(prepend(payload, n), datagram.header.data(), n);
  return true;
}

std::optional<Packet> FragmentTable::assemble(Datagram& datagram) {
  Packet whole;
  for (Piece& piece : datagram.pieces) whole.bytes.append(std::move(piece.payload));
  if (!restore_header(datagram, whole.bytes)) return std::nullopt;
  std::uint8_t* ip = whole.bytes.front().data();
  std::uint32_t total = datagram.header_bytes + datagram.size;
  if (datagram.congested) ip[1] |= datagram.key.source.is_v6() ? 0x30 : 0x03;
  if (datagram.key.source.is_v6()) {
    const std::uint32_t at = datagram.header_fragment;
    ip[datagram.header_named_at] = ip[at];
    std::memmove(ip + 8, ip, at);
    whole.bytes.drop_front(8);
    total -= 8;
    store_be16(ip + 8 + 4, static_cast<std::uint16_t>(total - 40));
  } else {
    store_be16(ip + 2, static_cast<std::uint16_t>(total));
    store_be16(ip + 6, 0);
    fill_ip4_checksum(ip);
  }
  return whole;
}

void FragmentTable::erase(std::uint32_t index) {
  Datagram& datagram = slots_[index];
  memory_ -= datagram.memory;
  auto count = per_interface_.find(datagram.key.interface);
  if (--count->second == 0) per_interface_.erase(count);
  by_key_.erase(datagram.key);
  datagram = Datagram{};
  free_.push_back(index);
}

bool FragmentTable::poll_expired(Time now, Expired* expired) {
  for (const auto& [key, index] : by_key_) {
    Datagram& datagram = slots_[index];
    if (datagram.deadline > now) continue;
    expired->interface = key.interface;
    expired->packets = static_cast<std::uint32_t>(datagram.pieces.size());
    expired->ip = datagram.ip;
    expired->first.reset();
    if (datagram.header_bytes != 0) {
      Packet first;
      first.bytes = std::move(datagram.pieces.front().payload);
      first.interface = key.interface;
      if (restore_header(datagram, first.bytes)) expired->first = std::move(first);
    }
    erase(index);
    return true;
  }
  return false;
}

Time FragmentTable::deadline() const {
  Time first = Time::never();
  for (const auto& [key, index] : by_key_) first = std::min(first, slots_[index].deadline);
  return first;
}

}  // namespace weft::net
