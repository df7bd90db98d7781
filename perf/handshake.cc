// A full mutual TLS 1.3 handshake (P-256, X25519), both sides: ours beside bare OpenSSL of the same
// library.
#include "crypto/handshake.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <vector>

#include "crypto/test_mesh.h"

namespace {

using namespace weft::crypto;

constexpr int kHandshakes = 300;
constexpr int kRounds = 5;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "perf: %s\n", what);
  std::exit(1);
}

class Ours {
 public:
  Ours() : client_(mesh_.credentials("client")), server_(mesh_.credentials("server")) {}

  void once() const {
    Handshake client(Handshake::Role::kClient, client_, {}, TestMesh::kNow);
    Handshake server(Handshake::Role::kServer, server_, {}, TestMesh::kNow);
    std::vector<std::uint8_t> flight;
    client.advance({});
    while (server.state() == Handshake::State::kRunning ||
           client.state() == Handshake::State::kRunning) {
      flight = client.take_output();
      if (server.advance(flight) != flight.size()) die("server left bytes");
      flight = server.take_output();
      if (client.advance(flight) != flight.size()) die("client left bytes");
      if (client.state() == Handshake::State::kFailed ||
          server.state() == Handshake::State::kFailed) {
        die((client.error() + server.error()).c_str());
      }
    }
  }

  const TestMesh& mesh() const { return mesh_; }

 private:
  TestMesh mesh_;
  std::shared_ptr<const Credentials> client_, server_;
};

// As a program would that knows only OpenSSL: one context a side, its own chain verification,
// memory BIOs.
class Bare {
 public:
  explicit Bare(const TestMesh& mesh)
      : client_(context(mesh, TLS_client_method())), server_(context(mesh, TLS_server_method())) {}

  void once() const {
    SSL* client = endpoint(client_);
    SSL* server = endpoint(server_);
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
    SSL_free(client);
    SSL_free(server);
  }

 private:
  static SSL_CTX* context(const TestMesh& mesh, const SSL_METHOD* method) {
    const TestMesh::Workload workload = mesh.workload("bare");
    SSL_CTX* made = SSL_CTX_new(method);
    SSL_CTX_use_certificate(made, workload.certificate.native());
    SSL_CTX_use_PrivateKey(made, workload.key.native());
    X509_STORE_add_cert(SSL_CTX_get_cert_store(made), mesh.root().native());
    X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(made), TestMesh::kNow);
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_num_tickets(made, 0);
    return made;
  }
  static SSL* endpoint(SSL_CTX* context) {
    SSL* made = SSL_new(context);
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

}  // namespace

int main() {
  const Ours ours;
  const Bare bare(ours.mesh());
  std::vector<double> ours_us, bare_us;
  for (int round = 0; round < kRounds; ++round) {
    ours_us.push_back(microseconds([&] { ours.once(); }));
    bare_us.push_back(microseconds([&] { bare.once(); }));
  }
  std::ranges::sort(ours_us);
  std::ranges::sort(bare_us);
  const double a = ours_us[kRounds / 2], b = bare_us[kRounds / 2];
  std::printf("full mutual TLS 1.3 handshake, both sides on one core (%s)\n",
              OpenSSL_version(OPENSSL_VERSION));
  std::printf("%-10s %10.0f us\n%-10s %10.0f us\nratio      %10.2f\n", "weft", a, "OpenSSL", b,
              a / b);
  std::printf("{\"weft_us\": %.1f, \"openssl_us\": %.1f, \"ratio\": %.3f}\n", a, b, a / b);
  return 0;
}
