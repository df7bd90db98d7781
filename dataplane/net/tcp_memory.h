// What connections hold, counted as buffer capacity: the accounts, and queues that keep their capacity in proportion.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/byte_chain.h"
#include "dataplane/net/tcp_slab.h"
#include "dataplane/net/tcp_stats.h"
#include "dataplane/net/tcp_types.h"

namespace weft::net {

enum class Held : std::uint8_t { kReceived, kSent };  // what buffers are held for: until read, until acknowledged

// Bounds of one account each, and of all together. A connection holds a slot (join .. leave).
//
// Invariant: a quarter of the limit is for received bytes alone, another for bytes to send. Whatever the one kind
// holds, the other gets room up to its quarter, also above a limit that has fallen. Otherwise two peers whose send
// queues have filled their accounts refuse each other's text for ever, and a program that reads what it can send on (a
// proxy, whose two connections have one account) stops when unread bytes have filled it.
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
  std::uint64_t room(std::uint32_t slot, Held kind) const { return room(*accounts_.at(slot), kind); }
  void charge(std::uint32_t slot, Held kind, std::uint64_t bytes) {
    accounts_.at(slot)->of(kind).used += bytes;
    total_used_ += bytes;
  }
  // An account whose connections were refused room and wait, and that has room again: take_waiters().
  std::optional<std::uint32_t> release(std::uint32_t slot, Held kind, std::uint64_t bytes);
  void wait(std::uint32_t slot, Held kind, ConnectionId id);
  // Into `taken`, if there is room for them; its storage the account's next waiters get: nothing is allocated.
  void take_waiters(std::uint32_t slot, Held kind, std::vector<ConnectionId>& taken);
  std::uint64_t total_used() const { return total_used_; }
  std::size_t memory() const { return accounts_.memory() + slots_.capacity() * 16; }

 private:
  struct Part {
    std::uint64_t used = 0;
    std::vector<ConnectionId> waiters;
  };
  struct Account {
    AccountId id = kNoInterface;
    std::uint32_t connections = 0;
    std::uint64_t limit = 0;
    bool own_limit = false;
    std::array<Part, 2> parts;
    Part& of(Held kind) { return parts[static_cast<std::size_t>(kind)]; }
    const Part& of(Held kind) const { return parts[static_cast<std::size_t>(kind)]; }
    bool waited_for() const { return !parts[0].waiters.empty() || !parts[1].waiters.empty(); }
  };
  std::uint64_t limit_of(const Account& account) const {
    const std::uint64_t free = total_used_ < total_limit_ ? total_limit_ - total_used_ : 0;
    return std::min(account.limit, 2 * free);
  }
  std::uint64_t room(const Account& account, Held kind) const;
  // More than an eighth of the limit, so that waiters are not woken for a byte: half of what each kind has for itself,
  // so that whoever waits gets it at last.
  bool has_room(const Account& account, Held kind) const { return room(account, kind) > limit_of(account) / 8; }
  bool may_wake(const Account& account) const;
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
