// Source ports of active opens (RFC 6056, algorithm 4: double-hash port selection).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/net/owner.h"
#include "dataplane/net/tcp_types.h"

namespace weft::net {

// No state per pair: a walk through the port range that begins at a secret offset of (local address, remote endpoint)
// and goes on where the last one of the same counter stopped. So a port comes back only after all others had their
// turn, and the first candidate that is not in use is mostly free, or the pair's oldest in TIME-WAIT.
class TcpPorts {
 public:
  static constexpr std::uint32_t kFirst = 10'240, kCount = 65'536 - kFirst;

  TcpPorts(unsigned worker, unsigned workers) : worker_(worker), workers_(workers) {}

  // `usable(port)` says whether the tuple may be taken now. Ports of other workers (owner.h) are passed over.
  template <typename Usable>
  std::optional<std::uint16_t> allocate(FlowKey key, std::uint64_t hash, Usable&& usable) {
    std::uint32_t& counter = counters_[hash >> 32 & (kCounters - 1)];
    for (std::uint32_t tried = 0; tried < kCount; ++tried) {
      key.local.port = static_cast<std::uint16_t>(
          kFirst + (static_cast<std::uint32_t>(hash) % kCount + counter++) % kCount);
      if (owner_of(key.local, key.remote, workers_) == worker_ && usable(key)) return key.local.port;
    }
    return std::nullopt;
  }

 private:
  static constexpr std::uint32_t kCounters = 1024;
  unsigned worker_, workers_;
  std::array<std::uint32_t, kCounters> counters_{};
};

}  // namespace weft::net
