// The OpenSSL side of Credentials. Included by .cc files of this room only.
#pragma once

#include <map>
#include <string>

#include "crypto/credentials.h"
#include "crypto/openssl_support.h"

namespace weft::crypto {

struct SslContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

struct Credentials::Contexts {
  // SSL_CTX is reference-counted and, once configured, safe to share between threads.
  std::unique_ptr<SSL_CTX, SslContextFree> client;
  std::unique_ptr<SSL_CTX, SslContextFree> server;
  std::map<std::string, detail::X509StorePtr, std::less<>> stores;  // by trust domain
};

// Installs the callbacks that a Handshake works with (handshake.cc).
void install_handshake_callbacks(SSL_CTX* context);

}  // namespace weft::crypto
