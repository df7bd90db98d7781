// One TLS handshake by BoringSSL over memory, and what it leaves: secrets for our record layer, and the verified peer.
//
// Runs on handshake threads. One thread at a time; the object moves between threads inside a job.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "crypto/certificate.h"
#include "crypto/credentials.h"
#include "crypto/record_cipher.h"
#include "crypto/tls_failure.h"

namespace weft::crypto {

enum class TlsVersion : std::uint16_t { kTls12 = 0x0303, kTls13 = 0x0304 };

// What a peer's URI SAN must look like. Case-sensitive.
struct SanMatcher {
  enum class Kind : std::uint8_t { kExact, kPrefix, kSuffix, kContains };
  Kind kind = Kind::kExact;
  std::string value;
  bool matches(std::string_view san) const;
  std::string to_string() const;  // "exact spiffe://..."
};

struct TlsSettings {
  // Client: offered, in this order. Server: selects its first that the client offers; none common: no ALPN.
  // "istio-peer-exchange" is left out on both sides.
  std::vector<std::string> alpn;
  std::string sni;                        // client; empty: none sent
  bool require_client_certificate = true; // server; false: none is asked for
  std::vector<SanMatcher> peer_sans;      // any of; empty: every identity of a trusted domain
  // Client: a name of the server ("10.0.0.1:443"). An earlier session with it, under the same settings and credentials,
  // is resumed; its peer is judged again. Empty: neither resumed nor kept.
  std::string resumption_key;
  // Server: gives a ticket to a client whose certificate it verified, and resumes by it (TLS 1.3).
  bool session_tickets = false;
  TlsVersion min_version = TlsVersion::kTls13;
  TlsVersion max_version = TlsVersion::kTls13;
};

// The verified peer. Empty uri_san: a client that was not asked for a certificate.
struct PeerCertificate {
  std::string uri_san;  // SPIFFE ID
  std::vector<std::string> dns_sans;
  std::string subject;
  std::string serial;           // hex
  std::int64_t not_before = 0;  // unix_seconds
  std::int64_t not_after = 0;
  Fingerprint fingerprint{};
};

// Which hash the key schedule of a suite uses; 48 bytes fit both.
enum class HashKind : std::uint8_t { kSha256, kSha384 };
struct TrafficSecret {
  std::array<std::uint8_t, 48> bytes{};
  HashKind hash = HashKind::kSha256;
};

// One direction as the handshake left it: the secret and how many records were already protected with it.
struct DirectionState {
  Aead aead = Aead::kAes128Gcm;
  TrafficSecret secret;
  std::uint64_t sequence = 0;
};

struct HandshakeOutcome {
  TlsVersion version = TlsVersion::kTls13;
  std::string cipher_suite;  // "TLS_AES_128_GCM_SHA256"
  std::string alpn;          // negotiated; empty: none
  bool resumed = false;      // by a ticket: no certificate was shown, the earlier one was judged again
  PeerCertificate peer;
  DirectionState sending;    // TLS 1.3 only; with 1.2 the Handshake object itself seals and opens
  DirectionState receiving;
};

class Handshake {
 public:
  enum class Role : std::uint8_t { kClient, kServer };
  enum class State : std::uint8_t { kRunning, kDone, kFailed };

  // `unix_seconds`: the time at which certificates are judged.
  Handshake(Role role, std::shared_ptr<const Credentials> credentials, const TlsSettings& settings,
            std::int64_t unix_seconds);
  ~Handshake();
  Handshake(Handshake&&) noexcept;
  Handshake& operator=(Handshake&&) noexcept;

  // Goes on with whole records from `records`; stops at the end of the handshake. Returns how many bytes it consumed:
  // the rest is an incomplete record, or, when done(), the first bytes of the record layer. A client starts with an
  // empty input.
  std::size_t advance(ByteSpan records);
  // Bytes for the peer, alerts included; may be non-empty when failed.
  std::vector<std::uint8_t> take_output();

  State state() const;
  TlsFailure failure() const;
  const std::string& error() const;  // a sentence; empty unless failed
  // The alert description that the peer sent, if that is what ended it.
  std::optional<std::uint8_t> peer_alert() const;
  // REQUIRES: state() == kDone.
  const HandshakeOutcome& outcome() const;

  // TLS 1.2 only, REQUIRES kDone: BoringSSL's own record layer.
  bool seal(ByteSpan plaintext);                 // output by take_output()
  // Consumes all of `records`, whole or not; false: failed, see failure().
  bool open(ByteSpan records, std::vector<std::uint8_t>* plaintext, bool* peer_closed);
  void close_notify();

  // A client that may resume later, TLS 1.3, kDone: it lives on, small, for the server's tickets. Bounded for each
  // Credentials; destroy it when they came, or are not to be expected any more.
  bool waits_for_tickets() const;
  // Whole NewSessionTicket messages (RFC 8446 section 4.6.1, header included). Keeps their sessions with the
  // credentials; what is malformed is passed over. REQUIRES: waits_for_tickets().
  void take_tickets(ByteSpan messages);

  // What BoringSSL holds for it, roughly, in bytes.
  std::size_t memory() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::crypto
