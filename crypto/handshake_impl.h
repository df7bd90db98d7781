// Inside a Handshake. Included by .cc files of this room only.
#pragma once

#include <map>
#include <string>

#include "crypto/credentials_contexts.h"
#include "crypto/handshake.h"
#include "crypto/openssl_support.h"

namespace weft::crypto {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

struct Handshake::Impl {
  Role role;
  State state = State::kRunning;
  std::shared_ptr<const Credentials> credentials;
  TlsSettings settings;
  std::int64_t unix_seconds = 0;

  std::unique_ptr<SSL, SslFree> ssl;  // freed at the end of a TLS 1.3 handshake
  BIO* in = nullptr;                  // owned by ssl
  BIO* out = nullptr;
  std::vector<std::uint8_t> output;   // taken from `out` before ssl was freed
  std::size_t consumed_total = 0;

  // Left by callbacks.
  TrafficSecret client_secret, server_secret;
  bool has_client_secret = false, has_server_secret = false;
  // Records under the application keys: those after the Finished of their direction (RFC 8446 section 4.4.4).
  bool sent_finished = false, received_finished = false;
  std::uint64_t sent_records = 0, received_records = 0;
  std::optional<std::uint8_t> peer_alert;
  TlsFailure verify_failure = TlsFailure::kNone;
  std::string verify_error;

  TlsFailure failure = TlsFailure::kNone;
  std::string error;
  HandshakeOutcome outcome;

  ~Impl();
  bool begin();
  void step();
  void finish();
  void fail(TlsFailure reason, std::string text);
  void fail_by_openssl(int ssl_error);
  void drain_output();
};

inline Handshake::Impl* impl_of(const SSL* ssl) { return static_cast<Handshake::Impl*>(SSL_get_app_data(ssl)); }

// SSL_CTX_set_cert_verify_callback: judges the peer's chain, time, trust domain and SAN (handshake_verify.cc).
int verify_peer(X509_STORE_CTX* context, void*);

}  // namespace weft::crypto
