// A bounded FIFO of packets that allocates once.
#pragma once

#include <utility>
#include <vector>

#include "base/packet.h"

namespace weft::net {

class PacketQueue {
 public:
  explicit PacketQueue(std::size_t capacity) : ring_(capacity) {}

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  std::size_t space() const { return ring_.size() - size_; }
  // False, and the packet untouched, when full.
  bool push(Packet&& packet) {
    if (size_ == ring_.size()) return false;
    ring_[(head_ + size_++) % ring_.size()] = std::move(packet);
    return true;
  }
  // REQUIRES: !empty().
  Packet pop() {
    Packet packet = std::move(ring_[head_]);
    head_ = head_ + 1 == ring_.size() ? 0 : head_ + 1;
    --size_;
    return packet;
  }

 private:
  std::vector<Packet> ring_;
  std::size_t head_ = 0, size_ = 0;
};

}  // namespace weft::net
