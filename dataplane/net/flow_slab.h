// Flow entries in one array, with a free list and a slow sweep for those that went silent.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "dataplane/net/ip.h"

namespace weft::net {

// How long a flow that only passes through us is remembered, by what was seen of it.
struct FlowAge {
  static constexpr Duration kUdpUnanswered = Duration::seconds(30);
  static constexpr Duration kUdpAnswered = Duration::seconds(180);
  static constexpr Duration kTcpUnanswered = Duration::seconds(60);
  static constexpr Duration kTcpAnswered = Duration::seconds(7200);  // keepalive's default period
  static constexpr Duration kTcpClosing = Duration::seconds(60);
  static constexpr std::uint8_t kFin = 1, kSyn = 2, kRst = 4;

  Time expires;
  bool answered = false, closing = false;

  // `flags`: the TCP flags byte, 0 for UDP. `reply`: the packet goes towards who began.
  void touch(Time now, std::uint8_t protocol, std::uint8_t flags, bool reply) {
    answered = answered || reply;
    if ((flags & (kFin | kRst)) != 0) closing = true;
    else if ((flags & kSyn) != 0) closing = false;
    const bool tcp = protocol == kProtocolTcp;
    expires = now + (closing           ? kTcpClosing
                     : answered && tcp ? kTcpAnswered
                     : answered        ? kUdpAnswered
                     : tcp             ? kTcpUnanswered
                                       : kUdpUnanswered);
  }
};

// T has a member `FlowAge age`. Indices are stable while an entry lives.
template <typename T>
class FlowSlab {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  explicit FlowSlab(std::uint32_t limit) : limit_(limit) {}

  // kNone: full. Invalidates references, not indices.
  std::uint32_t allocate() {
    std::uint32_t index;
    if (!free_.empty()) {
      index = free_.back();
      free_.pop_back();
    } else if (slots_.size() < limit_) {
      index = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      return kNone;
    }
    slots_[index].used = true;
    ++size_;
    return index;
  }
  void release(std::uint32_t index) {
    slots_[index] = Slot{};
    free_.push_back(index);
    --size_;
  }
  T& operator[](std::uint32_t index) { return slots_[index].value; }
  std::uint32_t size() const { return size_; }

  // Calls remove(index) for the expired among the next `count` slots; remove() releases them.
  template <typename Remove>
  void sweep(Time now, std::uint32_t count, Remove remove) {
    if (size_ == 0) return;
    const auto slots = static_cast<std::uint32_t>(slots_.size());
    for (std::uint32_t i = 0; i < count && i < slots; ++i) {
      cursor_ = cursor_ + 1 >= slots ? 0 : cursor_ + 1;
      if (slots_[cursor_].used && slots_[cursor_].value.age.expires <= now) remove(cursor_);
    }
  }
  // Calls remove(index) for every entry that `condition` is true for.
  template <typename Condition, typename Remove>
  void remove_if(Condition condition, Remove remove) {
    for (std::uint32_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].used && condition(slots_[i].value)) remove(i);
  }

 private:
  struct Slot {
    T value;
    bool used = false;
  };
  std::uint32_t limit_;
  std::uint32_t size_ = 0, cursor_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace weft::net
