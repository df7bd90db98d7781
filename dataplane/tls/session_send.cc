// What a session says: application data, alerts, key updates, and its own end.
#include <array>
#include <utility>

#include "dataplane/tls/session_impl.h"

namespace weft::tls {

using crypto::TlsFailure;

void Session::Impl::fail(TlsFailure reason, std::string_view detail) {
  if (state == State::kFailed) return;
  const std::uint8_t alert = crypto::alert_of(reason);
  if (records && !closed && alert != 255 && reason != TlsFailure::kNoMemory) {
    const std::array<std::uint8_t, 2> fatal = {2, alert};
    (void)records->sealer.seal(context, ContentType::kAlert, fatal, &ciphertext);
    closed = true;
  }
  state = State::kFailed;
  failure = reason;
  error = std::make_unique<std::string>(crypto::to_string(reason));
  if (!detail.empty()) error->append(": ").append(detail);
  received.clear();
  unsealed.clear();
  if (records) {
    records->sealer.traffic().forget(context.keys);
    records->opener.traffic().forget(context.keys);
    records.reset();
  }
  handshake.reset();
}

void Session::Impl::emit(ByteSpan bytes) {
  ByteChain copy = ByteChain::copy_of(bytes, context.pool);
  const bool whole = copy.size() == bytes.size();
  ciphertext.append(std::move(copy));
  if (!whole) fail(TlsFailure::kNoMemory);
}

void Session::Impl::send(ContentType type, ByteSpan message) {
  if (!records->sealer.seal(context, type, message, &ciphertext)) fail(TlsFailure::kNoMemory);
}

void Session::Impl::send_key_update(KeyUpdateRequest request) {
  const std::array<std::uint8_t, 5> message = {static_cast<std::uint8_t>(HandshakeType::kKeyUpdate), 0, 0, 1,
                                               static_cast<std::uint8_t>(request)};
  send(ContentType::kHandshake, message);
  if (records) records->sealer.traffic().update(context.keys);
}

void Session::Impl::send_application(ByteChain&& bytes) {
  if (closed) return;
  if (!records) {
    std::vector<std::uint8_t> copy(bytes.size());
    bytes.copy_to(0, copy);
    if (!handshake->seal(copy)) return fail(handshake->failure(), handshake->error());
    return emit(handshake->take_output());
  }
  if (records->sealer.traffic().sequence() >= TrafficState::kRecordsPerKey) {
    send_key_update(KeyUpdateRequest::kNotRequested);
    if (!records) return;
  }
  if (!records->sealer.seal(context, ContentType::kApplicationData, std::move(bytes), record_size, &ciphertext)) {
    fail(TlsFailure::kNoMemory);
  }
}

void Session::Impl::send_close_notify() {
  if (closed) return;
  closed = true;
  if (records) {
    const std::array<std::uint8_t, 2> alert = {1, kCloseNotify};
    send(ContentType::kAlert, alert);
  } else {
    handshake->close_notify();
    emit(handshake->take_output());
  }
}

}  // namespace weft::tls
