#include "crypto/handshake.h"

#include <algorithm>
#include <utility>

#include "crypto/handshake_impl.h"

namespace weft::crypto {

using namespace detail;

namespace {

using Impl = Handshake::Impl;

// A flight with a long chain is some 10 KB; OpenSSL's own limit on a certificate list is 100 KB.
constexpr std::size_t kMaximumHandshake = 128 * 1024;
constexpr std::size_t kHeader = 5;
// TLS 1.2's TLSCiphertext (RFC 5246 section 6.2.3); 1.3 allows 256 more than the plaintext, OpenSSL checks that.
constexpr std::size_t kMaximumFragment = 16384 + 2048;
// Istio's metadata exchange: its preamble is a protocol of its own, which we do not speak.
constexpr std::string_view kPeerExchange = "istio-peer-exchange";

std::string alpn_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& p : protocols) {
    if (p.empty() || p.size() > 255 || p == kPeerExchange) continue;
    wire += static_cast<char>(p.size());
    wire += p;
  }
  return wire;
}

bool from_hex(std::string_view hex, TrafficSecret& secret) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  if (hex.size() != 64 && hex.size() != 96) return false;
  secret.hash = hex.size() == 64 ? HashKind::kSha256 : HashKind::kSha384;
  for (std::size_t i = 0; i < hex.size() / 2; ++i) {
    secret.bytes[i] = static_cast<std::uint8_t>(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  }
  return true;
}

// "CLIENT_TRAFFIC_SECRET_0 <client random> <secret>", as in an SSLKEYLOGFILE.
void on_key_log(const SSL* ssl, const char* line) {
  Impl& handshake = *impl_of(ssl);
  const std::string_view text = line;
  const std::string_view secret = text.substr(text.rfind(' ') + 1);
  if (text.starts_with("CLIENT_TRAFFIC_SECRET_0 ")) {
    handshake.has_client_secret = from_hex(secret, handshake.client_secret);
  } else if (text.starts_with("SERVER_TRAFFIC_SECRET_0 ")) {
    handshake.has_server_secret = from_hex(secret, handshake.server_secret);
  }
}

// Sees every record header and every message: counts the records under application keys, and keeps the peer's alert.
void on_message(int is_write, int, int content_type, const void* bytes, std::size_t size, SSL* ssl, void*) {
  Impl& handshake = *impl_of(ssl);
  const auto* p = static_cast<const std::uint8_t*>(bytes);
  bool& finished = is_write != 0 ? handshake.sent_finished : handshake.received_finished;
  if (content_type == SSL3_RT_HEADER && finished && size > 0 && p[0] == SSL3_RT_APPLICATION_DATA) {
    ++(is_write != 0 ? handshake.sent_records : handshake.received_records);
  } else if (content_type == SSL3_RT_HANDSHAKE && size > 0 && p[0] == SSL3_MT_FINISHED) {
    finished = true;
  } else if (content_type == SSL3_RT_ALERT && is_write == 0 && size == 2 && !handshake.peer_alert) {
    handshake.peer_alert = p[1];
  }
}

int on_alpn_select(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                   unsigned in_size, void*) {
  for (const std::string& ours : impl_of(ssl)->settings.alpn) {
    if (ours == kPeerExchange) continue;
    for (unsigned i = 0; i < in_size && i + 1u + in[i] <= in_size; i += 1u + in[i]) {
      if (as_text({in + i + 1, in[i]}) == ours) {
        *out = in + i + 1;
        *out_size = in[i];
        return SSL_TLSEXT_ERR_OK;
      }
    }
  }
  return SSL_TLSEXT_ERR_NOACK;
}

std::optional<Aead> aead_of(const SSL_CIPHER* cipher) {
  switch (SSL_CIPHER_get_protocol_id(cipher)) {
    case 0x1301: return Aead::kAes128Gcm;
    case 0x1302: return Aead::kAes256Gcm;
    case 0x1303: return Aead::kChaCha20Poly1305;
    default: return std::nullopt;
  }
}

bool is_version_reason(int reason) {
  return reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_VERSION_TOO_LOW ||
         reason == SSL_R_VERSION_TOO_HIGH || reason == SSL_R_WRONG_SSL_VERSION ||
         reason == SSL_R_NO_PROTOCOLS_AVAILABLE || reason == SSL_R_INAPPROPRIATE_FALLBACK ||
         reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION;
}

}  // namespace

