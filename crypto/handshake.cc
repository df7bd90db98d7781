#include "crypto/handshake.h"

#include <algorithm>
#include <utility>

#include "crypto/handshake_impl.h"

namespace weft::crypto {

using namespace boring;

namespace {

using Impl = Handshake::Impl;

// A flight with a long chain is some 10 KB; BoringSSL's own limit on a certificate list is 100 KB.
constexpr std::size_t kMaximumHandshake = 128 * 1024;
constexpr std::size_t kHeader = 5;
// TLS 1.2's TLSCiphertext (RFC 5246 section 6.2.3); 1.3 allows 256 more than the plaintext,
// BoringSSL checks that.
constexpr std::size_t kMaximumFragment = 16384 + 2048;
std::string alpn_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& p : protocols) {
    if (p.empty() || p.size() > 255 || p == kPeerExchange) continue;
    wire += static_cast<char>(p.size());
    wire += p;
  }
  return wire;
}

std::optional<Aead> aead_of(const SSL_CIPHER* cipher) {
  switch (SSL_CIPHER_get_protocol_id(cipher)) {
    case 0x1301:
      return Aead::kAes128Gcm;
    case 0x1302:
      return Aead::kAes256Gcm;
    case 0x1303:
      return Aead::kChaCha20Poly1305;
    default:
      return std::nullopt;
  }
}

bool is_version_reason(int reason) {
  return reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_NO_SUPPORTED_VERSIONS_ENABLED ||
         reason == SSL_R_WRONG_SSL_VERSION || reason == SSL_R_INAPPROPRIATE_FALLBACK;
}

bool copy_secret(bssl::Span<const std::uint8_t> from, TrafficSecret& to) {
  if (from.size() != 32 && from.size() != 48) return false;
  to.hash = from.size() == 32 ? HashKind::kSha256 : HashKind::kSha384;
  std::copy(from.begin(), from.end(), to.bytes.begin());
  return true;
}

}  // namespace

Impl::~Impl() {
  if (waits_for_tickets) credentials->contexts().waiting.fetch_sub(1);
  OPENSSL_cleanse(outcome.sending.secret.bytes.data(), outcome.sending.secret.bytes.size());
  OPENSSL_cleanse(outcome.receiving.secret.bytes.data(), outcome.receiving.secret.bytes.size());
}

bool Impl::begin() {
  const bool client = role == Role::kClient;
  const auto& contexts = credentials->contexts();
  ssl.reset(SSL_new(client ? contexts.client.get() : contexts.server.get()));
  if (!ssl) return false;
  SSL_set_app_data(ssl.get(), this);
  in = BIO_new(BIO_s_mem());
  out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), in, out);
  SSL_set_shed_handshake_config(ssl.get(), 1);
  if (SSL_set_min_proto_version(ssl.get(), static_cast<std::uint16_t>(settings.min_version)) != 1 ||
      SSL_set_max_proto_version(ssl.get(), static_cast<std::uint16_t>(settings.max_version)) != 1) {
    return false;
  }
  begin_resumption();
  if (!client) {
    const int required = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_set_custom_verify(
        ssl.get(), settings.require_client_certificate ? required : SSL_VERIFY_NONE, verify_peer);
    SSL_set_accept_state(ssl.get());
    return true;
  }
  SSL_set_custom_verify(ssl.get(), SSL_VERIFY_PEER, verify_peer);
  SSL_set_connect_state(ssl.get());
  if (!settings.sni.empty()) SSL_set_tlsext_host_name(ssl.get(), settings.sni.c_str());
  const std::string wire = alpn_wire(settings.alpn);
  return SSL_set_alpn_protos(ssl.get(), as_bytes(wire).data(), wire.size()) == 0;
}

void Impl::drain_output() {
  if (!ssl || out == nullptr) return;
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  if (BIO_mem_contents(out, &data, &size) == 1) output.insert(output.end(), data, data + size);
  (void)BIO_reset(out);
}

void Impl::fail(TlsFailure reason, std::string text) {
  state = State::kFailed;
  failure = reason;
  error = std::string(to_string(reason));
  if (!text.empty()) error += ": " + text;
  drain_output();
  ssl.reset();
}

void Impl::fail_by_library(int ssl_error) {
  const std::uint32_t code = ERR_peek_last_error();
  const int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
  ERR_clear_error();
  if (verify_failure != TlsFailure::kNone) return fail(verify_failure, verify_error);
  if (ssl_error == SSL_ERROR_ZERO_RETURN) peer_alert = 0;
  if (reason >= SSL_AD_REASON_OFFSET)
    peer_alert = static_cast<std::uint8_t>(reason - SSL_AD_REASON_OFFSET);
  if (peer_alert) return fail(TlsFailure::kPeerAlert, std::string(alert_name(*peer_alert)));
  if (is_version_reason(reason)) return fail(TlsFailure::kVersionRefused, reason_text(code));
  if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
    return fail(TlsFailure::kNoPeerCertificate, {});
  fail(TlsFailure::kHandshakeFailed, reason_text(code));
}

void Impl::step() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl.get());
  if (result == 1) return finish();
  const int error_code = SSL_get_error(ssl.get(), result);
  if (error_code != SSL_ERROR_WANT_READ) fail_by_library(error_code);
}

