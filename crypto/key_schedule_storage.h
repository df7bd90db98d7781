// Inside a KeySchedule. For the two ciphers only.
#pragma once

#include <array>
#include <memory>

#include "crypto/record_cipher.h"

struct evp_cipher_ctx_st;

namespace weft::crypto {

struct CipherContextFree {
  void operator()(evp_cipher_ctx_st* context) const;
};

struct KeySchedule::Storage {
  // IPsec-MB: its gcm_key_data, which its code loads with aligned instructions, or the raw ChaCha20 key.
  alignas(64) std::array<std::uint8_t, 1024> bytes{};
  // OpenSSL: its context, with the key set.
  std::unique_ptr<evp_cipher_ctx_st, CipherContextFree> evp;
  Aead aead = Aead::kAes128Gcm;
};

}  // namespace weft::crypto
