#include "base/byte_chain.h"

#include <algorithm>

namespace weft {

namespace {

using Node = ByteChain::Node;

// The thread's spare nodes. Bounded only by the most that were ever in use at once.
class NodeList {
 public:
  ~NodeList() {
    while (free_ != nullptr) delete std::exchange(free_, free_->next);
  }
  Node* take(Slice&& slice) {
    Node* node = free_ != nullptr ? std::exchange(free_, free_->next) : new Node;
    node->slice = std::move(slice);
    node->next = nullptr;
    return node;
  }
  void give(Node* node) {
    node->slice.reset();
    node->next = std::exchange(free_, node);
  }

 private:
  Node* free_ = nullptr;
};

thread_local NodeList the_nodes;

}  // namespace

ByteChain ByteChain::copy_of(ByteSpan bytes, BufferPool& pool, std::uint32_t headroom) {
  ByteChain chain;
  while (!bytes.empty()) {
    Slice slice = Slice::allocate(pool, headroom);
    if (!slice) break;
    const auto n = std::min<std::size_t>(bytes.size(), slice.tailroom());
    slice.append(bytes.first(n));
    bytes = bytes.subspan(n);
    chain.push_back(std::move(slice));
  }
  return chain;
}

std::size_t ByteChain::memory() const {
  std::size_t sum = 0;
  for (const Slice& slice : *this) sum += slice.buffer()->capacity;
  return sum;
}

bool ByteChain::holds_end_of_write() const {
  for (const Slice& slice : *this) {
    if (slice.ends_write()) return true;
  }
  return false;
}

void ByteChain::count_in(std::uint32_t n) {
  assert(n <= UINT32_MAX - size_);
  size_ += n;
  ++count_;
}

void ByteChain::push_back(Slice&& slice) {
  if (slice.size() == 0) {
    slice.reset();
    return;
  }
  count_in(slice.size());
  Node* node = the_nodes.take(std::move(slice));
  (tail_ != nullptr ? tail_->next : head_) = node;
  tail_ = node;
}

void ByteChain::push_front(Slice&& slice) {
  if (slice.size() == 0) {
    slice.reset();
    return;
  }
  count_in(slice.size());
  Node* node = the_nodes.take(std::move(slice));
  node->next = std::exchange(head_, node);
  if (tail_ == nullptr) tail_ = node;
}

void ByteChain::append(ByteChain&& other) {
  if (other.empty()) return;
  (tail_ != nullptr ? tail_->next : head_) = other.head_;
  tail_ = other.tail_;
  assert(other.size_ <= UINT32_MAX - size_);
  size_ += other.size_;
  count_ += other.count_;
  other.head_ = other.tail_ = nullptr;
  other.size_ = other.count_ = 0;
}

Slice ByteChain::pop_front() {
  Node* node = head_;
  head_ = node->next;
  if (head_ == nullptr) tail_ = nullptr;
  Slice slice = std::move(node->slice);
  the_nodes.give(node);
  size_ -= slice.size();
  --count_;
  return slice;
}

ByteChain ByteChain::take_front(std::size_t n) {
  assert(n <= size_);
  ByteChain taken;
  while (n > 0) {
    if (head_->slice.size() <= n) {
      n -= head_->slice.size();
      taken.push_back(pop_front());
    } else {
      taken.push_back(head_->slice.split_front(static_cast<std::uint32_t>(n)));
      size_ -= static_cast<std::uint32_t>(n);
      n = 0;
    }
  }
  return taken;
}

void ByteChain::drop_front(std::size_t n) {
  assert(n <= size_);
  while (n > 0) {
    if (head_->slice.size() <= n) {
      n -= head_->slice.size();
      pop_front();
    } else {
      head_->slice.trim_front(static_cast<std::uint32_t>(n));
      size_ -= static_cast<std::uint32_t>(n);
      n = 0;
    }
  }
}

void ByteChain::drop_back(std::size_t n) {
  assert(n <= size_);
  if (n == 0) return;
  ByteChain kept = take_front(size_ - n);
  swap(kept);
}

ByteChain ByteChain::share(std::size_t offset, std::size_t n) const {
  assert(offset + n <= size_);
  ByteChain shared;
  for (const Node* node = head_; n > 0; node = node->next) {
    const std::size_t here = node->slice.size();
    if (offset >= here) {
      offset -= here;
      continue;
    }
    Slice piece = node->slice.clone();
    piece.trim_front(static_cast<std::uint32_t>(offset));
    if (piece.size() > n) piece.trim_back(static_cast<std::uint32_t>(piece.size() - n));
    n -= piece.size();
    offset = 0;
    shared.push_back(std::move(piece));
  }
  return shared;
}

void ByteChain::copy_to(std::size_t offset, MutableByteSpan to) const {
  assert(offset + to.size() <= size_);
  for (const Node* node = head_; !to.empty(); node = node->next) {
    const std::size_t here = node->slice.size();
    if (offset >= here) {
      offset -= here;
      continue;
    }
    const std::size_t n = std::min(here - offset, to.size());
    std::memcpy(to.data(), node->slice.data() + offset, n);
    to = to.subspan(n);
    offset = 0;
  }
}

void ByteChain::clear() {
  while (head_ != nullptr) the_nodes.give(std::exchange(head_, head_->next));
  tail_ = nullptr;
  size_ = count_ = 0;
}

void ByteChain::recount() {
  size_ = 0;
  for (const Slice& slice : *this) size_ += slice.size();
}

}  // namespace weft
