// A pod's program that speaks mutual TLS itself: an outsider that stole a certificate, or a peer that misbehaves.
#pragma once

#include <memory>
#include <string>

#include "crypto/test_mesh.h"
#include "dataplane/tls/session.h"
#include "tests/sim/mesh_cluster.h"
#include "tests/sim/mesh_world.h"

namespace weft::sim {

class TlsProgram {
 public:
  // Takes over the socket, as its client, with the certificate of `account`.
  TlsProgram(Socket& socket, const std::string& account, std::vector<std::string> alpn) : socket_(socket) {
    crypto::TlsSettings settings;
    settings.alpn = std::move(alpn);
    session_ = tls::Session::client(credentials_for(account), settings, {pool_, keys_}, crypto::TestMesh::kNow);
    socket_.program = [this](Socket&) { drive(); };
  }
  ~TlsProgram() { socket_.program = nullptr; }
  TlsProgram(const TlsProgram&) = delete;
  TlsProgram& operator=(const TlsProgram&) = delete;

  void write(std::string_view text) { session_->seal(ByteChain::copy_of(as_bytes(text), pool_, 64)); }
  tls::Session& session() { return *session_; }

  std::string received;

 private:
  static std::string text_of(const ByteChain& chain) {
    std::string text(chain.size(), '\0');
    chain.copy_to(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    return text;
  }
  void drive() {
    if (!socket_.received.empty()) session_->on_ciphertext(ByteChain::copy_of(as_bytes(socket_.received), pool_));
    socket_.received.clear();
    for (tls::HandshakeJob job; session_->poll_handshake_job(&job); job = {}) {
      executor_.submit(std::move(job));
      for (tls::HandshakeResult result; executor_.poll(&result);) session_->on_handshake_result(std::move(result));
    }
    socket_.write(text_of(session_->take_ciphertext()));
    received += text_of(session_->take_plaintext());
  }

  Socket& socket_;
  HeapBufferPool pool_{2304};
  crypto::KeyScheduleCache keys_{crypto::choose_ciphers("openssl"), 4};
  tls::InlineHandshakeExecutor executor_;
  std::unique_ptr<tls::Session> session_;
};

}  // namespace weft::sim
