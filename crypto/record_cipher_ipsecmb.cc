// Intel IPsec-MB's direct API: no jobs, no queues; a record is sealed when the call returns.
#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>

#include "crypto/key_schedule_storage.h"
#include "crypto/record_cipher.h"

namespace weft::crypto {

namespace {

static_assert(sizeof(gcm_key_data) <= sizeof(KeySchedule::Storage::bytes));

// The functions of one key length and direction.
struct GcmCalls {
  aes_gcm_enc_dec_t whole;
  aes_gcm_init_t init;
  aes_gcm_enc_dec_update_t update;
  aes_gcm_enc_dec_finalize_t finalize;
};

struct GcmMessage {
  const Nonce& nonce;
  ByteSpan aad;
  std::span<const CipherSegment> segments;
  std::uint8_t* tag;
};

// One segment, the common case, goes through the one-call form, which saves the partial-block bookkeeping.
void run_gcm(const GcmCalls& calls, const gcm_key_data* key, const GcmMessage& m) {
  gcm_context_data context;
  if (m.segments.size() == 1) {
    const CipherSegment& s = m.segments.front();
    calls.whole(key, &context, s.out, s.in, s.size, m.nonce.data(), m.aad.data(), m.aad.size(), m.tag, kAeadTagSize);
    return;
  }
  calls.init(key, &context, m.nonce.data(), m.aad.data(), m.aad.size());
  for (const CipherSegment& s : m.segments) {
    if (s.size != 0) calls.update(key, &context, s.out, s.in, s.size);
  }
  calls.finalize(key, &context, m.tag, kAeadTagSize);
}

class IpsecmbCipher final : public RecordCipher {
 public:
  explicit IpsecmbCipher(IMB_MGR* manager) : manager_(manager), name_(name_of(manager)) {
    seal_[0] = {manager->gcm128_enc, manager->gcm128_init, manager->gcm128_enc_update, manager->gcm128_enc_finalize};
    seal_[1] = {manager->gcm256_enc, manager->gcm256_init, manager->gcm256_enc_update, manager->gcm256_enc_finalize};
    open_[0] = {manager->gcm128_dec, manager->gcm128_init, manager->gcm128_dec_update, manager->gcm128_dec_finalize};
    open_[1] = {manager->gcm256_dec, manager->gcm256_init, manager->gcm256_dec_update, manager->gcm256_dec_finalize};
  }

  std::string_view name() const override { return name_; }

  void expand(Aead aead, ByteSpan key, KeySchedule& schedule) const override {
    assert(key.size() == key_size(aead));
    auto& storage = schedule.storage();
    storage.aead = aead;
    switch (aead) {
      case Aead::kAes128Gcm: IMB_AES128_GCM_PRE(manager_, key.data(), gcm(storage)); break;
      case Aead::kAes256Gcm: IMB_AES256_GCM_PRE(manager_, key.data(), gcm(storage)); break;
      case Aead::kChaCha20Poly1305: std::copy(key.begin(), key.end(), storage.bytes.begin()); break;
    }
  }

  void seal(KeySchedule& schedule, const Nonce& nonce, ByteSpan aad,
            std::span<const CipherSegment> segments, std::uint8_t* tag) const override {
    auto& storage = schedule.storage();
    if (storage.aead == Aead::kChaCha20Poly1305) {
      run_chacha(manager_->chacha20_poly1305_enc_update, storage, {nonce, aad, segments, tag});
    } else {
      run_gcm(seal_[static_cast<std::size_t>(storage.aead)], gcm(storage), {nonce, aad, segments, tag});
    }
  }

  bool open(KeySchedule& schedule, const Nonce& nonce, ByteSpan aad,
            std::span<const CipherSegment> segments, const std::uint8_t* tag) const override {
    auto& storage = schedule.storage();
    std::uint8_t computed[kAeadTagSize];
    if (storage.aead == Aead::kChaCha20Poly1305) {
      run_chacha(manager_->chacha20_poly1305_dec_update, storage, {nonce, aad, segments, computed});
    } else {
      run_gcm(open_[static_cast<std::size_t>(storage.aead)], gcm(storage), {nonce, aad, segments, computed});
    }
    return CRYPTO_memcmp(computed, tag, kAeadTagSize) == 0;
  }

 private:
  static gcm_key_data* gcm(KeySchedule::Storage& storage) {
    return reinterpret_cast<gcm_key_data*>(storage.bytes.data());
  }

  void run_chacha(chacha_poly_enc_dec_update_t update, KeySchedule::Storage& storage, const GcmMessage& m) const {
    chacha20_poly1305_context_data context;
    manager_->chacha20_poly1305_init(storage.bytes.data(), &context, m.nonce.data(), m.aad.data(), m.aad.size());
    for (const CipherSegment& s : m.segments) {
      if (s.size != 0) update(storage.bytes.data(), &context, s.out, s.in, s.size);
    }
    manager_->chacha20_poly1305_finalize(&context, m.tag, kAeadTagSize);
  }

  static std::string name_of(const IMB_MGR* manager) {
    switch (manager->used_arch) {
      case IMB_ARCH_SSE: return "ipsec-mb sse";
      case IMB_ARCH_AVX: return "ipsec-mb avx";
      case IMB_ARCH_AVX2: return "ipsec-mb avx2";
      case IMB_ARCH_AVX512:
        return (manager->features & IMB_FEATURE_VAES) != 0 ? "ipsec-mb avx512 vaes" : "ipsec-mb avx512";
      default: return "ipsec-mb";
    }
  }

  IMB_MGR* manager_;  // lives as long as the process
  std::string name_;
  GcmCalls seal_[2];
  GcmCalls open_[2];
};

const RecordCipher* make() {
  IMB_MGR* manager = alloc_mb_mgr(0);
  if (manager == nullptr) return nullptr;
  constexpr std::uint64_t kNeeded = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SSE4_2;
  if ((manager->features & kNeeded) != kNeeded) {
    free_mb_mgr(manager);
    return nullptr;
  }
  IMB_ARCH arch;
  init_mb_mgr_auto(manager, &arch);
  if (imb_get_errno(manager) != 0) {
    free_mb_mgr(manager);
    return nullptr;
  }
  return new IpsecmbCipher(manager);
}

}  // namespace

const RecordCipher* ipsecmb_cipher() {
  static const RecordCipher* const cipher = make();
  return cipher;
}

}  // namespace weft::crypto
