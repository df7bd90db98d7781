// The AEADs of TLS 1.3 records over lists of segments, with two implementations: IPsec-MB and OpenSSL's EVP.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace weft::crypto {

enum class Aead : std::uint8_t { kAes128Gcm, kAes256Gcm, kChaCha20Poly1305 };
inline constexpr std::size_t kAeadTagSize = 16;
inline constexpr std::size_t kAeadNonceSize = 12;
std::size_t key_size(Aead aead);          // bytes
std::string_view to_string(Aead aead);    // "AES-128-GCM"

using Nonce = std::array<std::uint8_t, kAeadNonceSize>;

// One piece of the message. In place when in == out; otherwise the two must not overlap.
struct CipherSegment {
  const std::uint8_t* in;
  std::uint8_t* out;
  std::size_t size;
};

// An expanded key. What it holds is its cipher's secret; wiped when freed.
class KeySchedule {
 public:
  KeySchedule();
  ~KeySchedule();
  KeySchedule(const KeySchedule&) = delete;
  KeySchedule& operator=(const KeySchedule&) = delete;

  struct Storage;  // 64-byte aligned
  Storage& storage() { return *storage_; }

 private:
  std::unique_ptr<Storage, void (*)(Storage*)> storage_;
};

// Stateless apart from what it measured or chose at start; usable from any thread. A KeySchedule belongs to one
// thread at a time and to the cipher that expanded it.
class RecordCipher {
 public:
  virtual ~RecordCipher() = default;
  virtual std::string_view name() const = 0;  // "ipsec-mb avx2", "openssl"
  // REQUIRES: key.size() == key_size(aead). Replaces what `schedule` held.
  virtual void expand(Aead aead, ByteSpan key, KeySchedule& schedule) const = 0;
  // Encrypts all segments as one message and writes its tag (16 bytes).
  virtual void seal(KeySchedule& schedule, const Nonce& nonce, ByteSpan aad,
                    std::span<const CipherSegment> segments, std::uint8_t* tag) const = 0;
  // False: `tag` does not fit; the output bytes must not be used.
  [[nodiscard]] virtual bool open(KeySchedule& schedule, const Nonce& nonce, ByteSpan aad,
                                  std::span<const CipherSegment> segments, const std::uint8_t* tag) const = 0;
};

// nullptr when this CPU lacks what the library needs (AES-NI, PCLMULQDQ).
const RecordCipher* ipsecmb_cipher();
const RecordCipher* openssl_cipher();

// Which implementation serves which algorithm, chosen once per process by measuring 1420-byte and 16 KB records.
struct CipherChoice {
  std::array<const RecordCipher*, 3> by_aead;  // indexed by Aead
  std::string describe() const;  // "AES-128-GCM ipsec-mb avx2, ...": for `status`
  const RecordCipher& of(Aead aead) const { return *by_aead[static_cast<std::size_t>(aead)]; }
};
// `force`: "" measure, "ipsec-mb", "openssl". A forced one that this CPU cannot do falls back to openssl.
CipherChoice choose_ciphers(std::string_view force = {});

// Traffic key of one direction, raw: what an idle connection keeps. 48 bytes.
struct TrafficKey {
  Aead aead = Aead::kAes128Gcm;
  std::array<std::uint8_t, 32> key{};  // the first key_size(aead) bytes
  Nonce iv{};
};

// One worker's expanded keys, at most `capacity` of them, least recently used out first. One thread.
class KeyScheduleCache {
 public:
  explicit KeyScheduleCache(const CipherChoice& choice, std::size_t capacity = 1024);
  ~KeyScheduleCache();
  KeyScheduleCache(const KeyScheduleCache&) = delete;
  KeyScheduleCache& operator=(const KeyScheduleCache&) = delete;

  // Where a key's schedule lay last; the key's holder keeps it. A stale one is noticed.
  struct Ticket {
    std::uint32_t slot = UINT32_MAX;
    std::uint32_t generation = 0;
  };
  KeySchedule& get(const TrafficKey& key, Ticket& ticket);
  // The key is gone or changed: its schedule is wiped.
  void forget(Ticket& ticket);
  const RecordCipher& cipher(Aead aead) const { return choice_.of(aead); }
  const CipherChoice& choice() const { return choice_; }
  std::uint64_t hits() const { return hits_; }
  std::uint64_t misses() const { return misses_; }
  std::size_t memory() const;

 private:
  struct Slot;
  void unlink(std::uint32_t slot);
  void push_front(std::uint32_t slot);
  std::uint32_t take_slot();

  CipherChoice choice_;
  std::size_t capacity_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::uint32_t> free_;
  std::uint32_t newest_ = UINT32_MAX;
  std::uint32_t oldest_ = UINT32_MAX;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
};

}  // namespace weft::crypto
