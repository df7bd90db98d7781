#include "dataplane/nic/pool.h"

#include <rte_errno.h>
#include <rte_mempool.h>

#include <algorithm>
#include <typeinfo>

#include "dataplane/nic/last_error.h"
#include "dataplane/nic/mbuf.h"

namespace weft::nic {

std::expected<std::unique_ptr<MbufPool>, std::string> MbufPool::create(const std::string& name,
                                                                       std::uint32_t buffers,
                                                                       std::uint32_t capacity) {
  if (capacity > UINT16_MAX)
    return std::unexpected("buffer pool " + name + ": impossible buffer size " + std::to_string(capacity));
  // A cache may hold one and a half times its size; more than the pool has would be refused.
  const unsigned cache = std::min<unsigned>(256, buffers / 8);
  rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), buffers, cache, kPrivateSize,
                                              static_cast<std::uint16_t>(capacity), SOCKET_ID_ANY);
  if (pool == nullptr) {
    const std::uint64_t bytes = std::uint64_t{buffers} * (capacity + kPrivateSize + sizeof(rte_mbuf));
    return std::unexpected("buffer pool " + name + ": " + std::to_string(buffers) + " buffers take " +
                           std::to_string(bytes >> 20) + " MB: " + dpdk_error());
  }
  return std::unique_ptr<MbufPool>(new MbufPool(pool, buffers, capacity));
}

MbufPool::~MbufPool() { rte_mempool_free(pool_); }

Buffer* MbufPool::allocate() {
  rte_mbuf* m = rte_pktmbuf_alloc(pool_);
  return m == nullptr ? nullptr : wrap(m, this);
}

// A device may still read the storage (indirect mbuf of an earlier transmission): then the mbuf's own count keeps it.
void MbufPool::release(Buffer* buffer) { rte_pktmbuf_free_seg(mbuf_of(buffer)); }

bool MbufPool::made(const Buffer& buffer) { return typeid(*buffer.pool) == typeid(MbufPool); }

std::uint32_t MbufPool::in_use() const { return rte_mempool_in_use_count(pool_); }

}  // namespace weft::nic
