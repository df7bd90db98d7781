// The two sides of Credentials: what X.509 code makes of them, and what handshakes do. Included by
// .cc files of this room only; knows the headers of neither library.
#pragma once

#include <expected>
#include <memory>
#include <span>
#include <string>

#include "crypto/credentials.h"

namespace weft::crypto {

// By BoringSSL (tls_contexts.cc). `key`: PKCS#8 in DER.
std::expected<std::shared_ptr<const Credentials::Contexts>, std::string> make_contexts(
    std::span<const Certificate> chain, ByteSpan key);

// By OpenSSL (peer_verdict.cc).
std::shared_ptr<const Credentials::Trust> make_trust(const Credentials& credentials);

}  // namespace weft::crypto
