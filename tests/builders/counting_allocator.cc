#include "tests/builders/counting_allocator.h"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace weft::testing {

namespace {

constinit thread_local Allocations counted;

void* count(void* block) {
  ++counted.made;
  counted.bytes += static_cast<std::int64_t>(malloc_usable_size(block));
  return block;
}

void* allocate(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) std::abort();
  return count(block);
}

void* allocate(std::size_t size, std::align_val_t alignment) {
  const auto step = static_cast<std::size_t>(alignment);
  void* block = std::aligned_alloc(step, (size + step - 1) / step * step);
  if (block == nullptr) std::abort();
  return count(block);
}

void release(void* block) {
  if (block == nullptr) return;
  counted.bytes -= static_cast<std::int64_t>(malloc_usable_size(block));
  std::free(block);
}

}  // namespace

Allocations allocations() { return counted; }

}  // namespace weft::testing

// All of them, since a sanitizer's runtime brings its own of each ([replacement.functions]).
using weft::testing::allocate, weft::testing::release;

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) { return allocate(size, alignment); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return allocate(size, alignment); }
void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }
void operator delete[](void* block, std::size_t) noexcept { release(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { release(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { release(block); }
void operator delete(void* block, std::align_val_t) noexcept { release(block); }
void operator delete[](void* block, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { release(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { release(block); }
