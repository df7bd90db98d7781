#include "crypto/record_cipher.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <chrono>
#include <cassert>
#include <limits>

#include "crypto/key_schedule_storage.h"

namespace weft::crypto {

std::size_t key_size(Aead aead) { return aead == Aead::kAes128Gcm ? 16 : 32; }

std::string_view to_string(Aead aead) {
  switch (aead) {
    case Aead::kAes128Gcm: return "AES-128-GCM";
    case Aead::kAes256Gcm: return "AES-256-GCM";
    case Aead::kChaCha20Poly1305: return "ChaCha20-Poly1305";
  }
  return "";
}

KeySchedule::KeySchedule()
    : storage_(new Storage, [](Storage* storage) {
        OPENSSL_cleanse(storage->bytes.data(), storage->bytes.size());
        delete storage;
      }) {}
KeySchedule::~KeySchedule() = default;

namespace {

constexpr std::array kAeads = {Aead::kAes128Gcm, Aead::kAes256Gcm, Aead::kChaCha20Poly1305};

// The best of several rounds, in nanoseconds a record: noise only ever adds.
double measure(const RecordCipher& cipher, Aead aead, std::size_t size) {
  KeySchedule schedule;
  const std::array<std::uint8_t, 32> key{};
  cipher.expand(aead, ByteSpan(key).first(key_size(aead)), schedule);
  std::vector<std::uint8_t> text(size);
  std::uint8_t tag[kAeadTagSize];
  const std::uint8_t aad[5] = {23, 3, 3, 0, 0};
  const CipherSegment segment{text.data(), text.data(), size};
  const std::size_t repeats = 1 + 64 * 1024 / size;
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < 8; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < repeats; ++i) {
      cipher.seal(schedule, Nonce{static_cast<std::uint8_t>(i)}, aad, {&segment, 1}, tag);
    }
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - begin;
    best = std::min(best, spent.count() / static_cast<double>(repeats));
  }
  return best;
}

// Small and large records count alike: the product of the two ratios decides.
const RecordCipher* faster(Aead aead, const RecordCipher* a, const RecordCipher* b) {
  double ratio = 1;
  for (const std::size_t size : {1420u, 16384u}) ratio *= measure(*a, aead, size) / measure(*b, aead, size);
  return ratio <= 1 ? a : b;
}

}  // namespace

CipherChoice choose_ciphers(std::string_view force) {
  const RecordCipher* openssl = openssl_cipher();
  const RecordCipher* ipsecmb = ipsecmb_cipher();
  CipherChoice choice{{openssl, openssl, openssl}};
  if (force == "openssl" || ipsecmb == nullptr) return choice;
  for (const Aead aead : kAeads) {
    choice.by_aead[static_cast<std::size_t>(aead)] =
        force == "ipsec-mb" ? ipsecmb : faster(aead, ipsecmb, openssl);
  }
  return choice;
}

std::string CipherChoice::describe() const {
  std::string text;
  for (const Aead aead : kAeads) {
    if (!text.empty()) text += ", ";
    text += to_string(aead);
    text += ' ';
    text += of(aead).name();
  }
  return text;
}

struct KeyScheduleCache::Slot {
  KeySchedule schedule;
  std::uint32_t generation = 1;
  std::uint32_t newer = UINT32_MAX;
  std::uint32_t older = UINT32_MAX;
};

KeyScheduleCache::KeyScheduleCache(const CipherChoice& choice, std::size_t capacity)
    : choice_(choice), capacity_(std::max<std::size_t>(capacity, 2)) {}
KeyScheduleCache::~KeyScheduleCache() = default;

KeySchedule& KeyScheduleCache::get(const TrafficKey& key, Ticket& ticket) {
  if (ticket.slot < slots_.size() && slots_[ticket.slot]->generation == ticket.generation) {
    ++hits_;
    if (ticket.slot != newest_) {
      unlink(ticket.slot);
      push_front(ticket.slot);
    }
    return slots_[ticket.slot]->schedule;
  }
  ++misses_;
  const std::uint32_t index = take_slot();
  Slot& slot = *slots_[index];
  ticket = {index, ++slot.generation};
  push_front(index);
  choice_.of(key.aead).expand(key.aead, ByteSpan(key.key).first(key_size(key.aead)), slot.schedule);
  return slot.schedule;
}

void KeyScheduleCache::forget(Ticket& ticket) {
  if (ticket.slot < slots_.size() && slots_[ticket.slot]->generation == ticket.generation) {
    unlink(ticket.slot);
    Slot& slot = *slots_[ticket.slot];
    ++slot.generation;
    auto& storage = slot.schedule.storage();
    OPENSSL_cleanse(storage.bytes.data(), storage.bytes.size());
    storage.evp.reset();
    free_.push_back(ticket.slot);
  }
  ticket = {};
}

std::size_t KeyScheduleCache::memory() const {
  return slots_.size() * (sizeof(Slot) + sizeof(KeySchedule::Storage)) + slots_.capacity() * sizeof(void*);
}

std::uint32_t KeyScheduleCache::take_slot() {
  if (!free_.empty()) {
    const std::uint32_t index = free_.back();
    free_.pop_back();
    return index;
  }
  if (slots_.size() < capacity_) {
    slots_.push_back(std::make_unique<Slot>());
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const std::uint32_t index = oldest_;
  unlink(index);
  return index;
}

void KeyScheduleCache::unlink(std::uint32_t index) {
  Slot& slot = *slots_[index];
  (slot.newer != UINT32_MAX ? slots_[slot.newer]->older : newest_) = slot.older;
  (slot.older != UINT32_MAX ? slots_[slot.older]->newer : oldest_) = slot.newer;
  slot.newer = slot.older = UINT32_MAX;
}

void KeyScheduleCache::push_front(std::uint32_t index) {
  Slot& slot = *slots_[index];
  slot.older = newest_;
  slot.newer = UINT32_MAX;
  if (newest_ != UINT32_MAX) slots_[newest_]->newer = index;
  newest_ = index;
  if (oldest_ == UINT32_MAX) oldest_ = index;
}

}  // namespace weft::crypto