void install_handshake_callbacks(SSL_CTX* context) {
  SSL_CTX_set_keylog_callback(context, on_key_log);
  SSL_CTX_set_msg_callback(context, on_message);
  SSL_CTX_set_alpn_select_cb(context, on_alpn_select, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify_peer, nullptr);
}

Impl::~Impl() {
  OPENSSL_cleanse(client_secret.bytes.data(), client_secret.bytes.size());
  OPENSSL_cleanse(server_secret.bytes.data(), server_secret.bytes.size());
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
  SSL_set_min_proto_version(ssl.get(), static_cast<int>(settings.min_version));
  SSL_set_max_proto_version(ssl.get(), static_cast<int>(settings.max_version));
  if (!client) {
    const int required = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_set_verify(ssl.get(), settings.require_client_certificate ? required : SSL_VERIFY_NONE, nullptr);
    SSL_set_accept_state(ssl.get());
    return true;
  }
  SSL_set_verify(ssl.get(), SSL_VERIFY_PEER, nullptr);
  SSL_set_connect_state(ssl.get());
  if (!settings.sni.empty()) SSL_set_tlsext_host_name(ssl.get(), settings.sni.c_str());
  const std::string wire = alpn_wire(settings.alpn);
  if (!wire.empty()) {
    SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                        static_cast<unsigned>(wire.size()));
  }
  return true;
}

void Impl::drain_output() {
  if (!ssl) return;
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  if (size > 0) output.insert(output.end(), data, data + size);
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

void Impl::fail_by_openssl(int ssl_error) {
  const unsigned long code = ERR_peek_last_error();
  const int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
  std::string text = ssl_error == SSL_ERROR_SSL ? take_error() : "OpenSSL error " + std::to_string(ssl_error);
  if (verify_failure != TlsFailure::kNone) return fail(verify_failure, verify_error);
  if (peer_alert) return fail(TlsFailure::kPeerAlert, std::string(alert_name(*peer_alert)));
  if (is_version_reason(reason)) return fail(TlsFailure::kVersionRefused, std::move(text));
  if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) return fail(TlsFailure::kNoPeerCertificate, {});
  fail(TlsFailure::kHandshakeFailed, std::move(text));
}

void Impl::step() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl.get());
  if (result == 1) return finish();
  const int error_code = SSL_get_error(ssl.get(), result);
  if (error_code != SSL_ERROR_WANT_READ) fail_by_openssl(error_code);
}

void Impl::finish() {
  const bool v13 = SSL_version(ssl.get()) == TLS1_3_VERSION;
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl.get());
  outcome.version = v13 ? TlsVersion::kTls13 : TlsVersion::kTls12;
  outcome.cipher_suite = SSL_CIPHER_standard_name(cipher);
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl.get(), &alpn, &alpn_size);
  outcome.alpn.assign(as_text({alpn, alpn_size}));
  state = State::kDone;
  if (!v13) return;
  const std::optional<Aead> aead = aead_of(cipher);
  if (!aead || !has_client_secret || !has_server_secret || SSL_has_pending(ssl.get()) != 0) {
    return fail(TlsFailure::kHandshakeFailed, "OpenSSL did not hand over the traffic secrets");
  }
  const bool client = role == Role::kClient;
  outcome.sending = {*aead, client ? client_secret : server_secret, sent_records};
  outcome.receiving = {*aead, client ? server_secret : client_secret, received_records};
  drain_output();
  ssl.reset();
}

Handshake::Handshake(Role role, std::shared_ptr<const Credentials> credentials, const TlsSettings& settings,
                     std::int64_t unix_seconds)
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
  // One record at a time: OpenSSL must never see, and decrypt, a record that belongs to our record layer.
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
  if (result == size) return static_cast<std::size_t>(size) == plaintext.size() || seal(plaintext.subspan(size));
  h.fail_by_openssl(SSL_get_error(h.ssl.get(), result));
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
    h.fail_by_openssl(error_code);
    return false;
  }
}

void Handshake::close_notify() {
  if (impl_->ssl) SSL_shutdown(impl_->ssl.get());
}

std::size_t Handshake::memory() const {
  // SSL objects of OpenSSL 3.0 hold 23-56 KB during a handshake (measured); the middle stands for all.
  return sizeof(Impl) + (impl_->ssl ? 40 * 1024 : 0) + impl_->output.capacity();
}

}  // namespace weft::crypto
