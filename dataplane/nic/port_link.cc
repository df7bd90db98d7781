#include "dataplane/nic/port_link.h"

#include <rte_epoll.h>
#include <rte_ethdev.h>
#include <sched.h>
#include <sys/epoll.h>

#include <algorithm>

#include "base/bytes.h"

namespace weft::nic {

namespace {

constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
constexpr std::uint16_t kEtherTypeIpv6 = 0x86dd;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint16_t kTcpChecksum = 16;  // offsets of the checksum in its header
constexpr std::uint16_t kUdpChecksum = 6;

// How long a full transmit queue may hold the worker up: enough for a peer that shares our core to take its frames.
constexpr int kFullQueueYields = 32;

struct L4Position { std::uint16_t start = 0; std::uint8_t protocol = 0; bool v6 = false; };

// Where L4 begins in a frame without extension headers; protocol 0: nowhere that an offload could mean.
L4Position find_l4(ByteSpan frame) {
  if (frame.size() < kEthernetHeader + 20) return {};
  const std::uint16_t type = load_be16(&frame[12]);
  const std::uint8_t* ip = &frame[kEthernetHeader];
  if (type == kEtherTypeIpv4)
    return {static_cast<std::uint16_t>(kEthernetHeader + 4u * (ip[0] & 15)), ip[9], false};
  if (type == kEtherTypeIpv6 && frame.size() >= kEthernetHeader + 40) return {kEthernetHeader + 40, ip[6], true};
  return {};
}

Offload offload_of(const rte_mbuf* m, ByteSpan headers) {
  Offload offload;
  const std::uint64_t checksum = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  offload.checksum_verified = checksum == RTE_MBUF_F_RX_L4_CKSUM_GOOD;
  const bool lro = (m->ol_flags & RTE_MBUF_F_RX_LRO) != 0;
  // NONE: the field is not filled in, and the data is good (virtio between machines on one host).
  if (checksum != RTE_MBUF_F_RX_L4_CKSUM_NONE && !lro) return offload;
  const L4Position l4 = find_l4(headers);
  if (l4.protocol != kTcp && l4.protocol != kUdp) return offload;
  offload.needs_checksum = true;
  offload.checksum_start = l4.start;
  offload.checksum_offset = l4.protocol == kTcp ? kTcpChecksum : kUdpChecksum;
  if (lro && l4.protocol == kTcp && m->tso_segsz > 0) {
    offload.gso = l4.v6 ? GsoType::kTcp6 : GsoType::kTcp4;
    offload.gso_size = m->tso_segsz;
  }
  return offload;
}

FileDescriptor interrupt_epoll(const QueueOptions& options) {
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (rte_eth_dev_rx_intr_ctl_q(options.port, options.queue, epoll.get(), RTE_INTR_EVENT_ADD, nullptr) != 0) return {};
  return epoll;
}

}  // namespace

PortLink::PortLink(const QueueOptions& options, FileDescriptor socket, PortCounters& counters)
    : options_(options),
      wait_(options.wake_up == WakeUp::kInterrupt ? interrupt_epoll(options) : std::move(socket)),
      counters_(counters),
      scarcity_(*options.small_pool, options.super_pool != nullptr ? *options.super_pool : *options.small_pool) {}

PortLink::~PortLink() {
  rte_pktmbuf_free_bulk(early_.data(), early_count_);
  if (options_.wake_up == WakeUp::kInterrupt && wait_)
    rte_eth_dev_rx_intr_ctl_q(options_.port, options_.queue, wait_.get(), RTE_INTR_EVENT_DEL, nullptr);
}

int PortLink::wait_fd() const { return wait_.get(); }

// Interrupt on first, then the look: whatever comes after it interrupts.
bool PortLink::arm() {
  if (options_.wake_up != WakeUp::kInterrupt) return true;
  if (!armed_) armed_ = rte_eth_dev_rx_intr_enable(options_.port, options_.queue) == 0;
  if (early_count_ == 0) early_count_ = rte_eth_rx_burst(options_.port, options_.queue, early_.data(), kBurst);
  return early_count_ == 0;
}

void PortLink::disarm() {
  armed_ = false;
  rte_epoll_event event;
  rte_epoll_wait(wait_.get(), &event, 1, 0);  // reads the interrupt's counter, so that it is not readable any more
  rte_eth_dev_rx_intr_disable(options_.port, options_.queue);
}

// False: it is longer than a small buffer, or there is none; take() then keeps the mbuf itself.
bool PortLink::take_copy(rte_mbuf* m, Packet& packet) {
  const std::uint32_t size = m->pkt_len;
  if (m->nb_segs != 1 || size > kSmallCapacity - kHeadroom) return false;
  Slice copy = Slice::allocate(*options_.small_pool, kHeadroom);
  if (!copy) return false;
  copy.append({rte_pktmbuf_mtod(m, const std::uint8_t*), size});
  packet.bytes.push_back(std::move(copy));
  rte_pktmbuf_free(m);
  return true;
}

void PortLink::take(rte_mbuf* m, Packet& packet) {
  packet.offload = offload_of(m, {rte_pktmbuf_mtod(m, const std::uint8_t*), m->data_len});
  MbufPool* pool = options_.super_pool != nullptr ? options_.super_pool : options_.small_pool;
  if (pool != options_.small_pool && take_copy(m, packet)) return;
  while (m != nullptr) {
    rte_mbuf* next = std::exchange(m->next, nullptr);
    m->nb_segs = 1;
    Buffer* buffer = wrap(m, pool);
    packet.bytes.push_back(Slice(buffer, rte_pktmbuf_mtod(m, std::uint8_t*), m->data_len));
    m = next;
  }
}

unsigned PortLink::receive(std::span<Packet> burst) {
  if (armed_) disarm();
  std::array<rte_mbuf*, kBurst> frames;
  const auto wanted = static_cast<std::uint16_t>(std::min<std::size_t>(burst.size(), kBurst));
  unsigned count = std::exchange(early_count_, 0);
  if (count > 0) std::copy_n(early_.begin(), count, frames.begin());
  else count = rte_eth_rx_burst(options_.port, options_.queue, frames.data(), wanted);
  unsigned taken = 0;
  for (unsigned i = 0; i < count; ++i) {
    counters_.received_bytes.add(frames[i]->pkt_len);
    if (scarcity_.refuses(frames[i]->pkt_len)) {
      counters_.drops.add(PortDrop::kScarce);
      rte_pktmbuf_free(frames[i]);
    } else {
      take(frames[i], burst[taken++]);
    }
  }
  if (count > 0) counters_.received.add(count);
  return taken;
}

bool PortLink::must_copy(const Packet& packet) const {
  return packet.bytes.slices() > (options_.multi_segment ? kPiecesMax : 1u);
}

// The storage goes along: by ownership if nobody else holds it, else by the mbuf's own count.
rte_mbuf* PortLink::piece_of(Slice& slice) {
  Buffer* buffer = slice.buffer();
  const auto size = static_cast<std::uint16_t>(slice.size());
  rte_mbuf* storage = mbuf_of(buffer);
  rte_mbuf* m = storage;
  if (slice.exclusive()) {
    ++buffer->references;  // the device's, which the mbuf stands for from here on
    rte_pktmbuf_reset(m);
  } else {
    m = rte_pktmbuf_alloc(options_.indirect_pool->raw());
    if (m == nullptr) return nullptr;
    rte_pktmbuf_attach(m, storage);
    m->ol_flags &= RTE_MBUF_F_INDIRECT;
  }
  m->data_off = static_cast<std::uint16_t>(slice.data() - buffer->base);
  m->data_len = size;
  m->pkt_len = size;
  slice.reset();
  return m;
}

rte_mbuf* PortLink::copy_of(const ByteChain& bytes) {
  counters_.copied.add();
  rte_mbuf* head = nullptr;
  for (std::size_t offset = 0; offset < bytes.size();) {
    rte_mbuf* m = rte_pktmbuf_alloc(options_.small_pool->raw());
    if (m == nullptr) break;
    const std::size_t size = std::min<std::size_t>(rte_pktmbuf_tailroom(m), bytes.size() - offset);
    bytes.copy_to(offset, {rte_pktmbuf_mtod(m, std::uint8_t*), size});
    m->data_len = static_cast<std::uint16_t>(size);
    m->pkt_len = static_cast<std::uint32_t>(size);
    offset += size;
    if (head == nullptr) head = m;
    else rte_pktmbuf_chain(head, m);
    if (offset == bytes.size()) return head;
  }
  rte_pktmbuf_free(head);
  return nullptr;
}

rte_mbuf* PortLink::chain_of(Packet& packet) {
  bool foreign = false;
  for (const Slice& slice : packet.bytes) foreign |= !MbufPool::made(*slice.buffer());
  if (foreign || must_copy(packet)) return copy_of(packet.bytes);
  rte_mbuf* head = nullptr;
  rte_mbuf* tail = nullptr;
  for (Slice& slice : packet.bytes) {
    rte_mbuf* m = piece_of(slice);
    if (m == nullptr) {
      rte_pktmbuf_free(head);
      return nullptr;
    }
    if (head == nullptr) {
      head = m;
    } else {
      tail->next = m;
      head->pkt_len += m->data_len;
      ++head->nb_segs;
    }
    tail = m;
  }
  return head;
}

// False: the offload that is asked for contradicts the headers.
bool PortLink::set_offload(const Packet& packet, rte_mbuf* m) {
  const Offload& offload = packet.offload;
  if (!offload.needs_checksum) return offload.gso == GsoType::kNone;
  const ByteSpan headers(rte_pktmbuf_mtod(m, const std::uint8_t*), m->data_len);
  const std::size_t l4 = offload.checksum_start;
  if (l4 < kEthernetHeader + 20 || l4 > 511 || headers.size() < l4 + 8) return false;
  const bool v4 = load_be16(&headers[12]) == kEtherTypeIpv4;
  m->l2_len = kEthernetHeader;
  m->l3_len = (l4 - kEthernetHeader) & 511;
  m->ol_flags |= v4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
  if (offload.checksum_offset == kUdpChecksum && offload.gso == GsoType::kNone) {
    m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
    return true;
  }
  if (offload.checksum_offset != kTcpChecksum || headers.size() < l4 + 20) return false;
  m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
  if (offload.gso == GsoType::kNone) return true;
  m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
  if (v4 && options_.ip_checksum) m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
  m->l4_len = 4u * (headers[l4 + 12] >> 4);
  m->tso_segsz = offload.gso_size;
  return true;
}

unsigned PortLink::transmit(std::span<Packet> burst) {
  std::array<rte_mbuf*, kBurst> frames;
  unsigned sent = 0;
  unsigned count = 0;
  for (Packet& packet : burst) {
    const std::size_t size = packet.bytes.size();
    const bool fits = packet.offload.gso != GsoType::kNone || size <= options_.frame_max;
    rte_mbuf* m = fits ? chain_of(packet) : nullptr;
    packet.bytes.clear();
    if (m == nullptr) {
      counters_.drops.add(fits ? PortDrop::kNoMbuf : PortDrop::kFrameTooLong);
    } else if (!set_offload(packet, m)) {
      counters_.drops.add(PortDrop::kBadOffload);
      rte_pktmbuf_free(m);
    } else {
      frames[count++] = m;
    }
    if (count == kBurst) sent += send({frames.data(), std::exchange(count, 0)});
  }
  return sent + send({frames.data(), count});
}

// What the driver wants done to the headers before it computes on them. Refused frames are dropped and the rest close
// ranks; returns how many are left.
unsigned PortLink::prepare(std::span<rte_mbuf*> frames) {
  std::size_t ready = 0;
  while (ready < frames.size()) {
    const auto left = static_cast<std::uint16_t>(frames.size() - ready);
    ready += rte_eth_tx_prepare(options_.port, options_.queue, &frames[ready], left);
    if (ready == frames.size()) break;
    counters_.drops.add(PortDrop::kBadOffload);
    rte_pktmbuf_free(frames[ready]);
    std::copy(frames.begin() + static_cast<std::ptrdiff_t>(ready) + 1, frames.end(),
              frames.begin() + static_cast<std::ptrdiff_t>(ready));
    frames = frames.first(frames.size() - 1);
  }
  return static_cast<unsigned>(ready);
}

unsigned PortLink::send(std::span<rte_mbuf*> frames) {
  if (frames.empty()) return 0;
  const unsigned count = prepare(frames);
  std::uint64_t bytes = 0;
  for (unsigned i = 0; i < count; ++i) bytes += frames[i]->pkt_len;
  unsigned sent = 0;
  for (int yields = 0;; ++yields) {
    const auto left = static_cast<std::uint16_t>(count - sent);
    const unsigned went = rte_eth_tx_burst(options_.port, options_.queue, &frames[sent], left);
    sent += went;
    if (went > 0) stalled_ = false;
    if (sent == count || stalled_) break;
    if (yields == kFullQueueYields) stalled_ = true;
    ::sched_yield();
  }
  for (unsigned i = sent; i < count; ++i) {
    bytes -= frames[i]->pkt_len;
    rte_pktmbuf_free(frames[i]);
  }
  counters_.drops.add(PortDrop::kQueueFull, count - sent);
  counters_.transmitted.add(sent);
  counters_.transmitted_bytes.add(bytes);
  return sent;
}

}  // namespace weft::nic
