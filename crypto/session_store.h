// A client's sessions with its servers, for resumption. Included by this room's .cc files that are
// compiled against BoringSSL.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "crypto/boringssl_support.h"

namespace weft::crypto {

// Any thread; asked by handshake threads only. A session is given out once (RFC 8446 appendix C.4:
// a ticket that comes back twice lets an onlooker link two connections).
class SessionStore {
 public:
  // A server answers each connection with a ticket, so a key's sessions need only be as many as its
  // handshakes at one time. A session takes about 1 KB.
  static constexpr std::size_t kMaximumPerKey = 16;
  static constexpr std::size_t kMaximum = 1024;

  // Beyond a bound the oldest goes.
  void put(const std::string& key, bssl::UniquePtr<SSL_SESSION> session);
  // The newest; nullptr: none.
  bssl::UniquePtr<SSL_SESSION> take(const std::string& key);

 private:
  struct Entry {
    std::string key;
    bssl::UniquePtr<SSL_SESSION> session;
  };
  using Entries = std::list<Entry>;
  void drop(Entries::iterator entry);

  std::mutex mutex_;
  Entries by_age_;                                                         // oldest first
  std::unordered_map<std::string, std::deque<Entries::iterator>> by_key_;  // each oldest first
};

}  // namespace weft::crypto
