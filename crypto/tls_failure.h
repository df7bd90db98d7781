// Every way a TLS connection ends that is not orderly, by name: one table for the handshake and the record layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft::crypto {

// X(enumerator, text for logs and `weftctl explain`, alert that we send: RFC 8446 section 6; 255: none)
#define WEFT_TLS_FAILURES(X)                                                                 \
  X(kNone, "none", 255)                                                                      \
  X(kMalformedRecord, "malformed TLS record", 50)                                            \
  X(kRecordOverflow, "TLS record too long", 22)                                              \
  X(kBadRecordMac, "TLS record does not authenticate", 20)                                   \
  X(kUnexpectedMessage, "unexpected TLS message", 10)                                        \
  X(kMalformedMessage, "malformed TLS message", 50)                                          \
  X(kPeerAlert, "peer sent a TLS alert", 255)                                                \
  X(kTruncated, "connection ended without close_notify", 255)                                \
  X(kSequenceExhausted, "record sequence numbers exhausted", 80)                             \
  X(kTooManyKeyUpdates, "peer floods key updates", 10)                                       \
  X(kVersionRefused, "TLS version refused", 70)                                              \
  X(kHandshakeFailed, "TLS handshake failed", 255)                                           \
  X(kHandshakeTooLong, "TLS handshake too long", 255)                                        \
  X(kHandshakeOverload, "handshake threads overloaded", 255)                                 \
  X(kNoPeerCertificate, "peer sent no certificate", 255)                                     \
  X(kPeerCertificateExpired, "peer certificate expired", 255)                                \
  X(kPeerCertificateNotYetValid, "peer certificate not yet valid", 255)                      \
  X(kPeerUnknownCa, "peer certificate signed by an unknown CA", 255)                         \
  X(kPeerBadCertificate, "peer certificate invalid", 255)                                    \
  X(kPeerNoUriSan, "peer certificate has no SPIFFE URI SAN", 255)                            \
  X(kPeerOtherTrustDomain, "peer certificate of another trust domain", 255)                  \
  X(kPeerSanMismatch, "peer certificate has an unexpected identity", 255)                    \
  X(kNoMemory, "no buffer for a TLS record", 80)

enum class TlsFailure : std::uint8_t {
#define X(name, text, alert) name,
  WEFT_TLS_FAILURES(X)
#undef X
};
inline constexpr std::size_t kTlsFailureCount = static_cast<std::size_t>(TlsFailure::kNoMemory) + 1;

std::string_view to_string(TlsFailure failure);
// The alert description to send for it; 255: none (the handshake has sent its own, or nobody is there to read it).
std::uint8_t alert_of(TlsFailure failure);
// "bad_certificate", as RFC 8446 names it; "alert N" for an unknown one.
std::string_view alert_name(std::uint8_t description);

}  // namespace weft::crypto
