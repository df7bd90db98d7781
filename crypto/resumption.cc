// Sessions resumed (RFC 8446 section 2.2): tickets given and taken, and the peer judged as if it
// had shown its certificate again. Always with a fresh key exchange, never with early data.
#include <algorithm>
#include <utility>

#include "crypto/handshake_impl.h"

namespace weft::crypto {

using namespace boring;

namespace {

using Impl = Handshake::Impl;

// How long a client need not show its certificate again, in seconds: what is found out about a
// certificate meanwhile (a revocation, a compromised key) has no effect on it.
constexpr std::int64_t kMaximumLifetime = 3600;

// Clients that wait for their server's tickets, one Credentials'. Beyond it a connection is not
// resumed later.
constexpr std::uint32_t kMaximumWaiting = 1024;

std::string session_key(const TlsSettings& settings) {
  std::string key = settings.resumption_key;
  const auto add = [&key](std::string_view text) { key.append(1, '\0').append(text); };
  add(settings.sni);
  for (const std::string& protocol : settings.alpn) add(protocol);
  for (const SanMatcher& matcher : settings.peer_sans) add(matcher.to_string());
  return key;
}

// Resumption is TLS 1.3's only: a ticket key of 1.2 opens all connections that it ever resumed. The
// version is known now, and no ticket has been looked at.
int on_certificate_choice(SSL* ssl, void*) {
  if (SSL_version(ssl) != TLS1_3_VERSION) SSL_set_options(ssl, SSL_OP_NO_TICKET);
  return 1;
}

}  // namespace

void configure_resumption(SSL_CTX* client, SSL_CTX* server) {
  SSL_CTX_set_reverify_on_resume(client, 1);
  SSL_CTX_set_num_tickets(server, 1);
  SSL_CTX_set_cert_cb(server, on_certificate_choice, nullptr);
  SSL_CTX_set_session_psk_dhe_timeout(server, kMaximumLifetime);
  SSL_CTX_set_session_psk_dhe_timeout(client, kMaximumLifetime);
}

void Impl::begin_resumption() {
  if (role == Role::kServer) {
    // A ticket stands for a certificate that was shown: who asks for none gives and takes no
    // tickets.
    if (settings.session_tickets && settings.require_client_certificate) {
      SSL_clear_options(ssl.get(), SSL_OP_NO_TICKET);
    }
    return;
  }
  if (settings.resumption_key.empty()) return;
  store_key = session_key(settings);
  const auto session = credentials->contexts().sessions.take(store_key);
  if (session) SSL_set_session(ssl.get(), session.get());
}

void Impl::bound_session() {
  if (SSL_session_reused(ssl.get()) != 0) return;  // then the first handshake's bound goes on
  const std::int64_t end = std::min(outcome.peer.not_after, credentials->not_after());
  const std::int64_t rest = std::clamp<std::int64_t>(end - unix_seconds, 0, kMaximumLifetime);
  SSL_SESSION_set_timeout(SSL_get_session(ssl.get()), static_cast<std::uint32_t>(rest));
}

// BoringSSL asks about a resumed server's certificate by itself, about a client's it does not.
bool Impl::admit_resumed_client() {
  std::uint8_t alert = 0;
  if (verify_peer(ssl.get(), &alert) == ssl_verify_ok) return true;
  SSL_send_fatal_alert(ssl.get(), alert);
  fail(verify_failure, verify_error);
  return false;
}

bool Impl::wait_for_tickets() {
  if (store_key.empty()) return false;
  std::atomic<std::uint32_t>& waiting = credentials->contexts().waiting;
  if (waiting.fetch_add(1) < kMaximumWaiting) {
    waits_for_tickets = true;
    SSL_set_bio(ssl.get(), nullptr, nullptr);
    in = out = nullptr;
    return true;
  }
  waiting.fetch_sub(1);
  return false;
}

bool Handshake::waits_for_tickets() const { return impl_->waits_for_tickets; }

void Handshake::take_tickets(ByteSpan messages) {
  Impl& h = *impl_;
  while (messages.size() >= 4) {
    const std::size_t size = 4 + load_be24(messages.data() + 1);
    if (size > messages.size()) return;
    bssl::UniquePtr<SSL_SESSION> session(
        SSL_process_tls13_new_session_ticket(h.ssl.get(), messages.data(), size));
    if (!session) return ERR_clear_error();
    // Early data is not for us, whatever the ticket allows: it can be replayed.
    h.credentials->contexts().sessions.put(h.store_key, std::move(session));
    messages = messages.subspan(size);
  }
}

}  // namespace weft::crypto
