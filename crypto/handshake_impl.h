// Inside a Handshake. Included by this room's .cc files that are compiled against BoringSSL.
#pragma once

#include <string>
#include <string_view>

#include "crypto/handshake.h"
#include "crypto/tls_contexts.h"

namespace weft::crypto {

// Istio's metadata exchange: its preamble is a protocol of its own, which we do not speak.
inline constexpr std::string_view kPeerExchange = "istio-peer-exchange";

struct Handshake::Impl {
  Role role;
  State state = State::kRunning;
  std::shared_ptr<const Credentials> credentials;
  TlsSettings settings;
  std::int64_t unix_seconds = 0;

  bssl::UniquePtr<SSL> ssl;  // freed at the end of a TLS 1.3 handshake, or with its tickets
  BIO* in = nullptr;         // owned by ssl
  BIO* out = nullptr;
  std::vector<std::uint8_t> output;  // taken from `out` before ssl was freed
  std::size_t consumed_total = 0;

  // Left by the verification of the peer.
  TlsFailure verify_failure = TlsFailure::kNone;
  std::string verify_error;

  std::optional<std::uint8_t> peer_alert;
  // Of a client that may resume: where its sessions are kept, and that it lives on for the server's
  // tickets.
  std::string store_key;
  bool waits_for_tickets = false;

  TlsFailure failure = TlsFailure::kNone;
  std::string error;
  HandshakeOutcome outcome;

  ~Impl();
  bool begin();
  void step();
  void finish();
  bool take_secrets();
  void fail(TlsFailure reason, std::string text);
  void fail_by_library(int ssl_error);
  void drain_output();

  // resumption.cc
  void begin_resumption();
  void
  bound_session();  // after a peer was found good: a ticket lives no longer than both certificates
  bool admit_resumed_client();  // false: failed
  bool wait_for_tickets();      // false: not this one, its object may go
};

// Callbacks (handshake_callbacks.cc).
ssl_verify_result_t verify_peer(SSL* ssl, std::uint8_t* alert);

}  // namespace weft::crypto
