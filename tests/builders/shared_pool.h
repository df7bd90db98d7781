// For tests: buffers that several workers may use.
#pragma once

#include <mutex>

#include "base/buffer.h"

namespace weft {

// A HeapBufferPool that several threads may use, as an mbuf pool allows.
class SharedPool final : public BufferPool {
 public:
  explicit SharedPool(std::uint32_t capacity = 2304) : pool_(capacity) {}
  Buffer* allocate() override {
    const std::lock_guard lock(mutex_);
    Buffer* buffer = pool_.allocate();
    if (buffer != nullptr) buffer->pool = this;
    return buffer;
  }
  void release(Buffer* buffer) override {
    const std::lock_guard lock(mutex_);
    pool_.release(buffer);
  }
  std::uint32_t buffer_capacity() const override { return pool_.buffer_capacity(); }
  std::size_t outstanding() {
    const std::lock_guard lock(mutex_);
    return pool_.outstanding();
  }

 private:
  std::mutex mutex_;
  HeapBufferPool pool_;
};

}  // namespace weft