void Impl::finish() {
  const bool v13 = SSL_version(ssl.get()) == TLS1_3_VERSION;
  outcome.resumed = SSL_session_reused(ssl.get()) != 0;
  if (outcome.resumed && role == Role::kServer && !admit_resumed_client()) return;
  outcome.version = v13 ? TlsVersion::kTls13 : TlsVersion::kTls12;
  outcome.cipher_suite = SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl.get()));
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl.get(), &alpn, &alpn_size);
  outcome.alpn.assign(as_text({alpn, alpn_size}));
  state = State::kDone;
  if (!v13) return;
  // BoringSSL keeps tickets back until something is written: nothing is, here.
  if (role == Role::kServer) SSL_write(ssl.get(), "", 0);
  if (!take_secrets()) {
    return fail(TlsFailure::kHandshakeFailed, "BoringSSL did not hand over the traffic secrets");
  }
  drain_output();
  if (!wait_for_tickets()) ssl.reset();
}

bool Impl::take_secrets() {
  const std::optional<Aead> aead = aead_of(SSL_get_current_cipher(ssl.get()));
  bssl::Span<const std::uint8_t> reading, writing;
  if (!aead || SSL_has_pending(ssl.get()) != 0 ||
      !bssl::SSL_get_traffic_secrets(ssl.get(), &reading, &writing)) {
    return false;
  }
  outcome.sending = {*aead, {}, SSL_get_write_sequence(ssl.get())};
  outcome.receiving = {*aead, {}, SSL_get_read_sequence(ssl.get())};
  return copy_secret(writing, outcome.sending.secret) &&
         copy_secret(reading, outcome.receiving.secret);
}

Handshake::Handshake(Role role, std::shared_ptr<const Credentials> credentials,
                     const TlsSettings& settings, std::int64_t unix_seconds)
    : impl_(std::make_unique<Impl>()) {
  impl_->role = role;
  impl_->credentials = std::move(credentials);
  impl_->settings = settings;
  impl_->unix_seconds = unix_seconds;
}
Handshake::~Handshake() = default;
Handshake::Handshake(Handshake&&) noexcept = default;
Handshake& Handshake::operator=(Handshake&&) noexcept = default;

std::size_t Handshake::advance(ByteSpan records) {
  Impl& h = *impl_;
  if (h.state != State::kRunning) return 0;
  if (!h.ssl) {
    if (!h.begin()) {
      h.fail(TlsFailure::kHandshakeFailed, take_error());
      return 0;
    }
    if (h.role == Role::kClient) h.step();
  }
  // One record at a time: BoringSSL must never see, and decrypt, a record that belongs to our
  // record layer.
  std::size_t consumed = 0;
  while (h.state == State::kRunning && records.size() - consumed >= kHeader) {
    const std::uint8_t* p = records.data() + consumed;
    const std::size_t size = kHeader + load_be16(p + 3);
    if (p[0] < 20 || p[0] > 23 || p[1] != 3 || size > kHeader + kMaximumFragment) {
      h.fail(TlsFailure::kMalformedRecord, "not a TLS record: " + to_hex({p, kHeader}));
      break;
    }
    if (records.size() - consumed < size) break;
    BIO_write(h.in, p, static_cast<int>(size));
    consumed += size;
    h.consumed_total += size;
    h.step();
    if (h.state == State::kRunning && h.consumed_total > kMaximumHandshake) {
      h.fail(TlsFailure::kHandshakeTooLong, std::to_string(h.consumed_total) + " bytes");
    }
  }
  return consumed;
}

std::vector<std::uint8_t> Handshake::take_output() {
  impl_->drain_output();
  return std::exchange(impl_->output, {});
}

Handshake::State Handshake::state() const { return impl_->state; }
TlsFailure Handshake::failure() const { return impl_->failure; }
const std::string& Handshake::error() const { return impl_->error; }
std::optional<std::uint8_t> Handshake::peer_alert() const { return impl_->peer_alert; }
const HandshakeOutcome& Handshake::outcome() const { return impl_->outcome; }

bool Handshake::seal(ByteSpan plaintext) {
  Impl& h = *impl_;
  if (plaintext.empty()) return true;
  ERR_clear_error();
  const int size = static_cast<int>(std::min<std::size_t>(plaintext.size(), 1 << 30));
  const int result = SSL_write(h.ssl.get(), plaintext.data(), size);
  if (result == size)
    return static_cast<std::size_t>(size) == plaintext.size() || seal(plaintext.subspan(size));
  h.fail_by_library(SSL_get_error(h.ssl.get(), result));
  return false;
}

bool Handshake::open(ByteSpan records, std::vector<std::uint8_t>* plaintext, bool* peer_closed) {
  Impl& h = *impl_;
  BIO_write(h.in, records.data(), static_cast<int>(records.size()));
  for (;;) {
    std::uint8_t buffer[16384];
    ERR_clear_error();
    const int result = SSL_read(h.ssl.get(), buffer, sizeof buffer);
    if (result > 0) {
      plaintext->insert(plaintext->end(), buffer, buffer + result);
      continue;
    }
    const int error_code = SSL_get_error(h.ssl.get(), result);
    if (error_code == SSL_ERROR_WANT_READ) return true;
    if (error_code == SSL_ERROR_ZERO_RETURN) {
      *peer_closed = true;
      return true;
    }
    h.fail_by_library(error_code);
    return false;
  }
}

void Handshake::close_notify() {
  if (impl_->ssl) SSL_shutdown(impl_->ssl.get());
}

std::size_t Handshake::memory() const {
  // BoringSSL's objects hold 7 KB at a client and 9 KB at a server during a handshake, and 4 KB
  // where they wait for tickets (measured).
  const std::size_t object = impl_->waits_for_tickets ? 4 * 1024 : 8 * 1024;
  return sizeof(Impl) + (impl_->ssl ? object : 0) + impl_->output.capacity();
}

}  // namespace weft::crypto
