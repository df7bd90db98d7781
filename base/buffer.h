// Reference-counted storage for packet bytes, and slices of it. Payload moves by passing slices, never by copying.
//
// A Buffer lies in an mbuf's private area (dataplane/nic) or on the heap (tests, simulations): the rooms above a port
// cannot tell. Counts are plain integers: a buffer belongs to one worker at a time. It changes workers only inside a
// Packet that holds the sole reference to it (see Packet hand-over in base/packet.h).
#pragma once

#include <cassert>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/bytes.h"

namespace weft {

class BufferPool;

struct Buffer {
  std::uint8_t* base;
  std::uint32_t capacity;
  std::uint32_t references;
  BufferPool* pool;
};

// Interface with two implementations: mbuf pools, and HeapBufferPool.
class BufferPool {
 public:
  virtual ~BufferPool() = default;
  // A buffer with one reference; nullptr when the pool is exhausted (count it, drop, go on).
  virtual Buffer* allocate() = 0;
  // REQUIRES: buffer->references == 0.
  virtual void release(Buffer* buffer) = 0;
  virtual std::uint32_t buffer_capacity() const = 0;
  // Less than a quarter is left: who takes payload in should leave the rest to acknowledgements, which
  // set buffers free. Costs some hundred loads: sample it.
  virtual bool scarce() const { return false; }
};

// A window of a buffer. Move-only; clone() shares the bytes. Owns: one reference.
class Slice {
 public:
  Slice() = default;
  // Takes over the reference that `buffer` came with. REQUIRES: the window lies in the buffer.
  Slice(Buffer* buffer, std::uint8_t* data, std::uint32_t size)
      : buffer_(buffer), data_(data), size_(size) {
    assert(data >= buffer->base && data + size <= buffer->base + buffer->capacity);
  }
  // A fresh buffer with `headroom` free bytes before an empty window. Empty slice (no buffer) if the pool is exhausted.
  static Slice allocate(BufferPool& pool, std::uint32_t headroom) {
    Buffer* buffer = pool.allocate();
    if (buffer == nullptr) return {};
    return Slice(buffer, buffer->base + headroom, 0);
  }
  Slice(Slice&& other) noexcept
      : buffer_(std::exchange(other.buffer_, nullptr)), data_(other.data_),
        size_(std::exchange(other.size_, 0)), ends_write_(std::exchange(other.ends_write_, false)) {}
  Slice& operator=(Slice&& other) noexcept {
    if (this != &other) {
      reset();
      buffer_ = std::exchange(other.buffer_, nullptr);
      data_ = other.data_;
      size_ = std::exchange(other.size_, 0);
      ends_write_ = std::exchange(other.ends_write_, false);
    }
    return *this;
  }
  Slice(const Slice&) = delete;
  Slice& operator=(const Slice&) = delete;
  ~Slice() { reset(); }

  explicit operator bool() const { return buffer_ != nullptr; }
  std::uint8_t* data() { return data_; }
  const std::uint8_t* data() const { return data_; }
  std::uint32_t size() const { return size_; }
  ByteSpan bytes() const { return {data_, size_}; }
  MutableByteSpan mutable_bytes() { return {data_, size_}; }
  Buffer* buffer() const { return buffer_; }

  // True when nobody else holds the buffer: its bytes may be changed in place.
  bool exclusive() const { return buffer_ != nullptr && buffer_->references == 1; }
  std::uint32_t headroom() const { return static_cast<std::uint32_t>(data_ - buffer_->base); }
  std::uint32_t tailroom() const { return buffer_->capacity - headroom() - size_; }

  Slice clone() const {
    if (buffer_ == nullptr) return {};
    ++buffer_->references;
    Slice copy(buffer_, data_, size_);
    copy.ends_write_ = ends_write_;
    return copy;
  }
  // The first n bytes become a slice of their own that shares the buffer. REQUIRES: n <= size().
  Slice split_front(std::uint32_t n) {
    Slice front = clone();
    front.trim_back(size_ - n);
    trim_front(n);
    return front;
  }
  void trim_front(std::uint32_t n) {
    assert(n <= size_);
    data_ += n;
    size_ -= n;
  }
  void trim_back(std::uint32_t n) {
    assert(n <= size_);
    size_ -= n;
    if (n != 0) ends_write_ = false;
  }
  // A writer's mark: a write ends with this slice's last byte. Gone when that byte is trimmed, or others are appended.
  bool ends_write() const { return ends_write_; }
  void mark_end_of_write() { ends_write_ = true; }
  // Grow the window into the free space around it. REQUIRES: headroom() / tailroom() >= n, and exclusive().
  std::uint8_t* prepend(std::uint32_t n) {
    assert(headroom() >= n);
    data_ -= n;
    size_ += n;
    return data_;
  }
  std::uint8_t* append(std::uint32_t n) {
    assert(tailroom() >= n);
    std::uint8_t* end = data_ + size_;
    size_ += n;
    if (n != 0) ends_write_ = false;
    return end;
  }
  void append(ByteSpan bytes) {
    if (!bytes.empty()) std::memcpy(append(static_cast<std::uint32_t>(bytes.size())), bytes.data(), bytes.size());
  }
  void reset() {
    if (buffer_ != nullptr && --buffer_->references == 0) buffer_->pool->release(buffer_);
    buffer_ = nullptr;
    size_ = 0;
    ends_write_ = false;
  }

 private:
  Buffer* buffer_ = nullptr;
  std::uint8_t* data_ = nullptr;
  std::uint32_t size_ = 0;
  bool ends_write_ = false;
};

// Buffers from the heap, for whatever runs without DPDK. Keeps released buffers for reuse; `limit` bounds how many
// are out at once, so tests can exhaust it. One thread.
class HeapBufferPool final : public BufferPool {
 public:
  explicit HeapBufferPool(std::uint32_t capacity = 2304, std::size_t limit = SIZE_MAX)
      : capacity_(capacity), limit_(limit) {}
  ~HeapBufferPool() override;
  HeapBufferPool(const HeapBufferPool&) = delete;
  HeapBufferPool& operator=(const HeapBufferPool&) = delete;

  Buffer* allocate() override;
  void release(Buffer* buffer) override;
  std::uint32_t buffer_capacity() const override { return capacity_; }
  // Buffers out at this moment: zero at the end of a test, or something leaks.
  std::size_t outstanding() const { return outstanding_; }

 private:
  struct Free;
  std::uint32_t capacity_;
  std::size_t limit_;
  std::size_t outstanding_ = 0;
  Free* free_ = nullptr;
};

}  // namespace weft
