#include "crypto/verified_peers.h"

#include <cstring>

namespace weft::crypto {

std::size_t VerifiedPeers::FirstBytes::operator()(const Fingerprint& key) const {
  std::size_t hash;
  std::memcpy(&hash, key.data(), sizeof hash);
  return hash;
}

std::shared_ptr<const VerifiedPeer> VerifiedPeers::find(const Fingerprint& key,
                                                        std::int64_t unix_seconds) const {
  const std::lock_guard lock(mutex_);
  const auto found = peers_.find(key);
  if (found == peers_.end()) return nullptr;
  const VerifiedPeer& peer = *found->second;
  return peer.valid_from <= unix_seconds && unix_seconds < peer.valid_until ? found->second
                                                                            : nullptr;
}

void VerifiedPeers::keep(const Fingerprint& key, std::shared_ptr<const VerifiedPeer> peer) {
  const std::lock_guard lock(mutex_);
  // A full table loses any one: whose peer comes back pays for a verification.
  if (peers_.size() >= limit_ && !peers_.contains(key)) peers_.erase(peers_.begin());
  peers_.insert_or_assign(key, std::move(peer));
}

}  // namespace weft::crypto
