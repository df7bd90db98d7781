// By BoringSSL's HMAC: OpenSSL 3.0 looks its algorithms up for every call, and a connection wants eight.
#include "crypto/key_schedule.h"

#include <openssl/hmac.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>

#include "crypto/boringssl_support.h"

namespace weft::crypto {

namespace {

const EVP_MD* md_of(HashKind hash) { return hash == HashKind::kSha256 ? EVP_sha256() : EVP_sha384(); }

void hmac(HashKind hash, ByteSpan key, ByteSpan message, std::uint8_t* out) {
  static constexpr std::uint8_t kEmpty = 0;  // HMAC() takes a null key for "the last one"
  unsigned size = 0;
  const void* key_bytes = key.empty() ? &kEmpty : key.data();
  if (HMAC(md_of(hash), key_bytes, key.size(), message.data(), message.size(), out, &size) ==
      nullptr) {
    std::abort();
  }
}

}  // namespace

std::size_t hash_size(HashKind hash) { return hash == HashKind::kSha256 ? 32 : 48; }

void hkdf_extract(HashKind hash, ByteSpan salt, ByteSpan input_key, MutableByteSpan out) {
  assert(out.size() == hash_size(hash));
  hmac(hash, salt, input_key, out.data());
}

void hkdf_expand_label(HashKind hash, ByteSpan secret, std::string_view label, ByteSpan context, MutableByteSpan out) {
  // HkdfLabel: uint16 length, opaque label<7..255>, opaque context<0..255>; then RFC 5869's counter byte.
  assert(label.size() <= 32 && context.size() <= 48 && out.size() <= 255);
  std::uint8_t message[48 + 2 + 1 + 6 + 32 + 1 + 48 + 1];
  std::uint8_t* const info = message + 48;
  std::uint8_t* p = info;
  const auto put = [&p](ByteSpan bytes) { p = std::copy(bytes.begin(), bytes.end(), p); };
  store_be16(p, static_cast<std::uint16_t>(out.size()));
  p += 2;
  *p++ = static_cast<std::uint8_t>(6 + label.size());
  put(as_bytes("tls13 "));
  put(as_bytes(label));
  *p++ = static_cast<std::uint8_t>(context.size());
  put(context);

  // T(n) = HMAC(secret, T(n-1) | info | n): T(n-1) is laid just before info.
  const std::size_t step = hash_size(hash);
  std::uint8_t block[48];
  for (std::size_t done = 0, n = 1; done < out.size(); ++n) {
    *p = static_cast<std::uint8_t>(n);
    const std::uint8_t* begin = n == 1 ? info : info - step;
    hmac(hash, secret, {begin, static_cast<std::size_t>(p + 1 - begin)}, block);
    const std::size_t take = std::min(step, out.size() - done);
    std::copy_n(block, take, out.data() + done);
    std::copy_n(block, step, info - step);
    done += take;
  }
}

TrafficKey traffic_key(Aead aead, const TrafficSecret& secret) {
  TrafficKey key;
  key.aead = aead;
  const ByteSpan bytes = ByteSpan(secret.bytes).first(hash_size(secret.hash));
  hkdf_expand_label(secret.hash, bytes, "key", {}, MutableByteSpan(key.key).first(key_size(aead)));
  hkdf_expand_label(secret.hash, bytes, "iv", {}, key.iv);
  return key;
}

TrafficSecret next_secret(const TrafficSecret& secret) {
  TrafficSecret next;
  next.hash = secret.hash;
  const std::size_t size = hash_size(secret.hash);
  hkdf_expand_label(secret.hash, ByteSpan(secret.bytes).first(size), "traffic upd", {},
                    MutableByteSpan(next.bytes).first(size));
  return next;
}

Nonce record_nonce(const Nonce& iv, std::uint64_t sequence) {
  Nonce nonce = iv;
  store_be64(nonce.data() + 4, load_be64(iv.data() + 4) ^ sequence);
  return nonce;
}

}  // namespace weft::crypto
