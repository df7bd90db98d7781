// Who may come back by a ticket, and who is judged again.
#include <gtest/gtest.h>

#include "dataplane/tls/test_pair.h"

namespace weft::tls {
namespace {

using crypto::SanMatcher;
using crypto::TlsFailure;
using State = Session::State;

// A pair that resumes. `again` is a new connection between the same two.
struct Resuming : Pair {
  explicit Resuming(std::uint64_t seed = 1) : Pair(seed) {
    client_settings.resumption_key = "10.0.0.1:443";
    server_settings.session_tickets = true;
  }
  void again() {
    open();
    EXPECT_EQ(client->resumed(), server->resumed());
  }
};

TEST(SessionResumption, TheSecondConnectionIsResumed) {
  Resuming pair;
  pair.client_settings.alpn = pair.server_settings.alpn = {"istio"};
  pair.again();
  EXPECT_FALSE(pair.client->resumed());
  for (int i = 0; i < 3; ++i) {
    pair.again();
    EXPECT_TRUE(pair.client->resumed());
    EXPECT_EQ(pair.client->peer().uri_san, "spiffe://cluster.local/ns/default/sa/server");
    EXPECT_EQ(pair.server->peer().uri_san, "spiffe://cluster.local/ns/default/sa/client");
    EXPECT_EQ(pair.server->peer().serial, pair.client_credentials->certificate().serial);
    EXPECT_EQ(pair.client->alpn(), "istio");
    const std::string text = random_text(pair.random, 30'000);
    pair.client->seal(pair.bytes(text));
    pair.server->seal(pair.bytes("down"));
    pair.client->request_key_update();
    pair.server->request_key_update();
    pair.drive();
    EXPECT_EQ(text_of(pair.server->take_plaintext()), text) << pair.server->error();
    EXPECT_EQ(text_of(pair.client->take_plaintext()), "down") << pair.client->error();
  }
}

TEST(SessionResumption, EachTicketServesOnce) {
  Resuming pair;
  pair.again();
  pair.start();
  auto first = std::move(pair.client), first_server = std::move(pair.server);
  pair.start();  // a second client while the first is on its way: the only ticket is taken
  std::swap(first, pair.client);
  std::swap(first_server, pair.server);
  pair.drive();
  EXPECT_TRUE(pair.client->resumed());
  std::swap(first, pair.client);
  std::swap(first_server, pair.server);
  pair.drive();
  EXPECT_TRUE(pair.client->is_open());
}

TEST(SessionResumption, SixteenTicketsOfAServerAreKept) {
  Resuming pair;
  std::vector<std::unique_ptr<Session>> clients, servers;
  const auto connect = [&](int n) {
    clients.clear();
    servers.clear();
    for (int i = 0; i < n; ++i) {
      pair.start();
      clients.push_back(std::move(pair.client));
      servers.push_back(std::move(pair.server));
      pair.pump(*clients.back());  // all ClientHellos before any ticket
    }
    int resumed = 0;
    for (int i = 0; i < n; ++i) {
      std::swap(pair.client, clients[i]);
      std::swap(pair.server, servers[i]);
      pair.drive();
      resumed += pair.client->resumed();
      std::swap(pair.client, clients[i]);
      std::swap(pair.server, servers[i]);
    }
    return resumed;
  };
  EXPECT_EQ(connect(20), 0);
  EXPECT_EQ(connect(20), 16);
}

TEST(SessionResumption, NeitherSideDoesItUnasked) {
  Resuming silent;
  silent.server_settings.session_tickets = false;
  silent.again();
  silent.again();
  EXPECT_FALSE(silent.client->resumed());
  Resuming forgetful;
  forgetful.client_settings.resumption_key = "";
  forgetful.again();
  forgetful.again();
  EXPECT_FALSE(forgetful.client->resumed());
}

TEST(SessionResumption, OtherNamesAreOtherSessions) {
  Resuming pair;
  pair.again();
  const crypto::TlsSettings same = pair.client_settings;
  for (const auto& change : std::initializer_list<std::function<void(crypto::TlsSettings&)>>{
           [](auto& s) { s.resumption_key = "10.0.0.2:443"; }, [](auto& s) { s.sni = "web"; },
           [](auto& s) { s.alpn = {"h2"}; },
           [](auto& s) {
             s.peer_sans = {{SanMatcher::Kind::kPrefix, "spiffe://"}};
           }}) {
    pair.client_settings = same;
    change(pair.client_settings);
    pair.again();
    EXPECT_FALSE(pair.client->resumed());
  }
  pair.client_settings = same;
  pair.again();
  EXPECT_TRUE(pair.client->resumed());
}

TEST(SessionResumption, AnotherServerIdentityDoesNotTakeTheTicket) {
  Resuming pair;
  pair.again();
  pair.server_credentials = pair.mesh.credentials("other");
  pair.again();
  EXPECT_FALSE(pair.client->resumed());
  EXPECT_EQ(pair.client->peer().uri_san, "spiffe://cluster.local/ns/default/sa/other");
}

TEST(SessionResumption, ARotatedClientStartsAnew) {
  Resuming pair;
  pair.again();
  pair.client_credentials = pair.mesh.credentials("client");
  pair.again();
  EXPECT_FALSE(pair.client->resumed());
}

TEST(SessionResumption, AnExpiredClientCertificateIsRefused) {
  Resuming pair;
  auto leaf = pair.mesh.leaf("client");
  leaf.not_after = pair.now + 60;
  pair.client_credentials = pair.mesh.credentials(pair.mesh.workload(leaf));
  pair.again();
  pair.now += 60;
  pair.start();
  pair.drive();
  EXPECT_EQ(pair.server->failure(), TlsFailure::kPeerCertificateExpired);
  EXPECT_EQ(pair.client->error(), "peer sent a TLS alert: certificate_expired");
}

TEST(SessionResumption, AnExpiredServerCertificateIsRefused) {
  Resuming pair;
  auto leaf = pair.mesh.leaf("server");
  leaf.not_after = pair.now + 60;
  pair.server_credentials = pair.mesh.credentials(pair.mesh.workload(leaf));
  pair.again();
  pair.now += 60;
  pair.start();
  pair.drive();
  EXPECT_EQ(pair.client->failure(), TlsFailure::kPeerCertificateExpired);
  EXPECT_EQ(pair.server->error(), "peer sent a TLS alert: certificate_expired");
}

TEST(SessionResumption, AClientThatTheServerExpectsNoMoreIsRefused) {
  Resuming pair;
  pair.again();
  pair.server_settings.peer_sans = {{SanMatcher::Kind::kSuffix, "/sa/admin"}};
  pair.start();
  pair.drive();
  EXPECT_EQ(pair.server->failure(), TlsFailure::kPeerSanMismatch);
  EXPECT_EQ(pair.client->error(), "peer sent a TLS alert: bad_certificate");
  EXPECT_TRUE(pair.client->resumed());
}

TEST(SessionResumption, ARemovedTrustBundleEndsIt) {
  Resuming pair;
  const crypto::TestMesh other("other.mesh");
  pair.client_credentials =
      other.credentials(other.workload("client"), {{"cluster.local", pair.mesh.root().pem()}});
  pair.server_credentials = pair.mesh.credentials(
      pair.mesh.workload("server"),
      {{"cluster.local", pair.mesh.root().pem()}, {"other.mesh", other.root().pem()}});
  pair.again();
  pair.again();
  EXPECT_TRUE(pair.server->resumed());
  pair.server_credentials = pair.mesh.credentials("server");
  pair.start();
  pair.drive();
  EXPECT_EQ(pair.server->failure(), TlsFailure::kPeerOtherTrustDomain);
}

TEST(SessionResumption, AServerThatAsksForNoCertificateTakesNoTicket) {
  Resuming pair;
  pair.again();
  pair.server_settings.require_client_certificate = false;
  pair.again();
  EXPECT_FALSE(pair.server->resumed());
  EXPECT_EQ(pair.server->peer().uri_san, "");
  pair.server_settings.require_client_certificate = true;
  pair.again();  // and gave none
  EXPECT_FALSE(pair.server->resumed());
}

TEST(SessionResumption, Tls12NeverDoesIt) {
  Resuming pair;
  pair.client_settings.min_version = pair.client_settings.max_version = crypto::TlsVersion::kTls12;
  pair.server_settings.min_version = crypto::TlsVersion::kTls12;
  for (int i = 0; i < 2; ++i) {
    pair.again();
    EXPECT_EQ(pair.client->version(), crypto::TlsVersion::kTls12);
    EXPECT_FALSE(pair.client->resumed());
  }
  // The same server resumes those that come with 1.3.
  pair.client_settings.max_version = crypto::TlsVersion::kTls13;
  pair.again();
  pair.again();
  EXPECT_EQ(pair.client->version(), crypto::TlsVersion::kTls13);
  EXPECT_TRUE(pair.client->resumed());
}

TEST(SessionResumption, TicketsArriveInAnyPiecesBeforeAnything) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Resuming pair(seed);
    pair.start();
    pair.server->seal(pair.bytes("server first"));
    pair.client->seal(pair.bytes("client first"));
    pair.drive();
    pair.server->request_key_update();
    pair.drive();
    EXPECT_EQ(text_of(pair.client->take_plaintext()), "server first") << pair.client->error();
    EXPECT_EQ(text_of(pair.server->take_plaintext()), "client first") << pair.server->error();
    pair.again();
    EXPECT_TRUE(pair.client->resumed()) << "seed " << seed;
  }
}

// Everything that a server says after its handshake at once, before the client's ticket job has
// run.
TEST(SessionResumption, ATicketsJobMayComeLate) {
  Resuming pair;
  pair.start();
  pair.carry(*pair.client, *pair.server);
  pair.carry(*pair.server, *pair.client);
  pair.carry(*pair.client, *pair.server);
  ASSERT_TRUE(pair.server->is_open()) << pair.server->error();
  pair.server->request_key_update();
  pair.server->seal(pair.bytes("after a ticket and a key update"));
  pair.server->close_notify();
  pair.client->on_ciphertext(pair.server->take_ciphertext());
  EXPECT_EQ(text_of(pair.client->take_plaintext()), "after a ticket and a key update");
  EXPECT_EQ(pair.client->state(), State::kPeerClosed);
  HandshakeJob job;
  ASSERT_TRUE(pair.client->poll_handshake_job(&job));
  EXPECT_TRUE(job.tickets);
  HandshakeJob second;
  EXPECT_FALSE(pair.client->poll_handshake_job(&second));
  pair.client->on_handshake_result(run(std::move(job)));
  EXPECT_EQ(pair.client->state(), State::kPeerClosed);
  pair.again();
  EXPECT_TRUE(pair.client->resumed());
}

TEST(SessionResumption, OnceTheTicketCameAnIdleSessionIsSmall) {
  Resuming pair;
  pair.again();
  EXPECT_LT(pair.client->memory(), 1700u);
  EXPECT_LT(pair.server->memory(), 1700u);
  // Without one it waits, until the server says something.
  pair.server_settings.session_tickets = false;
  pair.again();
  EXPECT_GT(pair.client->memory(), 3000u);
  EXPECT_LT(pair.client->memory(), 8000u);
  pair.server->seal(pair.bytes("x"));
  pair.drive();
  EXPECT_EQ(text_of(pair.client->take_plaintext()), "x");
  EXPECT_LT(pair.client->memory(), 1700u);
}

TEST(SessionResumption, FlippedBitsNeverOpenAsAnother) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Resuming pair(seed);
    pair.again();
    pair.start();
    pair.spoil = [&](std::string& bytes) {
      bytes[pair.random.below(bytes.size())] ^= static_cast<char>(1 << pair.random.below(8));
      pair.spoil = nullptr;
    };
    pair.drive();
    if (pair.client->state() != State::kOpen || pair.server->state() != State::kOpen) continue;
    EXPECT_EQ(pair.server->peer().uri_san, "spiffe://cluster.local/ns/default/sa/client");
  }
}

}  // namespace
}  // namespace weft::tls
