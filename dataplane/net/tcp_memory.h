// What connections hold, counted as buffer capacity: the accounts, and queues that keep their capacity in proportion.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/byte_chain.h"
#include "dataplane/net/tcp_slab.h"
#include "dataplane/net/tcp_stats.h"
#include "dataplane/net/tcp_types.h"

namespace weft::net {

// Bounds of one account each. A connection holds a slot (join .. leave).
class TcpAccounts {
 public:
  explicit TcpAccounts(std::uint64_t default_limit) : default_limit_(default_limit) {}

  std::uint32_t join(AccountId id);
  void leave(std::uint32_t slot);
  void set_limit(AccountId id, std::uint64_t limit);  // 0: the default again
  std::uint64_t used(AccountId id) const;

  // Bytes that may still be held.
  std::uint64_t room(std::uint32_t slot) const {
    const Account& a = *accounts_.at(slot);
    return a.used < a.limit ? a.limit - a.used : 0;
  }
  void charge(std::uint32_t slot, std::uint64_t bytes) { accounts_.at(slot)->used += bytes; }
  // True: connections that were refused room wait, and there is room again: take_waiters().
  bool release(std::uint32_t slot, std::uint64_t bytes) {
    Account& a = *accounts_.at(slot);
    a.used -= bytes;
    return !a.waiters.empty() && a.used <= a.limit - a.limit / 8;
  }
  void wait(std::uint32_t slot, ConnectionId id) { accounts_.at(slot)->waiters.push_back(id); }
  std::vector<ConnectionId> take_waiters(std::uint32_t slot) { return std::exchange(accounts_.at(slot)->waiters, {}); }
  std::size_t memory() const { return accounts_.memory() + slots_.capacity() * 16; }

 private:
  struct Account {
    AccountId id = kNoInterface;
    std::uint32_t connections = 0;
    std::uint64_t used = 0;
    std::uint64_t limit = 0;
    bool own_limit = false;
    std::vector<ConnectionId> waiters;
  };
  std::uint32_t slot_of(AccountId id);
  void forget_if_idle(std::uint32_t slot);

  std::uint64_t default_limit_;
  Slab<Account> accounts_;
  absl::flat_hash_map<AccountId, std::uint32_t> slots_;
};

// Queue operations that count held capacity. Slices next to each other in one buffer count once. A slice that uses
// less than a quarter of its buffer is copied: behind the queue's last bytes when they have room, else to `small`.
// That is the only place where TCP copies payload.
class HeldQueue {
 public:
  // Upper bound of what append() would add to the held capacity.
  static std::uint64_t cost(const ByteChain& queue, const ByteChain& bytes, const BufferPool& small);
  // Moves `bytes` behind `queue`. Returns the growth of held capacity. `before`: the buffer that
  // ends what lies in front of an empty `queue`, if that is counted together with it.
  static std::uint64_t append(ByteChain& queue, ByteChain&& bytes, BufferPool& small, TcpStats& stats,
                              const Buffer* before = nullptr);
  // The first n bytes; *released is the capacity that is no longer held. `after`: the buffer that begins what lies
  // behind `queue`, if that is counted together with it. REQUIRES: n <= queue.size().
  static ByteChain take(ByteChain& queue, std::size_t n, std::uint64_t* released, const Buffer* after = nullptr);
  static std::uint64_t held(const ByteChain& queue);
};

}  // namespace weft::net
