// Initial sequence numbers and timestamp offsets that others cannot guess (RFC 6528; RFC 7323, 5.4).
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "base/random.h"
#include "dataplane/net/tcp_sequence.h"
#include "dataplane/net/tcp_types.h"

namespace weft::net {

// SipHash-2-4 (Aumasson and Bernstein, 2012) of a tuple under a secret of this engine.
class TcpSecret {
 public:
  using Key = std::array<std::uint64_t, 2>;

  explicit TcpSecret(Random& random) : key_{random.next(), random.next()} {}
  const Key& key() const { return key_; }
  void set_key(const Key& key) { key_ = key; }
  std::uint64_t hash(const FlowKey& key, std::uint64_t purpose) const;

 private:
  Key key_;
};

class TcpIsn {
 public:
  explicit TcpIsn(Random& random) : secret_(random) {}
  TcpSecret& secret() { return secret_; }
  // M + F(tuple): rises by one every 4 us, so that a new incarnation of a tuple begins above the old one.
  Seq initial(Time now, const FlowKey& key) const {
    return Seq(static_cast<std::uint32_t>(now.ns() / 4000 + static_cast<std::int64_t>(secret_.hash(key, 1) >> 32)));
  }
  // Constant for a tuple, so that its TSval never falls from one incarnation to the next.
  std::uint32_t timestamp_offset(const FlowKey& key) const {
    return static_cast<std::uint32_t>(secret_.hash(key, 2) >> 32);
  }
  // Where the search for a source port towards `key.remote` begins (RFC 6056, algorithm 4).
  std::uint64_t port_hash(const FlowKey& key) const { return secret_.hash(key, 3); }

 private:
  TcpSecret secret_;
};

}  // namespace weft::net
