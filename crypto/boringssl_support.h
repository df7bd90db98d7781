// Handles and errors of BoringSSL. Included by this room's .cc files that are compiled against it,
// never beside OpenSSL's headers: both say SSL, BIO, EVP_PKEY, and mean their own.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <string>

#include "base/bytes.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "compile this file against BoringSSL (crypto/meson.build)"
#endif

namespace weft::crypto::boring {

// "bad signature", from what BoringSSL calls BAD_SIGNATURE.
inline std::string reason_text(std::uint32_t code) {
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  std::string text = reason != nullptr ? reason : "unknown reason";
  std::ranges::transform(text, text.begin(), [](char c) {
    return c == '_' ? ' ' : static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  });
  return text;
}

// What BoringSSL says about the last failure of this thread, and empties its queue.
inline std::string take_error() {
  const std::uint32_t code = ERR_peek_last_error();
  ERR_clear_error();
  return reason_text(code);
}

inline ByteSpan bytes_of(const CRYPTO_BUFFER* buffer) {
  return {CRYPTO_BUFFER_data(buffer), CRYPTO_BUFFER_len(buffer)};
}

}  // namespace weft::crypto::boring
