// Storage of the engine's objects: addressed by index and generation, never moved, reused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace weft::net {

// Objects in blocks; an index names one, its generation changes whenever it dies. Storage is kept for reuse: what is
// dead holds the list of what is free, so that neither birth nor death allocates once as many have lived at a time.
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
    if (free_ == kNone) grow();
    const std::uint32_t index = free_;
    std::memcpy(&free_, storage(index), sizeof free_);
    ++generation_of(index);
    new (storage(index)) T();
    ++size_;
    return index;
  }
  // REQUIRES: lives(index).
  void destroy(std::uint32_t index) {
    at(index)->~T();
    ++generation_of(index);
    set_free(index);
    --size_;
  }
  T* at(std::uint32_t index) { return std::launder(reinterpret_cast<T*>(storage(index))); }
  const T* at(std::uint32_t index) const { return const_cast<Slab*>(this)->at(index); }
  // Odd while it lives.
  std::uint32_t generation(std::uint32_t index) const { return blocks_[index / kBlock]->generations[index % kBlock]; }
  bool lives(std::uint32_t index) const { return (generation(index) & 1) != 0; }
  T* find(std::uint32_t index, std::uint32_t generation) {
    if (index >= slots() || generation_of(index) != generation || !lives(index)) return nullptr;
    return at(index);
  }
  std::uint32_t slots() const { return static_cast<std::uint32_t>(blocks_.size()) * kBlock; }
  std::size_t size() const { return size_; }
  std::size_t memory() const { return blocks_.size() * sizeof(Block) + blocks_.capacity() * sizeof blocks_[0]; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static_assert(sizeof(T) >= sizeof(std::uint32_t));

  struct Block {
    alignas(T) unsigned char bytes[kBlock * sizeof(T)];
    std::uint32_t generations[kBlock] = {};
  };
  void* storage(std::uint32_t index) { return blocks_[index / kBlock]->bytes + index % kBlock * sizeof(T); }
  std::uint32_t& generation_of(std::uint32_t index) { return blocks_[index / kBlock]->generations[index % kBlock]; }
  void set_free(std::uint32_t index) {
    std::memcpy(storage(index), &free_, sizeof free_);
    free_ = index;
  }
  void grow() {
    blocks_.push_back(std::unique_ptr<Block>(new Block));
    for (std::uint32_t end = slots(), i = end; i > end - kBlock; --i) set_free(i - 1);
  }

  std::vector<std::unique_ptr<Block>> blocks_;
  std::uint32_t free_ = kNone;
  std::size_t size_ = 0;
};

// Objects by pointer that come and go; what is free is linked through its own first bytes.
template <typename T>
class Pool {
 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  T* create() {
    ++in_use_;
    void* storage = free_ != nullptr ? std::exchange(free_, free_->next) : ::operator new(sizeof(T));
    return new (storage) T();
  }
  void destroy(T* object) {
    --in_use_;
    object->~T();
    free_ = new (static_cast<void*>(object)) Free{free_};
  }
  ~Pool() {
    while (free_ != nullptr) ::operator delete(std::exchange(free_, free_->next));
  }
  std::size_t in_use() const { return in_use_; }

 private:
  struct Free {
    Free* next;
  };
  static_assert(sizeof(T) >= sizeof(Free) && alignof(T) <= alignof(std::max_align_t));

  Free* free_ = nullptr;
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
  // What was in it is not destroyed before it is overwritten.
  void clear() { size_ = 0; }

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
