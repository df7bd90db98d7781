// Mutual TLS 1.3 handshakes (P-256, X25519), both sides: ours beside bare OpenSSL, full and resumed
// by a ticket.
#include <openssl/ssl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <vector>

#include "crypto/test_mesh.h"
#include "dataplane/tls/session.h"

namespace {

using namespace weft;

constexpr int kHandshakes = 300;
constexpr int kRounds = 5;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "perf: %s\n", what);
  std::exit(1);
}

// Two sessions as the proxy has them: the record layer's keys, the client's byte and the server's
// ticket are included.
class Ours {
 public:
  explicit Ours(bool resuming) {
    if (!resuming) return;
    client_settings_.resumption_key = "peer";
    server_settings_.session_tickets = true;
    once();  // for the first ticket
  }

  void once() {
    auto client = tls::Session::client(client_, client_settings_, context_, crypto::TestMesh::kNow);
    auto server = tls::Session::server(server_, server_settings_, context_, crypto::TestMesh::kNow);
    client->seal(ByteChain::copy_of(as_bytes("x"), pool_, 64));
    while (server->queued_plaintext() == 0) {
      move(*client, *server);
      move(*server, *client);
      if (!client->error().empty() || !server->error().empty()) die("our handshake failed");
    }
    resumed_ = client->resumed();
  }
  bool resumed() const { return resumed_; }
  const crypto::TestMesh& mesh() const { return mesh_; }

 private:
  void move(tls::Session& from, tls::Session& to) {
    for (tls::HandshakeJob job; from.poll_handshake_job(&job); job = {}) {
      from.on_handshake_result(run(std::move(job)));
    }
    to.on_ciphertext(from.take_ciphertext());
    for (tls::HandshakeJob job; to.poll_handshake_job(&job); job = {}) {
      to.on_handshake_result(run(std::move(job)));
    }
  }

  crypto::TestMesh mesh_;
  std::shared_ptr<const crypto::Credentials> client_ = mesh_.credentials("client");
  std::shared_ptr<const crypto::Credentials> server_ = mesh_.credentials("server");
  crypto::TlsSettings client_settings_, server_settings_;
  HeapBufferPool pool_{2304};
  crypto::CipherChoice choice_ = crypto::choose_ciphers("openssl");
  crypto::KeyScheduleCache keys_{choice_, 16};
  tls::SessionContext context_{pool_, keys_};
  bool resumed_ = false;
};

// As a program would that knows only OpenSSL: one context a side, its own chain verification,
// memory BIOs.
class Bare {
 public:
  Bare(const crypto::TestMesh& mesh, bool resuming)
      : client_(context(mesh, TLS_client_method(), resuming)),
        server_(context(mesh, TLS_server_method(), resuming)) {
    SSL_CTX_set_session_cache_mode(client_, resuming ? SSL_SESS_CACHE_CLIENT : SSL_SESS_CACHE_OFF);
    SSL_CTX_sess_set_new_cb(client_, [](SSL* ssl, SSL_SESSION* session) {
      SSL_SESSION*& kept = static_cast<Bare*>(SSL_get_app_data(ssl))->session_;
      SSL_SESSION_free(std::exchange(kept, session));
      return 1;
    });
    if (resuming) once();
  }

  void once() {
    SSL* client = endpoint(client_);
    SSL* server = endpoint(server_);
    if (session_ != nullptr) SSL_set_session(client, session_);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    int done = 0;
    for (int turn = 0; done != 2 && turn < 8; ++turn) {
      done = SSL_do_handshake(client);
      move(client, server);
      done += SSL_do_handshake(server) == 1 && done == 1 ? 1 : 0;
      move(server, client);
    }
    if (done != 2) die("bare handshake failed");
    char byte = 'x';
    SSL_write(client, &byte, 1);
    move(client, server);
    if (SSL_read(server, &byte, 1) != 1) die("bare byte lost");
    SSL_read(client, &byte, 1);  // the ticket
    resumed_ = SSL_session_reused(client) != 0;
    SSL_set_shutdown(client,
                     SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // else its session is spoilt
    SSL_free(client);
    SSL_free(server);
  }
  bool resumed() const { return resumed_; }

 private:
  static SSL_CTX* context(const crypto::TestMesh& mesh, const SSL_METHOD* method, bool resuming) {
    const crypto::TestMesh::Workload workload = mesh.workload("bare");
    SSL_CTX* made = SSL_CTX_new(method);
    SSL_CTX_use_certificate(made, workload.certificate.native());
    SSL_CTX_use_PrivateKey(made, workload.key.native());
    X509_STORE_add_cert(SSL_CTX_get_cert_store(made), mesh.root().native());
    X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(made), crypto::TestMesh::kNow);
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    const unsigned char name[] = {'x'};
    SSL_CTX_set_session_id_context(made, name, sizeof name);
    SSL_CTX_set_num_tickets(made, resuming ? 1 : 0);
    return made;
  }
  SSL* endpoint(SSL_CTX* context) {
    SSL* made = SSL_new(context);
    SSL_set_app_data(made, this);
    SSL_set_bio(made, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    return made;
  }
  static void move(SSL* from, SSL* to) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(from), &bytes);
    BIO_write(SSL_get_rbio(to), bytes, static_cast<int>(size));
    (void)BIO_reset(SSL_get_wbio(from));
  }
  SSL_CTX* client_;
  SSL_CTX* server_;
  SSL_SESSION* session_ = nullptr;
  bool resumed_ = false;
};

// CPU time: neighbours on the core do not count.
double microseconds(const std::function<void()>& once) {
  timespec begun{}, ended{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
  for (int i = 0; i < kHandshakes; ++i) once();
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
  const auto seconds = static_cast<double>(ended.tv_sec - begun.tv_sec);
  return (seconds * 1e6 + static_cast<double>(ended.tv_nsec - begun.tv_nsec) * 1e-3) / kHandshakes;
}

struct Row {
  double ours, openssl;
};

Row measure(bool resuming) {
  Ours ours(resuming);
  Bare bare(ours.mesh(), resuming);
  std::vector<double> ours_us, bare_us;
  for (int round = 0; round < kRounds; ++round) {
    ours_us.push_back(microseconds([&] { ours.once(); }));
    bare_us.push_back(microseconds([&] { bare.once(); }));
  }
  if (ours.resumed() != resuming || bare.resumed() != resuming) die("not resumed, or unasked");
  std::ranges::sort(ours_us);
  std::ranges::sort(bare_us);
  const Row row = {ours_us[kRounds / 2], bare_us[kRounds / 2]};
  std::printf("%-10s %10.0f %12.0f %8.2f\n", resuming ? "resumed" : "full", row.ours, row.openssl,
              row.ours / row.openssl);
  return row;
}

}  // namespace

int main() {
  std::printf("mutual TLS 1.3 handshake, CPU time of both sides (%s)\n",
              OpenSSL_version(OPENSSL_VERSION));
  std::printf("%-10s %10s %12s %8s\n", "", "weft us", "OpenSSL us", "ratio");
  const Row full = measure(false);
  const Row resumed = measure(true);
  std::printf(
      "{\"full_us\": %.1f, \"full_openssl_us\": %.1f, \"full_ratio\": %.3f, "
      "\"resumed_us\": %.1f, \"resumed_openssl_us\": %.1f, \"resumed_ratio\": %.3f}\n",
      full.ours, full.openssl, full.ours / full.openssl, resumed.ours, resumed.openssl,
      resumed.ours / resumed.openssl);
  return 0;
}
