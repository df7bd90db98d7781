// The record layer of TLS 1.3 (RFC 8446 section 5) over chains of slices: one object a direction.
//
// Bytes are sealed and opened in place where a slice is exclusive, else into fresh buffers of the pool. Between records
// a direction holds a raw key, a secret and a counter; the expanded key lives in the worker's KeyScheduleCache.
#pragma once

#include <cstdint>
#include <expected>

#include "base/byte_chain.h"
#include "crypto/handshake.h"
#include "crypto/record_cipher.h"
#include "crypto/tls_failure.h"

namespace weft::tls {

// What the sessions of one worker share. Outlives them.
struct SessionContext {
  BufferPool& pool;
  crypto::KeyScheduleCache& keys;
};

enum class ContentType : std::uint8_t { kChangeCipherSpec = 20, kAlert = 21, kHandshake = 22, kApplicationData = 23 };

inline constexpr std::uint32_t kMaximumPlaintext = 16384;  // section 5.1, bytes
inline constexpr std::uint32_t kRecordHeader = 5;
inline constexpr std::uint32_t kRecordTrailer = 1 + crypto::kAeadTagSize;  // inner content type, tag

// One direction's key. 2^24 records of 16 KB leave an attacker of AES-GCM no more than 2^-57 (section 5.5: 2^24.5).
class TrafficState {
 public:
  static constexpr std::uint64_t kRecordsPerKey = 1u << 24;

  explicit TrafficState(const crypto::DirectionState& state);
  ~TrafficState();
  TrafficState(const TrafficState&) = delete;
  TrafficState& operator=(const TrafficState&) = delete;

  crypto::KeySchedule& schedule(crypto::KeyScheduleCache& keys) { return keys.get(key_, ticket_); }
  const crypto::RecordCipher& cipher(const crypto::KeyScheduleCache& keys) const { return keys.cipher(key_.aead); }
  // The nonce of the next record; counts it.
  crypto::Nonce next_nonce();
  std::uint64_t sequence() const { return sequence_; }
  bool exhausted() const { return sequence_ == UINT64_MAX; }
  // Section 7.2: the next generation of keys, sequence number 0.
  void update(crypto::KeyScheduleCache& keys);
  void forget(crypto::KeyScheduleCache& keys) { keys.forget(ticket_); }

 private:
  crypto::TrafficSecret secret_;
  crypto::TrafficKey key_;
  std::uint64_t sequence_;
  crypto::KeyScheduleCache::Ticket ticket_;
};

class RecordSealer {
 public:
  explicit RecordSealer(const crypto::DirectionState& state) : traffic_(state) {}

  // Appends records of at most `record_size` plaintext bytes each to `out`. Takes the plaintext. False: the pool is
  // exhausted; the stream is broken then, since part of it may be in `out`.
  // REQUIRES: 0 < record_size <= kMaximumPlaintext.
  [[nodiscard]] bool seal(const SessionContext& context, ContentType type, ByteChain&& plaintext,
                          std::uint32_t record_size, ByteChain* out);
  // A short message of our own in one record.
  [[nodiscard]] bool seal(const SessionContext& context, ContentType type, ByteSpan message, ByteChain* out);
  TrafficState& traffic() { return traffic_; }

 private:
  struct Record;
  bool gather(const SessionContext& context, ByteChain& plaintext, std::uint32_t limit, Record& record);
  bool finish(const SessionContext& context, ContentType type, Record& record, ByteChain* out);

  TrafficState traffic_;
};

// One opened record.
struct OpenedRecord {
  ContentType type = ContentType::kApplicationData;
  ByteChain content;
};

class RecordOpener {
 public:
  explicit RecordOpener(const crypto::DirectionState& state) : traffic_(state) {}

  // Appends received bytes.
  void push(ByteChain&& ciphertext) { received_.append(std::move(ciphertext)); }
  // True: a whole record was opened. False: more bytes are needed. Error: the connection must end with it.
  std::expected<bool, crypto::TlsFailure> next(const SessionContext& context, OpenedRecord* record);
  const ByteChain& received() const { return received_; }
  void clear() { received_.clear(); }
  TrafficState& traffic() { return traffic_; }

 private:
  struct Body;
  std::expected<std::uint32_t, crypto::TlsFailure> body_size(std::uint8_t* header) const;
  bool take_body(const SessionContext& context, std::uint32_t size, Body& body);
  void consume(std::uint32_t n);

  TrafficState traffic_;
  ByteChain received_;
  // The front slice was exclusive before we split a record off it: its window is still ours alone to write.
  bool front_owned_ = false;
};

}  // namespace weft::tls
