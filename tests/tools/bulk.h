// One TCP transfer in one direction: a pattern that both ends know, and what came of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ip_address.h"

namespace weft::tools {

struct BulkOptions {
  bool sends = false;          // connects and sends; else listens, takes one connection and receives
  Endpoint local, remote;      // local.port: of a receiver. remote: of a sender
  std::uint64_t bytes = 0;     // to send, unless `duration` ends it before
  Duration duration{};         // of sending; 0: until `bytes` are sent
  std::uint64_t seed = 1;      // of the pattern
  std::uint32_t buffer = 0;    // most that our stack's windows grow to, bytes each way; the kernel's are its sysctls
  std::string device;          // our stack: the interface that it shares with the kernel; empty: the kernel's sockets
  std::string next_hop;        // our stack: the MAC address of whoever is behind the interface
};

struct BulkSample {
  Time at;
  std::uint64_t bytes = 0;
};

struct BulkResult {
  Time began, ended;           // before connect() or when the handshake was done; at the peer's FIN
  std::uint64_t bytes = 0;     // written, or read and as they must be
  std::string error;           // empty: complete and whole
  std::uint64_t retransmits = 0;
  std::vector<BulkSample> samples;  // of a receiver
  std::string counters;        // our stack: what is not 0 of its counters, as JSON members
};

Time read_clock();

// The n-th byte of every transfer with the same seed is the same, and 8 bytes further on another.
class BulkPattern {
 public:
  explicit BulkPattern(std::uint64_t seed) : seed_(seed) {}
  void fill(std::uint64_t offset, MutableByteSpan to) const;
  // Offset of the first wrong byte in `bytes`; bytes.size(): none.
  std::size_t first_wrong(std::uint64_t offset, ByteSpan bytes) const;

 private:
  std::uint8_t at(std::uint64_t offset) const;
  std::uint64_t seed_;
};

// What a sender has to send next.
class BulkSource {
 public:
  explicit BulkSource(const BulkOptions& options) : options_(options), pattern_(options.seed), block_(kBlock) {}

  bool is_done(Time now) const;
  // REQUIRES: !is_done(). Stays the same until on_sent().
  ByteSpan next();
  void on_begun(Time now) { begun_ = now; }
  void on_sent(std::size_t n) { sent_ += n; }
  std::uint64_t sent() const { return sent_; }

 private:
  static constexpr std::size_t kBlock = 65'536;
  const BulkOptions& options_;
  BulkPattern pattern_;
  std::vector<std::uint8_t> block_;
  std::uint64_t block_begin_ = 0, block_end_ = 0;  // offsets in the stream
  std::uint64_t sent_ = 0;
  Time begun_;
};

// Checks what comes, and remembers when.
class BulkSink {
 public:
  explicit BulkSink(const BulkOptions& options) : pattern_(options.seed) {}

  // False: a byte is wrong; result->error says which.
  bool on_received(Time now, ByteSpan bytes, BulkResult* result);

 private:
  BulkPattern pattern_;
};

// Both return when the transfer is over. They throw where the machine does not let them begin.
BulkResult transfer_by_kernel(const BulkOptions& options);
BulkResult transfer_by_stack(const BulkOptions& options);

}  // namespace weft::tools
