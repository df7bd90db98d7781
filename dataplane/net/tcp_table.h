// From a tuple to its connection or its TIME-WAIT entry.
#pragma once

#include <cstdint>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "dataplane/net/tcp_connection.h"
#include "dataplane/net/tcp_slab.h"

namespace weft::net {

// Holds 4 bytes a tuple: keys are compared where they lie, in the slabs. A tuple is there once.
class TcpTable {
 public:
  TcpTable() : handles_(0, Hash{this}, Equal{this}) {}
  TcpTable(const TcpTable&) = delete;
  TcpTable& operator=(const TcpTable&) = delete;

  struct Found {
    TcpConnection* connection = nullptr;
    TcpTimeWait* time_wait = nullptr;
    explicit operator bool() const { return connection != nullptr || time_wait != nullptr; }
  };
  Found find(const FlowKey& key) {
    auto it = handles_.find(key);
    if (it == handles_.end()) return {};
    if ((*it & kTimeWaitBit) != 0) return {nullptr, time_waits.at(*it & ~kTimeWaitBit)};
    return {connections.at(*it), nullptr};
  }
  bool contains(const FlowKey& key) const { return handles_.contains(key); }
  void insert(const TcpConnection& c) { handles_.insert(c.index); }
  void insert(const TcpTimeWait& t) { handles_.insert(t.index | kTimeWaitBit); }
  void erase(const TcpConnection& c) { erase_handle(c.key, c.index); }
  void erase(const TcpTimeWait& t) { erase_handle(t.key, t.index | kTimeWaitBit); }
  std::size_t memory() const {
    return connections.memory() + time_waits.memory() + handles_.capacity() * (sizeof(std::uint32_t) + 1);
  }

  Slab<TcpConnection> connections;
  Slab<TcpTimeWait> time_waits;

 private:
  static constexpr std::uint32_t kTimeWaitBit = 0x80000000;

  const FlowKey& key_of(std::uint32_t handle) const {
    return (handle & kTimeWaitBit) != 0 ? time_waits.at(handle & ~kTimeWaitBit)->key : connections.at(handle)->key;
  }
  void erase_handle(const FlowKey& key, std::uint32_t handle) {
    if (auto it = handles_.find(key); it != handles_.end() && *it == handle) handles_.erase(it);
  }
  struct Hash {
    using is_transparent = void;
    const TcpTable* table;
    std::size_t operator()(const FlowKey& key) const { return absl::Hash<FlowKey>{}(key); }
    std::size_t operator()(std::uint32_t handle) const { return (*this)(table->key_of(handle)); }
  };
  struct Equal {
    using is_transparent = void;
    const TcpTable* table;
    bool operator()(std::uint32_t a, std::uint32_t b) const { return a == b; }
    bool operator()(std::uint32_t a, const FlowKey& b) const { return table->key_of(a) == b; }
    bool operator()(const FlowKey& a, std::uint32_t b) const { return (*this)(b, a); }
  };

  absl::flat_hash_set<std::uint32_t, Hash, Equal> handles_;
};

}  // namespace weft::net
