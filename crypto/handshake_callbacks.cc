// What BoringSSL asks in the middle of a handshake: which protocol, and whether the peer may come
// in.
#include <vector>

#include "crypto/handshake_impl.h"
#include "crypto/peer_verdict.h"

namespace weft::crypto {

using namespace boring;

namespace {

using Impl = Handshake::Impl;

Impl* impl_of(const SSL* ssl) { return static_cast<Impl*>(SSL_get_app_data(ssl)); }

int on_alpn_select(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* in, unsigned in_size, void*) {
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

}  // namespace

void install_handshake_callbacks(SSL_CTX* context) {
  SSL_CTX_set_alpn_select_cb(context, on_alpn_select, nullptr);
}

// The peer proved that it holds the leaf's key only later; who it claims to be is judged now.
ssl_verify_result_t verify_peer(SSL* ssl, std::uint8_t* alert) {
  Impl& handshake = *impl_of(ssl);
  const STACK_OF(CRYPTO_BUFFER)* certificates = SSL_get0_peer_certificates(ssl);
  std::vector<ByteSpan> sent;
  for (std::size_t i = 0; i < sk_CRYPTO_BUFFER_num(certificates); ++i) {
    sent.push_back(bytes_of(sk_CRYPTO_BUFFER_value(certificates, i)));
  }
  PeerVerdict verdict = judge_peer({*handshake.credentials, handshake.role, sent,
                                    handshake.settings.peer_sans, handshake.unix_seconds});
  if (verdict.failure != TlsFailure::kNone) {
    handshake.verify_failure = verdict.failure;
    handshake.verify_error = std::move(verdict.text);
    *alert = verdict.alert;
    return ssl_verify_invalid;
  }
  handshake.outcome.peer = std::move(verdict.peer);
  handshake.bound_session();
  return ssl_verify_ok;
}

}  // namespace weft::crypto
