#include "crypto/session_store.h"

#include <utility>

namespace weft::crypto {

// The oldest of its key, as everyone here drops it for its age.
void SessionStore::drop(Entries::iterator entry) {
  const auto found = by_key_.find(entry->key);
  found->second.pop_front();
  if (found->second.empty()) by_key_.erase(found);
  by_age_.erase(entry);
}

void SessionStore::put(const std::string& key, bssl::UniquePtr<SSL_SESSION> session) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_key_.find(key);
      found != by_key_.end() && found->second.size() >= kMaximumPerKey) {
    drop(found->second.front());
  }
  if (by_age_.size() >= kMaximum) drop(by_age_.begin());
  by_age_.push_back({key, std::move(session)});
  by_key_[key].push_back(std::prev(by_age_.end()));
}

bssl::UniquePtr<SSL_SESSION> SessionStore::take(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  const Entries::iterator newest = found->second.back();
  bssl::UniquePtr<SSL_SESSION> session = std::move(newest->session);
  found->second.pop_back();
  if (found->second.empty()) by_key_.erase(found);
  by_age_.erase(newest);
  return session;
}

}  // namespace weft::crypto
