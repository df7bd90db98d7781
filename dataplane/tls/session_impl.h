// Inside a Session. Included by session*.cc only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/tls/session.h"

namespace weft::tls {

enum class HandshakeType : std::uint8_t { kNewSessionTicket = 4, kKeyUpdate = 24 };
enum class KeyUpdateRequest : std::uint8_t { kNotRequested = 0, kRequested = 1 };
inline constexpr std::uint8_t kCloseNotify = 0;
inline constexpr std::uint8_t kUserCanceled = 90;

struct Session::Impl {
  Impl(crypto::Handshake::Role the_role, const SessionContext& the_context) : role(the_role), context(the_context) {}

  // After the handshake, TLS 1.3: all that a connection needs.
  struct Records {
    explicit Records(const crypto::HandshakeOutcome& outcome)
        : sealer(outcome.sending), opener(outcome.receiving) {}
    RecordSealer sealer;
    RecordOpener opener;
    std::vector<std::uint8_t> message;  // a handshake message that is not whole yet
    unsigned idle_key_updates = 0;
  };
  struct Facts {
    crypto::PeerCertificate peer;
    std::string alpn;
    std::string cipher_suite;
    crypto::TlsVersion version;
    bool resumed;
  };

  crypto::Handshake::Role role;
  State state = State::kHandshaking;
  crypto::TlsFailure failure = crypto::TlsFailure::kNone;
  bool job_out = false;
  bool client_started = false;
  bool ended = false;        // no more ciphertext will come
  bool close_wanted = false; // close_notify() came before the handshake was done
  bool closed = false;       // our close_notify is sent
  std::uint32_t record_size = kMaximumPlaintext;
  SessionContext context;
  // While it runs; for good with TLS 1.2; and until the server's tickets came, where a client may resume.
  std::unique_ptr<crypto::Handshake> handshake;
  std::vector<std::uint8_t> tickets;  // for it
  std::unique_ptr<Records> records;
  std::unique_ptr<Facts> facts;
  std::unique_ptr<std::string> error;
  ByteChain received;   // during the handshake
  ByteChain unsealed;   // application bytes given before the handshake was done
  ByteChain plaintext;
  ByteChain ciphertext;

  bool open() const { return state == State::kOpen || state == State::kPeerClosed; }
  void fail(crypto::TlsFailure reason, std::string_view detail = {});
  bool ready_for_job() const;
  void open_with(const crypto::HandshakeOutcome& outcome);
  void expect_no_tickets();
  void receive(ByteChain&& bytes);
  void receive_records();
  void receive_tls12(ByteChain&& bytes);
  void take(OpenedRecord&& record);
  void take_alert(const ByteChain& content);
  void take_handshake(const ByteChain& content);
  bool take_message(ByteSpan message, bool last);
  void keep_ticket(ByteSpan message);
  void take_key_update(ByteSpan body, bool last);
  void send(ContentType type, ByteSpan message);
  void send_key_update(KeyUpdateRequest request);
  void send_application(ByteChain&& bytes);
  void send_close_notify();
  void emit(ByteSpan bytes);
  void check_end();
};

}  // namespace weft::tls
