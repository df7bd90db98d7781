// A worker's streams: slots that stay where they are, found by id or by the TCP connection of either leg.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "dataplane/proxy/stream.h"

namespace weft::proxy {

class StreamTable {
 public:
  // Generations wrap here: with slot and side they fit into the 64 bits of a handshake job's name.
  static constexpr std::uint32_t kGenerationMask = 0x7fffffff;
  static constexpr std::size_t kStaleAllowed = 1024;  // deadlines kept beyond twice the streams
  StreamId add();
  void remove(StreamId id);
  // nullptr: stale.
  Stream* find(StreamId id);
  std::size_t size() const { return size_; }

  struct Owner {
    StreamId stream;
    Side side = Side::kClient;
  };
  // Notes that `connection` is a leg of a stream.
  void bind(net::ConnectionId connection, StreamId id, Side side);
  std::optional<Owner> owner(net::ConnectionId connection);

  // Every stream, by id. `visit` may remove the one it is given.
  template <typename Visit>
  void for_each(Visit visit) {
    for (std::uint32_t index = 0; index < slots_.size(); ++index) {
      if (slots_[index].stage != Stage::kFree) visit(StreamId{index, slots_[index].generation}, slots_[index]);
    }
  }

  // At most one deadline a stream: setting it again replaces it.
  void set_deadline(StreamId id, Time deadline);
  Time deadline();
  // The next stream whose deadline has come; its deadline is cleared.
  std::optional<StreamId> pop_due(Time now);
  std::size_t memory() const;  // bytes of the table itself

 private:
  struct Due {
    Time deadline;
    StreamId id;
    bool operator>(const Due& other) const { return deadline > other.deadline; }
  };
  bool current(const Due& due);
  void skip_stale();
  void drop_stale();
  void pop();

  std::deque<Stream> slots_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
  struct Binding {
    std::uint32_t generation = 0;  // of the connection
    Owner owner;
  };
  std::vector<Binding> bindings_;  // by ConnectionId::index
  std::vector<Due> due_;  // a heap, the earliest in front; entries of streams that moved on are stale
};

}  // namespace weft::proxy
