// A byte string in pieces: the unit in which payload travels between TCP, TLS and the proxy.
#pragma once

#include <cstdint>
#include <utility>

#include "base/buffer.h"

namespace weft {

// A FIFO of slices. Nodes come from a free list of the thread, so that pushing and popping allocate nothing once warm.
// Move-only, 24 bytes when empty (a TCP connection has three) and no storage then. Holds less than 4 GiB. One thread at
// a time, as its buffers.
class ByteChain {
 public:
  struct Node {
    Slice slice;
    Node* next = nullptr;
  };

  ByteChain() = default;
  explicit ByteChain(Slice&& slice) { push_back(std::move(slice)); }
  ByteChain(ByteChain&& other) noexcept
      : head_(std::exchange(other.head_, nullptr)), tail_(std::exchange(other.tail_, nullptr)),
        size_(std::exchange(other.size_, 0)), count_(std::exchange(other.count_, 0)) {}
  ByteChain& operator=(ByteChain&& other) noexcept {
    ByteChain moved(std::move(other));
    swap(moved);
    return *this;
  }
  ByteChain(const ByteChain&) = delete;
  ByteChain& operator=(const ByteChain&) = delete;
  ~ByteChain() {
    if (head_ != nullptr) clear();
  }
  // A chain with a copy of `bytes` in buffers of `pool`, `headroom` free in each. Short when the pool is exhausted:
  // compare size().
  static ByteChain copy_of(ByteSpan bytes, BufferPool& pool, std::uint32_t headroom = 0);

  bool empty() const { return head_ == nullptr; }
  std::size_t size() const { return size_; }                // payload bytes
  std::uint32_t slices() const { return count_; }
  bool holds_end_of_write() const;                          // see Slice::ends_write()
  std::size_t memory() const;                               // capacity of the buffers held; shared ones count whole

  // Empty slices are dropped.
  void push_back(Slice&& slice);
  // Copies `bytes` into the free space behind the last slice. REQUIRES: !empty(), back().exclusive(), tailroom.
  void extend_back(ByteSpan bytes) {
    tail_->slice.append(bytes);
    size_ += static_cast<std::uint32_t>(bytes.size());
  }
  void push_front(Slice&& slice);
  void append(ByteChain&& other);
  // REQUIRES: !empty().
  Slice pop_front();
  const Slice& front() const { return head_->slice; }
  Slice& front() { return head_->slice; }
  const Slice& back() const { return tail_->slice; }
  Slice& back() { return tail_->slice; }

  // The first n bytes as a chain of their own; a slice on the border is shared. REQUIRES: n <= size().
  ByteChain take_front(std::size_t n);
  void drop_front(std::size_t n);
  void drop_back(std::size_t n);
  // Bytes [offset, offset + n) as shared slices; this chain keeps its own. REQUIRES: the range lies inside.
  ByteChain share(std::size_t offset, std::size_t n) const;
  // Copies [offset, offset + to.size()) out. REQUIRES: the range lies inside.
  void copy_to(std::size_t offset, MutableByteSpan to) const;
  void clear();
  void swap(ByteChain& other) noexcept {
    std::swap(head_, other.head_);
    std::swap(tail_, other.tail_);
    std::swap(size_, other.size_);
    std::swap(count_, other.count_);
  }

  // for (Slice& s : chain)
  template <typename S, typename N>
  class Iterator {
   public:
    explicit Iterator(N* node) : node_(node) {}
    S& operator*() const { return node_->slice; }
    Iterator& operator++() {
      node_ = node_->next;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return node_ != other.node_; }

   private:
    N* node_;
  };
  auto begin() { return Iterator<Slice, Node>(head_); }
  auto end() { return Iterator<Slice, Node>(nullptr); }
  auto begin() const { return Iterator<const Slice, const Node>(head_); }
  auto end() const { return Iterator<const Slice, const Node>(nullptr); }
  // After a slice was trimmed or grown through begin() or front(): counts size() anew, O(slices).
  void recount();

 private:
  void count_in(std::uint32_t n);

  Node* head_ = nullptr;
  Node* tail_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace weft
