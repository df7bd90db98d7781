// One queue of an ethdev as a Link.
#pragma once

#include <array>
#include <span>

#include "dataplane/nic/file_descriptor.h"
#include "dataplane/nic/mbuf.h"
#include "dataplane/nic/port.h"

namespace weft::nic {

// What a queue must know of its device.
struct QueueOptions {
  std::uint16_t port = 0;
  std::uint16_t queue = 0;
  WakeUp wake_up = WakeUp::kNone;
  net::LinkCapabilities capabilities;
  bool multi_segment = false;       // transmits chains
  bool ip_checksum = false;         // fills in the IPv4 header checksums of the segments it cuts
  std::uint32_t frame_max = 0;      // longest frame without segmentation, Ethernet header included
  MbufPool* small_pool = nullptr;
  MbufPool* super_pool = nullptr;     // what the device fills; nullptr: small_pool
  MbufPool* indirect_pool = nullptr;  // mbufs without storage: they point into shared slices' buffers
};

// Received mbufs become packets without a copy, but for small frames in large buffers, which would hold 16 KiB for what
// may be one byte. On the way out a slice that nobody else holds goes as its own mbuf, a
// shared one as an indirect mbuf; frames in more pieces than the device takes are copied together.
class PortLink final : public net::Link {
 public:
  // `socket`: of this queue, for WakeUp::kSocket.
  PortLink(const QueueOptions& options, FileDescriptor socket, PortCounters& counters);
  ~PortLink() override;

  unsigned receive(std::span<Packet> burst) override;
  unsigned transmit(std::span<Packet> burst) override;
  int wait_fd() const override;
  bool arm() override;
  const net::LinkCapabilities& capabilities() const override { return options_.capabilities; }

 private:
  static constexpr unsigned kBurst = 32;
  // Pieces of a frame that go to a device as they are; a virtio queue of 256 then holds a few of them.
  static constexpr std::uint32_t kPiecesMax = 64;

  void disarm();
  void take(rte_mbuf* m, Packet& packet);
  bool take_copy(rte_mbuf* m, Packet& packet);
  rte_mbuf* chain_of(Packet& packet);
  rte_mbuf* piece_of(Slice& slice);
  rte_mbuf* copy_of(const ByteChain& bytes);
  bool must_copy(const Packet& packet) const;
  bool set_offload(const Packet& packet, rte_mbuf* m);
  unsigned send(std::span<rte_mbuf*> frames);
  unsigned prepare(std::span<rte_mbuf*> frames);

  const QueueOptions options_;
  FileDescriptor wait_;  // the socket, or an epoll instance that holds the queue's interrupt; stays the same descriptor
                         // when the driver's changes (a vhost peer that comes back)
  PortCounters& counters_;
  Scarcity scarcity_;
  bool armed_ = false;
  bool stalled_ = false;  // the queue was full and stayed so: do not wait for it again before it moves
  std::array<rte_mbuf*, kBurst> early_{};  // came while arm() was looking; the next receive() starts with them
  unsigned early_count_ = 0;
};

}  // namespace weft::nic
