// Storage of the engine's objects: addressed by index and generation, never moved, reused.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace weft::net {

// Objects in blocks; an index names one, its generation changes whenever it dies. Storage is kept for reuse.
template <typename T>
class Slab {
 public:
  static constexpr std::uint32_t kBlock = 64;

  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    for (std::uint32_t i = 0; i < slots(); ++i) {
      if (lives(i)) at(i)->~T();
    }
  }

  // The index of a new object.
  std::uint32_t create() {
    if (free_.empty()) grow();
    const std::uint32_t index = free_.back();
    free_.pop_back();
    ++generations_[index];
    new (storage(index)) T();
    ++size_;
    return index;
  }
  // REQUIRES: lives(index).
  void destroy(std::uint32_t index) {
    at(index)->~T();
    ++generations_[index];
    free_.push_back(index);
    --size_;
  }
  T* at(std::uint32_t index) { return std::launder(reinterpret_cast<T*>(storage(index))); }
  const T* at(std::uint32_t index) const { return const_cast<Slab*>(this)->at(index); }
  // Odd while it lives.
  std::uint32_t generation(std::uint32_t index) const { return generations_[index]; }
  bool lives(std::uint32_t index) const { return (generations_[index] & 1) != 0; }
  T* find(std::uint32_t index, std::uint32_t generation) {
    if (index >= slots() || generations_[index] != generation || !lives(index)) return nullptr;
    return at(index);
  }
  std::uint32_t slots() const { return static_cast<std::uint32_t>(generations_.size()); }
  std::size_t size() const { return size_; }
  std::size_t memory() const {
    return blocks_.size() * sizeof(Block) + generations_.capacity() * 4 + free_.capacity() * 4;
  }

 private:
  struct alignas(alignof(T)) Block {
    unsigned char bytes[kBlock * sizeof(T)];
  };
  void* storage(std::uint32_t index) { return blocks_[index / kBlock]->bytes + index % kBlock * sizeof(T); }
  void grow() {
    blocks_.push_back(std::unique_ptr<Block>(new Block));
    const std::uint32_t first = slots();
    generations_.resize(first + kBlock, 0);
    for (std::uint32_t i = kBlock; i > 0; --i) free_.push_back(first + i - 1);
  }

  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<std::uint32_t> generations_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
};

// Objects by pointer that come and go, from a free list.
template <typename T>
class Pool {
 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  T* create() {
    ++in_use_;
    if (free_.empty()) return new T();
    T* object = free_.back();
    free_.pop_back();
    return new (object) T();
  }
  void destroy(T* object) {
    --in_use_;
    object->~T();
    free_.push_back(object);
  }
  ~Pool() {
    for (T* object : free_) ::operator delete(object);
  }
  std::size_t in_use() const { return in_use_; }

 private:
  std::vector<T*> free_;
  std::size_t in_use_ = 0;
};

// A queue that keeps its storage.
template <typename T>
class Fifo {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  void push(T&& value) {
    if (size_ == items_.size()) grow();
    items_[(head_ + size_++) & (items_.size() - 1)] = std::move(value);
  }
  // REQUIRES: !empty().
  T& front() { return items_[head_]; }
  T pop() {
    T value = std::move(items_[head_]);
    head_ = (head_ + 1) & (items_.size() - 1);
    --size_;
    return value;
  }

 private:
  void grow() {
    std::vector<T> bigger(items_.empty() ? 16 : items_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) bigger[i] = std::move(items_[(head_ + i) & (items_.size() - 1)]);
    items_ = std::move(bigger);
    head_ = 0;
  }
  std::vector<T> items_;
  std::size_t head_ = 0, size_ = 0;
};

}  // namespace weft::net
