// What connections hold, counted as buffer capacity: the accounts, and queues that keep their capacity in proportion.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/byte_chain.h"
#include "dataplane/net/tcp_slab.h"
#include "dataplane/net/tcp_stats.h"
#include "dataplane/net/tcp_types.h"

namespace weft::net {

// Bounds of one account each, and of all together. A connection holds a slot (join .. leave).
//
// The common bound is dynamic (Choudhury and Hahne's thresholds for shared memory switches): an account may hold twice
// what is still free. One that nobody competes with gets two thirds of all, n greedy ones leave a newcomer
// 1 / (2 n + 1), and no share is set aside for accounts that are idle.
class TcpAccounts {
 public:
  TcpAccounts(std::uint64_t default_limit, std::uint64_t total_limit)
      : default_limit_(default_limit), total_limit_(total_limit) {}

  std::uint32_t join(AccountId id);
  void leave(std::uint32_t slot);
  void set_limit(AccountId id, std::uint64_t limit);  // 0: the default again
  std::uint64_t used(AccountId id) const;

  AccountId id_of(std::uint32_t slot) const { return accounts_.at(slot)->id; }

  // Bytes that may still be held.
  std::uint64_t room(std::uint32_t slot) const {
    const Account& a = *accounts_.at(slot);
    const std::uint64_t limit = limit_of(a);
    return a.used < limit ? limit - a.used : 0;
  }
  void charge(std::uint32_t slot, std::uint64_t bytes) {
    accounts_.at(slot)->used += bytes;
    total_used_ += bytes;
  }
  // An account whose connections were refused room and wait, and that has room again: take_waiters().
  std::optional<std::uint32_t> release(std::uint32_t slot, std::uint64_t bytes);
  void wait(std::uint32_t slot, ConnectionId id);
  // Into `taken`, whose storage the account's next waiters get: nothing is allocated.
  void take_waiters(std::uint32_t slot, std::vector<ConnectionId>& taken);
  std::uint64_t total_used() const { return total_used_; }
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
  std::uint64_t limit_of(const Account& account) const {
    const std::uint64_t free = total_used_ < total_limit_ ? total_limit_ - total_used_ : 0;
    return std::min(account.limit, 2 * free);
  }
  // An eighth below the limit, so that waiters are not woken for a byte.
  bool has_room(const Account& account) const { return account.used <= limit_of(account) / 8 * 7; }
  std::uint32_t slot_of(AccountId id);
  void forget_if_idle(std::uint32_t slot);

  std::uint64_t default_limit_;
  std::uint64_t total_limit_;
  std::uint64_t total_used_ = 0;
  std::uint64_t released_ = 0;          // by anybody, since `waiting_` was looked through
  std::vector<std::uint32_t> waiting_;  // slots with waiters
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
