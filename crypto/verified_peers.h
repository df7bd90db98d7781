// Chains that were found good, by fingerprint: a peer's second connection costs a hash instead of
// signatures.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "crypto/handshake.h"

namespace weft::crypto {

// What stays true of a chain while the trust bundles stay (a Credentials' never change): it leads
// from this peer to a root, for this purpose, from valid_from until valid_until. Refusals are not
// kept: their text names the moment.
struct VerifiedPeer {
  PeerCertificate peer;
  std::int64_t valid_from = 0;   // unix_seconds: the latest not_before of the chain
  std::int64_t valid_until = 0;  // exclusive: the earliest not_after of the chain
};

// Any thread.
class VerifiedPeers {
 public:
  explicit VerifiedPeers(std::size_t limit) : limit_(limit) {}

  // `key`: of the chain as it was sent and of its purpose. nullptr: unknown, or not valid at that
  // time.
  std::shared_ptr<const VerifiedPeer> find(const Fingerprint& key, std::int64_t unix_seconds) const;
  void keep(const Fingerprint& key, std::shared_ptr<const VerifiedPeer> peer);

 private:
  struct FirstBytes {
    std::size_t operator()(const Fingerprint& key) const;
  };
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::unordered_map<Fingerprint, std::shared_ptr<const VerifiedPeer>, FirstBytes> peers_;
};

}  // namespace weft::crypto
