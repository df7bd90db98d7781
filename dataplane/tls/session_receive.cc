// What arrives after the handshake: records, alerts, tickets, key updates (RFC 8446 sections 4.6, 5, 6).
#include <array>
#include <utility>

#include "dataplane/tls/session_impl.h"

namespace weft::tls {

using crypto::TlsFailure;

namespace {

// Handshake messages after the handshake: tickets of at most 64 KB, and key updates.
constexpr std::uint32_t kMaximumMessage = 64 * 1024;
// Of tickets that wait for their job, in bytes: one carries a client's chain of certificates, a kilobyte or two.
constexpr std::size_t kMaximumTickets = 16 * 1024;
// BoringSSL's bound on key updates without application data between them.
constexpr unsigned kMaximumIdleKeyUpdates = 32;

}  // namespace

void Session::Impl::receive(ByteChain&& bytes) {
  switch (state) {
    case State::kHandshaking:
      received.append(std::move(bytes));
      if (received.size() > kMaximumQueued) {
        fail(TlsFailure::kHandshakeTooLong, std::to_string(received.size()) + " bytes are waiting");
      }
      return;
    case State::kOpen:
      if (!records) return receive_tls12(std::move(bytes));
      records->opener.push(std::move(bytes));
      return receive_records();
    case State::kPeerClosed:  // RFC 8446 section 6.1: data after a closure alert is ignored
    case State::kFailed: return;
  }
}

void Session::Impl::receive_records() {
  while (state == State::kOpen) {
    OpenedRecord record;
    const auto opened = records->opener.next(context, &record);
    if (!opened) return fail(opened.error());
    if (!*opened) return;
    take(std::move(record));
  }
}

void Session::Impl::take(OpenedRecord&& record) {
  // Section 5.1: nothing may stand between the fragments of a handshake message.
  if (!records->message.empty() && record.type != ContentType::kHandshake) {
    return fail(TlsFailure::kUnexpectedMessage, "record between the parts of a handshake message");
  }
  switch (record.type) {
    case ContentType::kApplicationData:
      if (!record.content.empty()) records->idle_key_updates = 0;
      expect_no_tickets();
      plaintext.append(std::move(record.content));
      return;
    case ContentType::kAlert: return take_alert(record.content);
    case ContentType::kHandshake: return take_handshake(record.content);
    default: return fail(TlsFailure::kUnexpectedMessage, "content type");
  }
}

void Session::Impl::take_alert(const ByteChain& content) {
  std::array<std::uint8_t, 2> alert;
  if (content.size() != alert.size()) return fail(TlsFailure::kMalformedMessage, "alert");
  content.copy_to(0, alert);
  // Section 6: the level is ignored; all but these two are fatal.
  if (alert[1] == kUserCanceled) return;
  if (alert[1] != kCloseNotify) return fail(TlsFailure::kPeerAlert, crypto::alert_name(alert[1]));
  state = State::kPeerClosed;
  records->opener.clear();
  expect_no_tickets();
}

void Session::Impl::take_handshake(const ByteChain& content) {
  if (content.empty()) return fail(TlsFailure::kUnexpectedMessage, "empty handshake record");
  std::vector<std::uint8_t> bytes = std::move(records->message);
  records->message.clear();
  const std::size_t before = bytes.size();
  bytes.resize(before + content.size());
  content.copy_to(0, MutableByteSpan(bytes).subspan(before));
  std::size_t at = 0;
  while (bytes.size() - at >= 4) {
    const std::uint32_t size = load_be24(bytes.data() + at + 1);
    if (size > kMaximumMessage) return fail(TlsFailure::kMalformedMessage, "handshake message too long");
    if (bytes.size() - at < 4 + size) break;
    const bool last = at + 4 + size == bytes.size();
    if (!take_message(ByteSpan(bytes).subspan(at, 4 + size), last)) return;
    at += 4 + size;
  }
  if (at < bytes.size()) records->message.assign(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end());
}

bool Session::Impl::take_message(ByteSpan message, bool last) {
  const std::uint8_t type = message[0];
  if (type == static_cast<std::uint8_t>(HandshakeType::kKeyUpdate)) {
    take_key_update(message.subspan(4), last);
  } else if (type == static_cast<std::uint8_t>(HandshakeType::kNewSessionTicket) &&
             role == crypto::Handshake::Role::kClient) {
    keep_ticket(message);
  } else {
    fail(TlsFailure::kUnexpectedMessage, "handshake message " + std::to_string(type));
  }
  return state != State::kFailed;
}

void Session::Impl::keep_ticket(ByteSpan message) {
  // Passed over by who does not resume, or has what it needs.
  if (!handshake || tickets.size() + message.size() > kMaximumTickets) return;
  tickets.insert(tickets.end(), message.begin(), message.end());
}

// Section 4.6.3; section 5.1: a message before a key change ends its record.
void Session::Impl::take_key_update(ByteSpan body, bool last) {
  if (body.size() != 1 || body[0] > 1) return fail(TlsFailure::kMalformedMessage, "KeyUpdate");
  if (!last) return fail(TlsFailure::kUnexpectedMessage, "bytes after a KeyUpdate in its record");
  if (++records->idle_key_updates > kMaximumIdleKeyUpdates) return fail(TlsFailure::kTooManyKeyUpdates);
  records->opener.traffic().update(context.keys);
  if (body[0] == static_cast<std::uint8_t>(KeyUpdateRequest::kRequested) && !closed) {
    send_key_update(KeyUpdateRequest::kNotRequested);
  }
}

void Session::Impl::receive_tls12(ByteChain&& bytes) {
  std::vector<std::uint8_t> input(bytes.size());
  bytes.copy_to(0, input);
  std::vector<std::uint8_t> opened;
  bool peer_closed = false;
  const bool good = handshake->open(input, &opened, &peer_closed);
  const std::vector<std::uint8_t> answer = handshake->take_output();
  if (!answer.empty()) emit(answer);
  ByteChain text = ByteChain::copy_of(opened, context.pool);
  const bool copied = text.size() == opened.size();
  plaintext.append(std::move(text));
  if (!good && handshake) return fail(handshake->failure(), handshake->error());
  if (!copied) return fail(TlsFailure::kNoMemory);
  if (peer_closed && state == State::kOpen) state = State::kPeerClosed;
}

}  // namespace weft::tls
