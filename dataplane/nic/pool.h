// Buffers in DPDK's memory: a weft::Buffer lies in the private area of each mbuf, so a buffer is an mbuf and back by
// pointer arithmetic, and payload that came from a device goes to another without a copy.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "base/buffer.h"

struct rte_mbuf;
struct rte_mempool;

namespace weft::nic {

// Free bytes before the frame in every buffer that a port fills; DPDK's own RTE_PKTMBUF_HEADROOM.
inline constexpr std::uint32_t kHeadroom = 128;
// Frames of up to 2 KB, as af_packet's ring and most NICs hand them over.
inline constexpr std::uint32_t kSmallCapacity = kHeadroom + 2048;
// One TLS record of 16 KB with its header and tag. Four, after a small one, take the largest super-segment a TAP has;
// what stays empty is kept for the next read, so a middling super-segment does not pin 64 KB.
inline constexpr std::uint32_t kLargeCapacity = kHeadroom + 16384 + 384;

// Counts of references are the owner worker's and plain; the mbuf's own count, which is atomic, holds the storage while
// a device still reads it. May be used by several workers at once: each has a cache (see register_thread()).
class MbufPool final : public BufferPool {
 public:
  // `capacity` includes headroom and is at most 65535. The error says how much memory was missing.
  static std::expected<std::unique_ptr<MbufPool>, std::string> create(const std::string& name, std::uint32_t buffers,
                                                                      std::uint32_t capacity);
  // REQUIRES: nothing is out.
  ~MbufPool() override;

  Buffer* allocate() override;
  void release(Buffer* buffer) override;
  std::uint32_t buffer_capacity() const override { return capacity_; }
  bool scarce() const override { return in_use() > size_ - size_ / 4; }

  // Whether a buffer is an mbuf. Others (from the heap) must be copied for a device.
  static bool made(const Buffer& buffer);

  // Any thread; exact only while nobody allocates.
  std::uint32_t in_use() const;
  std::uint32_t size() const { return size_; }
  rte_mempool* raw() { return pool_; }

 private:
  MbufPool(rte_mempool* pool, std::uint32_t buffers, std::uint32_t capacity)
      : pool_(pool), size_(buffers), capacity_(capacity) {}
  rte_mempool* pool_;
  std::uint32_t size_;
  std::uint32_t capacity_;
};

// What a link asks of each frame that it takes in. When all buffers are held by payload that waits for
// acknowledgements, and there is none left to receive these in, nothing ever moves again: so under scarcity only
// frames pass that are no longer than an acknowledgement, a SYN, or ARP. TCP sends the others again. A scarcity of
// large buffers alone is no concern of frames that a small one holds: TCP's retransmissions are among them. A link
// that can do without large ones names `small` twice.
class Scarcity {
 public:
  static constexpr std::size_t kControlFrame = 256;  // bytes
  static constexpr std::size_t kSmallFrame = kSmallCapacity - kHeadroom;

  Scarcity(const BufferPool& small, const BufferPool& large) : small_(small), large_(large) {}
  bool refuses(std::size_t frame_bytes) {
    if (frame_bytes <= kControlFrame) return false;
    if (asked_++ % 16 == 0) {
      no_small_ = small_.scarce();
      no_large_ = large_.scarce();
    }
    return no_small_ || (no_large_ && frame_bytes > kSmallFrame);
  }

 private:
  const BufferPool& small_;
  const BufferPool& large_;
  unsigned asked_ = 0;
  bool no_small_ = false;
  bool no_large_ = false;
};

}  // namespace weft::nic
