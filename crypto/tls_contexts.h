// The handshake's side of Credentials. Included by this room's .cc files that are compiled against
// BoringSSL.
#pragma once

#include <atomic>
#include <cstdint>

#include "crypto/boringssl_support.h"
#include "crypto/credentials_impl.h"
#include "crypto/session_store.h"

namespace weft::crypto {

struct Credentials::Contexts {
  // SSL_CTX is reference-counted and, once configured, safe to share between threads.
  bssl::UniquePtr<SSL_CTX> client;
  bssl::UniquePtr<SSL_CTX> server;
  // A context makes its own ticket keys: a ticket is bound to the server's certificate, and dies
  // with it.
  mutable SessionStore sessions;
  mutable std::atomic<std::uint32_t> waiting{0};  // clients that wait for tickets
};

// Installs the callbacks that a Handshake works with (handshake.cc).
void install_handshake_callbacks(SSL_CTX* context);
// Who resumes what, and for how long (resumption.cc).
void configure_resumption(SSL_CTX* client, SSL_CTX* server);

}  // namespace weft::crypto
