#include "dataplane/tls/session.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "dataplane/tls/session_impl.h"

namespace weft::tls {

using crypto::TlsFailure;

namespace {

constexpr std::size_t kMaximumJobInput = 64 * 1024;

}  // namespace

bool Session::Impl::ready_for_job() const {
  if (handshake && !tickets.empty()) return open();
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

void Session::Impl::open_with(const crypto::HandshakeOutcome& outcome) {
  facts = std::make_unique<Facts>(
      Facts{outcome.peer, outcome.alpn, outcome.cipher_suite, outcome.version, outcome.resumed});
  state = State::kOpen;
  if (outcome.version == crypto::TlsVersion::kTls13) {
    records = std::make_unique<Records>(outcome);
    if (handshake && !handshake->waits_for_tickets()) handshake.reset();  // and `outcome` with it
  }
  if (!unsealed.empty()) send_application(std::move(unsealed));
  if (close_wanted && open()) send_close_notify();
  if (!received.empty()) receive(std::move(received));
}

// They come before the server's first bytes, or not at all: what waits for them may go.
void Session::Impl::expect_no_tickets() {
  if (records && tickets.empty()) handshake.reset();
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

std::unique_ptr<Session> Session::opened(crypto::Handshake::Role role, const crypto::HandshakeOutcome& outcome,
                                         const SessionContext& context) {
  auto impl = std::make_unique<Impl>(role, context);
  impl->open_with(outcome);
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
  if (s.open()) {
    *job = {.handshake = std::move(s.handshake), .input = std::move(s.tickets), .tickets = true};
    return true;
  }
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
    case crypto::Handshake::State::kDone: s.open_with(s.handshake->outcome()); break;
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
bool Session::resumed() const { return impl_->facts->resumed; }
bool Session::handshake_done() const { return impl_->facts != nullptr; }

std::size_t Session::memory() const {
  const Impl& s = *impl_;
  std::size_t sum = sizeof(Session) + sizeof(Impl);
  for (const ByteChain* chain : {&s.received, &s.unsealed, &s.plaintext, &s.ciphertext}) sum += chain->memory();
  sum += s.tickets.capacity();
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
