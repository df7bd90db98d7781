#include "dataplane/net/neighbor.h"

#include <algorithm>

namespace weft::net {

namespace {

template <typename T>
bool take_back(std::vector<T>& from, T* to) {
  if (from.empty()) return false;
  *to = std::move(from.back());
  from.pop_back();
  return true;
}

}  // namespace

std::optional<MacAddress> NeighborTable::lookup(Time now, const IpAddress& address) {
  auto found = entries_.find(address);
  if (found == entries_.end() || !found->second.mac) return std::nullopt;
  Entry& entry = found->second;
  entry.used = now;
  if (now - entry.confirmed > kReachable && entry.next_request.is_never()) ask(now, address, entry);
  return entry.mac;
}

bool NeighborTable::wait(Time now, const IpAddress& address, Packet&& packet) {
  if (waiting_ >= kAllWaitingMax) return false;
  auto found = entries_.find(address);
  if (found == entries_.end()) {
    if (entries_.size() >= entries_max_ && !make_room()) return false;
    found = entries_.try_emplace(address).first;
  }
  Entry& entry = found->second;
  if (entry.waiting.size() >= kWaitingMax) return false;
  entry.used = now;
  entry.waiting.push_back(std::move(packet));
  ++waiting_;
  if (entry.next_request.is_never()) ask(now, address, entry);
  return true;
}

void NeighborTable::ask(Time now, const IpAddress& address, Entry& entry) {
  if (entry.next_request.is_never()) {
    entry.requests = 0;
    asking_.push_back(address);
  }
  ++entry.requests;
  entry.next_request = now + kRequestInterval;
  requests_.push_back({address, entry.mac});
}

void NeighborTable::stop_asking(const IpAddress& address) {
  std::erase(asking_, address);
}

void NeighborTable::learn(Time now, const IpAddress& address, const MacAddress& mac, bool create) {
  auto found = entries_.find(address);
  if (found == entries_.end()) {
    if (!create || entries_.size() >= entries_max_ / 2) return;
    found = entries_.try_emplace(address).first;
    found->second.used = now;
  }
  Entry& entry = found->second;
  entry.mac = mac;
  entry.confirmed = now;
  if (!entry.next_request.is_never()) {
    entry.next_request = Time::never();
    stop_asking(address);
  }
  // poll_resolved() takes from the back: last in, first out, so that they leave in the order they came.
  for (auto packet = entry.waiting.rbegin(); packet != entry.waiting.rend(); ++packet)
    resolved_.push_back({std::move(*packet), mac});
  waiting_ -= entry.waiting.size();
  entry.waiting.clear();
}

// Forgets, among a handful, the neighbor that was not used for the longest time. False: all of them are being asked.
bool NeighborTable::make_room() {
  auto oldest = entries_.end();
  int seen = 0;
  for (auto i = entries_.begin(); i != entries_.end() && seen < 64; ++i, ++seen) {
    if (!i->second.next_request.is_never()) continue;
    if (oldest == entries_.end() || i->second.used < oldest->second.used) oldest = i;
  }
  if (oldest == entries_.end()) return false;
  entries_.erase(oldest);
  return true;
}

bool NeighborTable::poll_request(Request* request) { return take_back(requests_, request); }
bool NeighborTable::poll_resolved(Resolved* resolved) { return take_back(resolved_, resolved); }
bool NeighborTable::poll_unresolved(Packet* packet) { return take_back(unresolved_, packet); }

Time NeighborTable::deadline() const {
  Time first = Time::never();
  for (const IpAddress& address : asking_) first = std::min(first, entries_.at(address).next_request);
  return first;
}

void NeighborTable::on_timer(Time now) {
  for (std::size_t i = 0; i < asking_.size();) {
    const IpAddress address = asking_[i];
    auto found = entries_.find(address);
    Entry& entry = found->second;
    if (entry.next_request > now) {
      ++i;
    } else if (entry.requests < kRequestsMax) {
      ask(now, address, entry);
      ++i;
    } else {
      for (Packet& packet : entry.waiting) unresolved_.push_back(std::move(packet));
      waiting_ -= entry.waiting.size();
      asking_.erase(asking_.begin() + static_cast<std::ptrdiff_t>(i));
      entries_.erase(found);
    }
  }
}

void NeighborTable::clear() {
  entries_.clear();
  asking_.clear();
  requests_.clear();
  resolved_.clear();
  waiting_ = 0;
}

}  // namespace weft::net
