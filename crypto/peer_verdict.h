// Who the peer is, from the certificates that it sent: judged by OpenSSL's X.509 code, whoever did
// the handshake.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "crypto/credentials.h"
#include "crypto/handshake.h"
#include "crypto/tls_failure.h"

namespace weft::crypto {

struct PeerQuestion {
  const Credentials& ours;
  Handshake::Role role;            // ours
  std::span<const ByteSpan> sent;  // DER, leaf first
  const std::vector<SanMatcher>& expected;
  std::int64_t unix_seconds;
};

struct PeerVerdict {
  TlsFailure failure = TlsFailure::kNone;
  std::uint8_t alert = 0;  // to send for the failure
  std::string text;
  PeerCertificate peer;  // when there is no failure
};

// Any thread.
PeerVerdict judge_peer(const PeerQuestion& question);

}  // namespace weft::crypto
