// What died, and why: counters by reason and a ring of the last drops. Plain integers of one worker.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"
#include "base/packet.h"
#include "dataplane/net/drop_reason.h"

namespace weft::net {

struct DropRecord {
  Time time;
  Drop reason = Drop::kCount;
  InterfaceId interface = kNoInterface;  // ingress, or egress for what died on the way out
  std::uint8_t protocol = 0;             // IP protocol number; 0 where it was not read
  Endpoint source, destination;          // ports 0 where they were not read
};

// By reason, summed over workers by the reader.
using DropCounters = std::array<std::uint64_t, kDropReasons>;

// One worker's. A reader in another thread asks the worker by message.
class DropLog {
 public:
  static constexpr std::size_t kKept = 256;

  void add(const DropRecord& record);
  const DropCounters& counters() const { return counters_; }
  std::uint64_t count(Drop reason) const { return counters_[static_cast<std::size_t>(reason)]; }
  // The last kKept drops, oldest first. Allocates: for operators only.
  std::vector<DropRecord> recent() const;

 private:
  DropCounters counters_{};
  std::array<DropRecord, kKept> ring_{};
  std::uint64_t added_ = 0;
};

}  // namespace weft::net
