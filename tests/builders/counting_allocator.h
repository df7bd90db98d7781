// Counts what goes through operator new and delete, in every program that links counting_allocator.cc. What calls
// malloc() itself is not seen: HeapBufferPool, which stands for a device's memory.
#pragma once

#include <cstdint>

namespace weft::testing {

// Of the calling thread, since it began.
struct Allocations {
  std::uint64_t made = 0;   // calls of operator new
  std::int64_t bytes = 0;   // not freed again, as the heap rounds them up

  Allocations operator-(const Allocations& earlier) const { return {made - earlier.made, bytes - earlier.bytes}; }
};

Allocations allocations();

}  // namespace weft::testing
