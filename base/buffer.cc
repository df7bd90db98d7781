#include "base/buffer.h"

#include <cstdlib>
#include <new>

namespace weft {

// A released buffer's block, linked through its first bytes. Each block is a Buffer with its storage behind it, so
// that a sanitizer sees an overrun of the storage at once.
struct HeapBufferPool::Free {
  Free* next;
};

HeapBufferPool::~HeapBufferPool() {
  assert(outstanding_ == 0);
  while (free_ != nullptr) std::free(std::exchange(free_, free_->next));
}

Buffer* HeapBufferPool::allocate() {
  if (outstanding_ >= limit_) return nullptr;
  void* block = free_ != nullptr ? std::exchange(free_, free_->next) : std::malloc(sizeof(Buffer) + capacity_);
  if (block == nullptr) return nullptr;
  ++outstanding_;
  auto* storage = static_cast<std::uint8_t*>(block) + sizeof(Buffer);
  return new (block) Buffer{storage, capacity_, 1, this};
}

void HeapBufferPool::release(Buffer* buffer) {
  assert(buffer->references == 0);
  --outstanding_;
  free_ = new (static_cast<void*>(buffer)) Free{free_};
}

}  // namespace weft
