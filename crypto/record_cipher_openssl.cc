// The reference: OpenSSL's EVP.
#include <openssl/evp.h>

#include <cassert>
#include <cstdlib>

#include "crypto/key_schedule_storage.h"
#include "crypto/record_cipher.h"

namespace weft::crypto {

void CipherContextFree::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }

namespace {

const EVP_CIPHER* evp_of(Aead aead) {
  switch (aead) {
    case Aead::kAes128Gcm: return EVP_aes_128_gcm();
    case Aead::kAes256Gcm: return EVP_aes_256_gcm();
    case Aead::kChaCha20Poly1305: return EVP_chacha20_poly1305();
  }
  return nullptr;
}

// None of these calls fails with a key set and valid pointers, short of memory running out: die then, as new does.
void must(int result) {
  if (result <= 0) std::abort();
}

void run_segments(EVP_CIPHER_CTX* context, ByteSpan aad, std::span<const CipherSegment> segments) {
  int written = 0;
  must(EVP_CipherUpdate(context, nullptr, &written, aad.data(), static_cast<int>(aad.size())));
  for (const CipherSegment& s : segments) {
    if (s.size == 0) continue;
    must(EVP_CipherUpdate(context, s.out, &written, s.in, static_cast<int>(s.size)));
  }
}

class OpensslCipher final : public RecordCipher {
 public:
  std::string_view name() const override { return "openssl"; }

  void expand(Aead aead, ByteSpan key, KeySchedule& schedule) const override {
    assert(key.size() == key_size(aead));
    auto& storage = schedule.storage();
    storage.aead = aead;
    if (!storage.evp) storage.evp.reset(EVP_CIPHER_CTX_new());
    must(storage.evp != nullptr);
    must(EVP_CIPHER_CTX_reset(storage.evp.get()));
    must(EVP_CipherInit_ex(storage.evp.get(), evp_of(aead), nullptr, key.data(), nullptr, 1));
  }

  void seal(KeySchedule& schedule, const Nonce& nonce, ByteSpan aad,
            std::span<const CipherSegment> segments, std::uint8_t* tag) const override {
    EVP_CIPHER_CTX* context = schedule.storage().evp.get();
    must(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, nonce.data(), 1));
    run_segments(context, aad, segments);
    int written = 0;
    std::uint8_t nothing[kAeadTagSize];
    must(EVP_CipherFinal_ex(context, nothing, &written));
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kAeadTagSize, tag));
  }

  bool open(KeySchedule& schedule, const Nonce& nonce, ByteSpan aad,
            std::span<const CipherSegment> segments, const std::uint8_t* tag) const override {
    EVP_CIPHER_CTX* context = schedule.storage().evp.get();
    must(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, nonce.data(), 0));
    run_segments(context, aad, segments);
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kAeadTagSize,
                             const_cast<std::uint8_t*>(tag)));
    int written = 0;
    std::uint8_t nothing[kAeadTagSize];
    return EVP_CipherFinal_ex(context, nothing, &written) > 0;
  }
};

}  // namespace

const RecordCipher* openssl_cipher() {
  static const OpensslCipher cipher;
  return &cipher;
}

}  // namespace weft::crypto
