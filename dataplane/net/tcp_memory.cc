#include "dataplane/net/tcp_memory.h"

#include <algorithm>

namespace weft::net {

std::uint32_t TcpAccounts::slot_of(AccountId id) {
  auto [it, fresh] = slots_.try_emplace(id, 0);
  if (fresh) {
    it->second = accounts_.create();
    Account& account = *accounts_.at(it->second);
    account.id = id;
    account.limit = default_limit_;
  }
  return it->second;
}

std::uint32_t TcpAccounts::join(AccountId id) {
  const std::uint32_t slot = slot_of(id);
  ++accounts_.at(slot)->connections;
  return slot;
}

void TcpAccounts::leave(std::uint32_t slot) {
  --accounts_.at(slot)->connections;
  forget_if_idle(slot);
}

void TcpAccounts::forget_if_idle(std::uint32_t slot) {
  const Account& account = *accounts_.at(slot);
  if (account.connections != 0 || account.own_limit) return;
  if (account.waited_for()) std::erase(waiting_, slot);
  slots_.erase(account.id);
  accounts_.destroy(slot);
}

// What the two kinds may hold together, less what is the other's, used or not; but never less than what is its own.
std::uint64_t TcpAccounts::room(const Account& account, Held kind) const {
  const std::uint64_t limit = limit_of(account), quarter = limit / 4;
  const std::uint64_t used = account.of(kind).used;
  const std::uint64_t others = account.of(kind == Held::kSent ? Held::kReceived : Held::kSent).used;
  const std::uint64_t left = limit - std::min(limit, std::max(others, quarter));
  const std::uint64_t share = std::max(left, quarter);
  return share - std::min(share, used);
}

bool TcpAccounts::may_wake(const Account& account) const {
  const auto ready = [&](Held kind) { return !account.of(kind).waiters.empty() && has_room(account, kind); };
  return ready(Held::kReceived) || ready(Held::kSent);
}

void TcpAccounts::wait(std::uint32_t slot, Held kind, ConnectionId id) {
  Account& account = *accounts_.at(slot);
  if (!account.waited_for()) waiting_.push_back(slot);
  account.of(kind).waiters.push_back(id);
}

void TcpAccounts::take_waiters(std::uint32_t slot, Held kind, std::vector<ConnectionId>& taken) {
  Account& account = *accounts_.at(slot);
  taken.clear();
  if (account.of(kind).waiters.empty() || !has_room(account, kind)) return;
  taken.swap(account.of(kind).waiters);
  if (!account.waited_for()) std::erase(waiting_, slot);
}

std::optional<std::uint32_t> TcpAccounts::release(std::uint32_t slot, Held kind, std::uint64_t bytes) {
  Account& own = *accounts_.at(slot);
  own.of(kind).used -= bytes;
  total_used_ -= bytes;
  if (waiting_.empty()) return std::nullopt;
  if (may_wake(own)) return slot;
  // What others release opens room for everybody; to look through those who wait once a sixteenth is enough.
  released_ += bytes;
  if (released_ < total_limit_ / 16) return std::nullopt;
  released_ = 0;
  const auto ready =
      std::ranges::find_if(waiting_, [&](std::uint32_t other) { return may_wake(*accounts_.at(other)); });
  if (ready == waiting_.end()) return std::nullopt;
  released_ = total_limit_ / 16;  // the next of them at the next release
  return *ready;
}

void TcpAccounts::set_limit(AccountId id, std::uint64_t limit) {
  const std::uint32_t slot = slot_of(id);
  Account& account = *accounts_.at(slot);
  account.own_limit = limit != 0;
  account.limit = limit != 0 ? limit : default_limit_;
  forget_if_idle(slot);
}

std::uint64_t TcpAccounts::used(AccountId id) const {
  auto it = slots_.find(id);
  if (it == slots_.end()) return 0;
  const Account& account = *accounts_.at(it->second);
  return account.of(Held::kReceived).used + account.of(Held::kSent).used;
}

namespace {

bool wasteful(const Slice& slice) { return slice.size() <= slice.buffer()->capacity / 4; }

bool fits_behind(const ByteChain& queue, const Slice& slice) {
  return !queue.empty() && queue.back().exclusive() && queue.back().tailroom() >= slice.size();
}

// Capacity of fresh small buffers for this slice; 0: not worth it.
std::uint64_t compact_cost(const Slice& slice, const BufferPool& small) {
  const std::uint64_t each = small.buffer_capacity();
  const std::uint64_t total = (slice.size() + each - 1) / each * each;
  return total <= slice.buffer()->capacity / 2 ? total : 0;
}

std::uint64_t append_slice(ByteChain& queue, Slice&& slice, BufferPool& small, TcpStats& stats,
                           const Buffer* before) {
  if (wasteful(slice)) {
    if (fits_behind(queue, slice)) {
      queue.extend_back(slice.bytes());
      ++stats.coalesced;
      return 0;
    }
    if (compact_cost(slice, small) != 0) {
      ByteChain copy = ByteChain::copy_of(slice.bytes(), small);
      if (copy.size() == slice.size()) {
        ++stats.compacted;
        const std::uint64_t held = HeldQueue::held(copy);
        queue.append(std::move(copy));
        return held;
      }
    }
  }
  const std::uint64_t held = slice.buffer() == before ? 0 : slice.buffer()->capacity;
  queue.push_back(std::move(slice));
  return held;
}

}  // namespace

std::uint64_t HeldQueue::cost(const ByteChain& queue, const ByteChain& bytes, const BufferPool& small) {
  if (bytes.slices() == 1 && wasteful(bytes.front())) {
    if (fits_behind(queue, bytes.front())) return 0;
    if (const std::uint64_t compact = compact_cost(bytes.front(), small); compact != 0) return compact;
  }
  return held(bytes);
}

std::uint64_t HeldQueue::append(ByteChain& queue, ByteChain&& bytes, BufferPool& small, TcpStats& stats,
                                const Buffer* before) {
  std::uint64_t held = 0;
  while (!bytes.empty()) {
    if (!queue.empty()) before = queue.back().buffer();
    held += append_slice(queue, bytes.pop_front(), small, stats, before);
  }
  return held;
}

ByteChain HeldQueue::take(ByteChain& queue, std::size_t n, std::uint64_t* released, const Buffer* after) {
  ByteChain taken;
  *released = 0;
  while (n > 0) {
    const Buffer* buffer = queue.front().buffer();
    if (queue.front().size() > n) {
      taken.append(queue.take_front(n));
      break;
    }
    n -= queue.front().size();
    const std::uint64_t capacity = buffer->capacity;
    taken.push_back(queue.pop_front());
    if ((queue.empty() ? after : queue.front().buffer()) != buffer) *released += capacity;
  }
  return taken;
}

std::uint64_t HeldQueue::held(const ByteChain& queue) {
  std::uint64_t sum = 0;
  const Buffer* previous = nullptr;
  for (const Slice& slice : queue) {
    if (slice.buffer() != previous) sum += slice.buffer()->capacity;
    previous = slice.buffer();
  }
  return sum;
}

}  // namespace weft::net
