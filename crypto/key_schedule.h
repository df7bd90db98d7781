// The part of TLS 1.3's key schedule that outlives the handshake (RFC 8446 section 7).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "crypto/handshake.h"

namespace weft::crypto {

std::size_t hash_size(HashKind hash);  // bytes

// HKDF-Extract (RFC 5869). `out`: hash_size(hash) bytes.
void hkdf_extract(HashKind hash, ByteSpan salt, ByteSpan input_key, MutableByteSpan out);
// HKDF-Expand-Label (section 7.1); `label` without "tls13 ". REQUIRES: out.size() <= 255, secret of hash_size(hash).
void hkdf_expand_label(HashKind hash, ByteSpan secret, std::string_view label, ByteSpan context, MutableByteSpan out);

// Section 7.3: [sender]_write_key and _iv.
TrafficKey traffic_key(Aead aead, const TrafficSecret& secret);
// Section 7.2: application_traffic_secret_N+1, after a KeyUpdate.
TrafficSecret next_secret(const TrafficSecret& secret);

// Section 5.3: the nonce of record `sequence`.
Nonce record_nonce(const Nonce& iv, std::uint64_t sequence);

}  // namespace weft::crypto
