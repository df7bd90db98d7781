// A hierarchical timer wheel: O(1) to set and cancel, intrusive, 1 ms resolution, exact.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "base/clock.h"

namespace weft {

// What a timed object derives from. Not copyable in effect: a copy starts unset. Must be cancelled before it dies.
struct TimerNode {
  TimerNode() = default;
  TimerNode(const TimerNode&) {}
  TimerNode& operator=(const TimerNode&) { return *this; }
  bool is_set() const { return link_ != nullptr; }

  TimerNode* next_ = nullptr;
  TimerNode** link_ = nullptr;  // what points to this node
  std::uint64_t tick_ = 0;      // when it is due, milliseconds of the clock
};

// Level l has 64 slots of 64^l ms. A timer lies on the lowest level on which its tick and the wheel's clock differ, so
// slots of one level never wrap, and the earliest timer is in the first occupied slot of the lowest occupied level
// (the scheme of Varghese and Lauck 1987, as Tokio's timer lays it out). T derives from TimerNode. One thread.
template <typename T>
class TimerWheel {
 public:
  static constexpr int kLevels = 6;  // 2^36 ms, more than two years; later is clamped

  // First whole millisecond at or after `t`, last one at or before it.
  static constexpr std::uint64_t tick_at_or_after(Time t) {
    return static_cast<std::uint64_t>((t.ns() + 999'999) / 1'000'000);
  }
  static constexpr std::uint64_t tick_at_or_before(Time t) { return static_cast<std::uint64_t>(t.ns() / 1'000'000); }

  // Sets or moves. A tick that has passed is due at once.
  void schedule(T& timer, std::uint64_t tick) {
    TimerNode& node = timer;
    if (node.is_set()) {
      if (node.tick_ == tick) return;
      unlink(node);
    }
    if (tick < clock_) tick = clock_;
    constexpr std::uint64_t kFarthest = (std::uint64_t{1} << 6 * kLevels) - 1;
    if ((tick ^ clock_) > kFarthest) tick = clock_ | kFarthest;
    node.tick_ = tick;
    link(node);
    ++size_;
  }
  void cancel(T& timer) {
    TimerNode& node = timer;
    if (node.is_set()) unlink(node);
  }

  // Takes out one timer that is due at `now`; nullptr: no more. A timer that is set again meanwhile for a later tick
  // waits for its time.
  T* pop_due(Time now) {
    const std::uint64_t to = tick_at_or_before(now);
    while (true) {
      const int level = lowest_level();
      if (level == kLevels) break;
      const int slot = std::countr_zero(occupied_[index(level)]);
      const std::uint64_t start = slot_start(level, slot);
      if (start > to) break;
      if (start > clock_) clock_ = start;
      if (level == 0) {
        TimerNode* due = slots_[0][index(slot)];
        unlink(*due);
        return static_cast<T*>(due);
      }
      cascade(level, slot);
    }
    if (to > clock_) clock_ = to;
    return nullptr;
  }

  // When pop_due() has something, never later than that. Exact, unless more than kScanned timers share the first
  // occupied slot of a coarse level: then it may be early, by less than the slot's width, once per level.
  Time deadline() const {
    const int level = lowest_level();
    if (level == kLevels) return Time::never();
    const int slot = std::countr_zero(occupied_[index(level)]);
    std::uint64_t first = UINT64_MAX;
    int scanned = 0;
    for (const TimerNode* node = slots_[index(level)][index(slot)]; node != nullptr; node = node->next_) {
      if (level == 0 || ++scanned > kScanned) return at(slot_start(level, slot));
      if (node->tick_ < first) first = node->tick_;
    }
    return at(first);
  }

  std::size_t size() const { return size_; }

 private:
  static constexpr int kScanned = 64;

  static std::size_t index(int i) { return static_cast<std::size_t>(i); }
  static Time at(std::uint64_t tick) { return Time::from_ns(static_cast<std::int64_t>(tick) * 1'000'000); }
  int lowest_level() const {
    int level = 0;
    while (level < kLevels && occupied_[index(level)] == 0) ++level;
    return level;
  }
  // Start of a slot in the block that the clock is in. REQUIRES: the slot is occupied, so not before the clock's.
  std::uint64_t slot_start(int level, int slot) const {
    const int shift = 6 * level;
    const std::uint64_t block = clock_ >> (shift + 6) << (shift + 6);
    return block | static_cast<std::uint64_t>(slot) << shift;
  }
  void link(TimerNode& node) {
    const std::uint64_t differing = (node.tick_ ^ clock_) | 63;
    const int level = (63 - std::countl_zero(differing)) / 6;
    const int slot = static_cast<int>(node.tick_ >> 6 * level & 63);
    TimerNode*& head = slots_[index(level)][index(slot)];
    node.next_ = head;
    node.link_ = &head;
    if (head != nullptr) head->link_ = &node.next_;
    head = &node;
    occupied_[index(level)] |= std::uint64_t{1} << slot;
  }
  void unlink(TimerNode& node) {
    *node.link_ = node.next_;
    if (node.next_ != nullptr) {
      node.next_->link_ = node.link_;
    } else if (const auto at_slot = slot_of(node.link_); at_slot < kLevels * 64 && *node.link_ == nullptr) {
      occupied_[at_slot / 64] &= ~(std::uint64_t{1} << at_slot % 64);
    }
    node.next_ = nullptr;
    node.link_ = nullptr;
    --size_;
  }
  // Which slot this pointer is the head of; anything >= kLevels * 64: none, it lies in a node.
  std::size_t slot_of(TimerNode** link) const {
    const auto offset = reinterpret_cast<std::uintptr_t>(link) - reinterpret_cast<std::uintptr_t>(&slots_[0][0]);
    return offset / sizeof(TimerNode*);
  }
  void cascade(int level, int slot) {
    TimerNode* node = slots_[index(level)][index(slot)];
    slots_[index(level)][index(slot)] = nullptr;
    occupied_[index(level)] &= ~(std::uint64_t{1} << slot);
    while (node != nullptr) {
      TimerNode* next = node->next_;
      link(*node);
      node = next;
    }
  }

  std::uint64_t clock_ = 0;
  std::size_t size_ = 0;
  std::array<std::uint64_t, kLevels> occupied_{};
  std::array<std::array<TimerNode*, 64>, kLevels> slots_{};
};

}  // namespace weft
