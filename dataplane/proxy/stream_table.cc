#include "dataplane/proxy/stream_table.h"

#include <algorithm>
#include <functional>

namespace weft::proxy {

std::string_view to_string(Stage stage) {
  static constexpr std::string_view kTexts[] = {"free", "waiting", "inspecting", "handshaking", "connecting", "open"};
  return kTexts[static_cast<std::size_t>(stage)];
}

StreamId StreamTable::add() {
  std::uint32_t index;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Stream& stream = slots_[index];
  stream.stage = Stage::kWaiting;
  ++size_;
  return {index, stream.generation};
}

void StreamTable::remove(StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  const std::uint32_t generation = (stream->generation + 1) & kGenerationMask;
  *stream = Stream{};
  stream->generation = generation;
  free_.push_back(id.index);
  --size_;
}

Stream* StreamTable::find(StreamId id) {
  if (id.index >= slots_.size()) return nullptr;
  Stream& stream = slots_[id.index];
  return stream.generation == id.generation && stream.stage != Stage::kFree ? &stream : nullptr;
}

void StreamTable::bind(net::ConnectionId connection, StreamId id, Side side) {
  if (connection.index >= bindings_.size()) bindings_.resize(connection.index + 1);
  bindings_[connection.index] = {connection.generation, {id, side}};
}

std::optional<StreamTable::Owner> StreamTable::owner(net::ConnectionId connection) {
  if (connection.index >= bindings_.size()) return std::nullopt;
  const Binding& binding = bindings_[connection.index];
  if (binding.generation != connection.generation || find(binding.owner.stream) == nullptr) return std::nullopt;
  return binding.owner;
}

void StreamTable::set_deadline(StreamId id, Time deadline) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->deadline == deadline) return;
  stream->deadline = deadline;
  if (deadline.is_never()) return;
  due_.push_back({deadline, id});
  std::push_heap(due_.begin(), due_.end(), std::greater<>());
  if (due_.size() > 2 * size_ + kStaleAllowed) drop_stale();
}

// Idle deadlines lie an hour ahead and most streams are gone long before: they must not pile up until then.
void StreamTable::drop_stale() {
  std::erase_if(due_, [this](const Due& due) { return !current(due); });
  std::make_heap(due_.begin(), due_.end(), std::greater<>());
}

void StreamTable::pop() {
  std::pop_heap(due_.begin(), due_.end(), std::greater<>());
  due_.pop_back();
}

bool StreamTable::current(const Due& due) {
  const Stream* stream = find(due.id);
  return stream != nullptr && stream->deadline == due.deadline;
}

void StreamTable::skip_stale() {
  while (!due_.empty() && !current(due_.front())) pop();
}

Time StreamTable::deadline() {
  skip_stale();
  return due_.empty() ? Time::never() : due_.front().deadline;
}

std::optional<StreamId> StreamTable::pop_due(Time now) {
  skip_stale();
  if (due_.empty() || due_.front().deadline > now) return std::nullopt;
  const StreamId id = due_.front().id;
  pop();
  find(id)->deadline = Time::never();
  return id;
}

std::size_t StreamTable::memory() const {
  return slots_.size() * sizeof(Stream) + bindings_.capacity() * sizeof(Binding) + due_.capacity() * sizeof(Due);
}

}  // namespace weft::proxy
