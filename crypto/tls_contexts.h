// The handshake's side of Credentials. Included by this room's .cc files that are compiled against
// BoringSSL.
#pragma once

#include "crypto/boringssl_support.h"
#include "crypto/credentials_impl.h"

namespace weft::crypto {

struct Credentials::Contexts {
  // SSL_CTX is reference-counted and, once configured, safe to share between threads.
  bssl::UniquePtr<SSL_CTX> client;
  bssl::UniquePtr<SSL_CTX> server;
};

// Installs the callbacks that a Handshake works with (handshake.cc).
void install_handshake_callbacks(SSL_CTX* context);

}  // namespace weft::crypto
