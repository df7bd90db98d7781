// One TLS connection without I/O: ciphertext in and out on one side, plaintext on the other, handshake steps as jobs.
//
//   on_ciphertext(bytes); while (poll_handshake_job(&job)) { job.session = id; executor.submit(std::move(job)); }
//   executor.poll(&result) -> on_handshake_result(std::move(result));
//   take_ciphertext() -> TCP;  take_plaintext() -> the other leg;  seal(bytes from the other leg)
//
// Belongs to one worker. After the handshake it holds raw keys and counters only; BoringSSL's object is freed (TLS
// 1.3).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_chain.h"
#include "crypto/credentials.h"
#include "crypto/handshake.h"
#include "crypto/record_cipher.h"
#include "dataplane/tls/handshake_executor.h"
#include "dataplane/tls/record.h"

namespace weft::tls {

class Session {
 public:
  enum class State : std::uint8_t {
    kHandshaking,
    kOpen,
    kPeerClosed,  // peer's close_notify arrived; we may still send
    kFailed,      // see failure(); take_ciphertext() may hold an alert to send before closing
  };

  // `unix_seconds`: wall clock now, at which the peer's certificate is judged.
  static std::unique_ptr<Session> client(std::shared_ptr<const crypto::Credentials> credentials,
                                         const crypto::TlsSettings& settings, const SessionContext& context,
                                         std::int64_t unix_seconds);
  static std::unique_ptr<Session> server(std::shared_ptr<const crypto::Credentials> credentials,
                                         const crypto::TlsSettings& settings, const SessionContext& context,
                                         std::int64_t unix_seconds);
  // A connection whose handshake was done elsewhere: what a restarted process takes over. REQUIRES: TLS 1.3.
  static std::unique_ptr<Session> opened(crypto::Handshake::Role role, const crypto::HandshakeOutcome& outcome,
                                         const SessionContext& context);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // In any state; order is kept. While a handshake job is out the bytes wait: stop reading from TCP when
  // queued_ciphertext() exceeds what you want to hold (beyond kMaximumQueued the session fails).
  void on_ciphertext(ByteChain&& bytes);
  // TCP's FIN: without a close_notify before it the session fails as truncated (RFC 8446 section 6.1).
  void on_ciphertext_end();

  // A client has a job at once, and where it may resume later one more when the server's tickets came. At most one job
  // is out at a time.
  bool poll_handshake_job(HandshakeJob* job);
  void on_handshake_result(HandshakeResult&& result);

  // Bytes for the peer; empty when there are none. Valid in every state.
  ByteChain take_ciphertext();
  // Application bytes in order. Empty when none are whole yet.
  ByteChain take_plaintext();
  std::size_t queued_plaintext() const;
  std::size_t queued_ciphertext() const;

  // Application bytes to send, sealed at once (before the handshake is done: kept and sealed then; bound it yourself).
  // In place where slices are exclusive and leave room, else into fresh buffers. After close_notify() or failure it
  // drops them.
  void seal(ByteChain&& plaintext);
  // Records of at most this many plaintext bytes; the proxy sets it from the congestion window. Default 16384.
  void set_record_size(std::uint32_t bytes);
  // Ends our sending direction; the other goes on. Idempotent.
  void close_notify();
  // Ask for fresh keys in both directions (RFC 8446 section 4.6.3). REQUIRES: kOpen or kPeerClosed, TLS 1.3.
  void request_key_update();

  State state() const;
  bool is_open() const { return state() == State::kOpen || state() == State::kPeerClosed; }
  crypto::TlsFailure failure() const;
  std::string_view error() const;  // a sentence for log and explain; empty unless failed

  // The handshake was completed, now or before a failure.
  bool handshake_done() const;
  // REQUIRES: handshake_done().
  const crypto::PeerCertificate& peer() const;
  std::string_view alpn() const;
  crypto::TlsVersion version() const;
  std::string_view cipher_suite() const;
  bool resumed() const;  // by a ticket of an earlier session

  // Everything this session holds, in bytes: itself, queues (buffer capacity), BoringSSL's object while it lives.
  std::size_t memory() const;

  static constexpr std::size_t kMaximumQueued = 256 * 1024;  // ciphertext bytes while the handshake runs

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::tls
