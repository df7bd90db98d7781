#include "dataplane/tls/session.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace weft::tls {

using crypto::TlsFailure;

namespace {

constexpr std::size_t kMaximumJobInput = 64 * 1024;
// Handshake messages after the handshake: tickets of at most 64 KB, and key updates.
constexpr std::uint32_t kMaximumMessage = 64 * 1024;
// BoringSSL's bound on key updates without application data between them.
constexpr unsigned kMaximumIdleKeyUpdates = 32;

enum class HandshakeType : std::uint8_t { kNewSessionTicket = 4, kKeyUpdate = 24 };
enum class KeyUpdateRequest : std::uint8_t { kNotRequested = 0, kRequested = 1 };
constexpr std::uint8_t kCloseNotify = 0;
constexpr std::uint8_t kUserCanceled = 90;

}  // namespace

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
  };

  crypto::Handshake::Role role;
  State state = State::kHandshaking;
  TlsFailure failure = TlsFailure::kNone;
  bool job_out = false;
  bool client_started = false;
  bool ended = false;        // no more ciphertext will come
  bool close_wanted = false; // close_notify() came before the handshake was done
  bool closed = false;       // our close_notify is sent
  std::uint32_t record_size = kMaximumPlaintext;
  SessionContext context;
  std::unique_ptr<crypto::Handshake> handshake;  // while it runs, and for good with TLS 1.2
  std::unique_ptr<Records> records;
  std::unique_ptr<Facts> facts;
  std::unique_ptr<std::string> error;
  ByteChain received;   // during the handshake
  ByteChain unsealed;   // application bytes given before the handshake was done
  ByteChain plaintext;
  ByteChain ciphertext;

  bool open() const { return state == State::kOpen || state == State::kPeerClosed; }
  void fail(TlsFailure reason, std::string_view detail = {});
  bool ready_for_job() const;
  void open_by(crypto::Handshake& done);
  void receive(ByteChain&& bytes);
  void receive_records();
  void receive_tls12(ByteChain&& bytes);
  void take(OpenedRecord&& record);
  void take_alert(const ByteChain& content);
  void take_handshake(const ByteChain& content);
  bool take_message(std::uint8_t type, ByteSpan body, bool last);
  void take_key_update(ByteSpan body, bool last);
  void send(ContentType type, ByteSpan message);
  void send_key_update(KeyUpdateRequest request);
  void send_application(ByteChain&& bytes);
  void send_close_notify();
  void emit(ByteSpan bytes);
  void check_end();
};

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

// --- The handshake ---

bool Session::Impl::ready_for_job() const {
  if (state != State::kHandshaking || job_out || !handshake) return false;
  if (role == crypto::Handshake::Role::kClient && !client_started) return true;
  if (received.size() < kRecordHeader) return false;
  std::array<std::uint8_t, kRecordHeader> header;
  received.copy_to(0, header);
  const std::size_t size = kRecordHeader + load_be16(header.data() + 3);
  // What cannot be a record is for the handshake to refuse, at once.
  const bool plausible = header[0] >= 20 && header[0] <= 23 && header[1] == 3;
  return !plausible || size > kMaximumJobInput || received.size() >= size;
}

void Session::Impl::open_by(crypto::Handshake& done) {
  const crypto::HandshakeOutcome& outcome = done.outcome();
  facts = std::make_unique<Facts>(Facts{outcome.peer, outcome.alpn, outcome.cipher_suite, outcome.version});
  state = State::kOpen;
  if (outcome.version == crypto::TlsVersion::kTls13) {
    records = std::make_unique<Records>(outcome);
    handshake.reset();
  }
  if (!unsealed.empty()) send_application(std::move(unsealed));
  if (close_wanted && open()) send_close_notify();
  if (!received.empty()) receive(std::move(received));
}

// --- Receiving ---

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
    if (!take_message(bytes[at], ByteSpan(bytes).subspan(at + 4, size), last)) return;
    at += 4 + size;
  }
  if (at < bytes.size()) records->message.assign(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end());
}

bool Session::Impl::take_message(std::uint8_t type, ByteSpan body, bool last) {
  if (type == static_cast<std::uint8_t>(HandshakeType::kKeyUpdate)) {
    take_key_update(body, last);
  } else if (type == static_cast<std::uint8_t>(HandshakeType::kNewSessionTicket) &&
             role == crypto::Handshake::Role::kClient) {
    return true;  // passed over: this side does not resume
  } else {
    fail(TlsFailure::kUnexpectedMessage, "handshake message " + std::to_string(type));
  }
  return state != State::kFailed;
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

// --- Sending ---

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

void Session::Impl::check_end() {
  if (!ended || job_out) return;
  if (state == State::kHandshaking && !ready_for_job()) fail(TlsFailure::kTruncated, "during the handshake");
  if (state == State::kOpen) fail(TlsFailure::kTruncated);
}

// --- The public face ---

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Session::~Session() {
  if (!impl_->records) return;
  impl_->records->sealer.traffic().forget(impl_->context.keys);
  impl_->records->opener.traffic().forget(impl_->context.keys);
}

std::unique_ptr<Session> Session::client(std::shared_ptr<const crypto::Credentials> credentials,
                                         const crypto::TlsSettings& settings, const SessionContext& context,
                                         std::int64_t unix_seconds) {
  auto impl = std::make_unique<Impl>(crypto::Handshake::Role::kClient, context);
  impl->handshake = std::make_unique<crypto::Handshake>(impl->role, std::move(credentials), settings, unix_seconds);
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

std::unique_ptr<Session> Session::server(std::shared_ptr<const crypto::Credentials> credentials,
                                         const crypto::TlsSettings& settings, const SessionContext& context,
                                         std::int64_t unix_seconds) {
  auto impl = std::make_unique<Impl>(crypto::Handshake::Role::kServer, context);
  impl->handshake = std::make_unique<crypto::Handshake>(impl->role, std::move(credentials), settings, unix_seconds);
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

void Session::on_ciphertext(ByteChain&& bytes) { impl_->receive(std::move(bytes)); }

void Session::on_ciphertext_end() {
  impl_->ended = true;
  impl_->check_end();
}

bool Session::poll_handshake_job(HandshakeJob* job) {
  Impl& s = *impl_;
  if (!s.ready_for_job()) return false;
  const std::size_t size = std::min(s.received.size(), kMaximumJobInput);
  job->input.resize(size);
  s.received.copy_to(0, job->input);
  job->handshake = std::move(s.handshake);
  s.job_out = true;
  s.client_started = true;
  return true;
}

void Session::on_handshake_result(HandshakeResult&& result) {
  Impl& s = *impl_;
  s.job_out = false;
  if (s.state != State::kHandshaking) return;
  if (!result.handshake) return s.fail(TlsFailure::kHandshakeOverload);
  s.handshake = std::move(result.handshake);
  s.received.drop_front(result.consumed);
  if (!result.output.empty()) s.emit(result.output);
  if (s.state != State::kHandshaking) return;
  switch (s.handshake->state()) {
    case crypto::Handshake::State::kRunning: break;
    case crypto::Handshake::State::kDone: s.open_by(*s.handshake); break;
    case crypto::Handshake::State::kFailed: {
      const std::string text = s.handshake->error();
      s.fail(s.handshake->failure());
      *s.error = text;
      break;
    }
  }
  s.check_end();
}

ByteChain Session::take_ciphertext() { return std::move(impl_->ciphertext); }
ByteChain Session::take_plaintext() { return std::move(impl_->plaintext); }
std::size_t Session::queued_plaintext() const { return impl_->plaintext.size(); }

std::size_t Session::queued_ciphertext() const {
  return impl_->received.size() + (impl_->records ? impl_->records->opener.received().size() : 0);
}

void Session::seal(ByteChain&& plaintext) {
  Impl& s = *impl_;
  if (s.state == State::kHandshaking) {
    if (!s.close_wanted) s.unsealed.append(std::move(plaintext));
  } else if (s.open()) {
    s.send_application(std::move(plaintext));
  }
}

void Session::set_record_size(std::uint32_t bytes) {
  impl_->record_size = std::clamp<std::uint32_t>(bytes, 1, kMaximumPlaintext);
}

void Session::close_notify() {
  impl_->close_wanted = true;
  if (impl_->open()) impl_->send_close_notify();
}

void Session::request_key_update() {
  if (!impl_->open() || !impl_->records || impl_->closed) return;
  // After the peer's close_notify nobody would answer: then only our own direction changes.
  const bool both = impl_->state == State::kOpen;
  impl_->send_key_update(both ? KeyUpdateRequest::kRequested : KeyUpdateRequest::kNotRequested);
}

Session::State Session::state() const { return impl_->state; }
TlsFailure Session::failure() const { return impl_->failure; }
std::string_view Session::error() const { return impl_->error ? std::string_view(*impl_->error) : std::string_view(); }

const crypto::PeerCertificate& Session::peer() const {
  assert(impl_->facts);
  return impl_->facts->peer;
}
std::string_view Session::alpn() const { return impl_->facts->alpn; }
crypto::TlsVersion Session::version() const { return impl_->facts->version; }
std::string_view Session::cipher_suite() const { return impl_->facts->cipher_suite; }
bool Session::handshake_done() const { return impl_->facts != nullptr; }

std::size_t Session::memory() const {
  const Impl& s = *impl_;
  std::size_t sum = sizeof(Session) + sizeof(Impl);
  for (const ByteChain* chain : {&s.received, &s.unsealed, &s.plaintext, &s.ciphertext}) sum += chain->memory();
  if (s.handshake) sum += s.handshake->memory();
  if (s.records) sum += sizeof(Impl::Records) + s.records->opener.received().memory() + s.records->message.capacity();
  if (s.facts) {
    sum += sizeof(Impl::Facts);
    for (const std::string* text : {&s.facts->peer.uri_san, &s.facts->peer.subject, &s.facts->peer.serial,
                                    &s.facts->alpn, &s.facts->cipher_suite}) {
      sum += text->capacity();
    }
  }
  if (s.error) sum += sizeof(std::string) + s.error->capacity();
  return sum;
}

}  // namespace weft::tls
