// Sessions against `openssl s_client` and `openssl s_server` over loopback sockets.
#include <gtest/gtest.h>

#include "dataplane/tls/test_openssl.h"
#include "dataplane/tls/test_pair.h"

namespace weft::tls {
namespace {

using crypto::TlsFailure;
using State = Session::State;

// We are the server, openssl s_client the client.
struct AgainstClient {
  Pair pair;
  Files files;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int connection = -1;
  std::unique_ptr<Openssl> openssl;
  std::unique_ptr<Session> session;

  AgainstClient() : files(pair, "client") {}
  ~AgainstClient() {
    openssl.reset();
    close(connection);
    close(listener);
  }
  void connect(std::vector<std::string> more, bool with_certificate = true) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (connection < 0) {
      ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
      ASSERT_EQ(listen(listener, 1), 0);
    }
    openssl.reset();
    close(connection);
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    const std::string to = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    std::vector<std::string> arguments = {"s_client", "-connect", to, "-CAfile", files.root(), "-verify_return_error"};
    if (with_certificate) arguments.insert(arguments.end(), {"-cert", files.cert(), "-key", files.key()});
    arguments.insert(arguments.end(), more.begin(), more.end());
    openssl = std::make_unique<Openssl>(arguments);
    pollfd poller{listener, POLLIN, 0};
    ASSERT_EQ(poll(&poller, 1, 10'000), 1);
    got.clear();
    connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    session = Session::server(pair.server_credentials, pair.server_settings, pair.context, pair.now);
  }
  std::size_t sent = 0;
  bool until(const std::function<bool()>& done) { return pump(pair, *session, connection, *openssl, &sent, done); }
  // openssl reads its command alone, or takes what follows for a part of it: wait until our answer left.
  bool asks_for_key_update() {
    const std::size_t before = sent;
    openssl->type("K\n");
    return until([&] { return sent > before; });
  }
  std::string got;
  bool receives(const std::string& text) {
    return until([&] {
      got += text_of(session->take_plaintext());
      return got.find(text) != std::string::npos;
    });
  }
};

class EachSuite : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Interop, EachSuite,
                         testing::Values("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                         "TLS_CHACHA20_POLY1305_SHA256"));

TEST_P(EachSuite, OpensslClient) {
  AgainstClient t;
  t.pair.server_settings.alpn = {"istio"};
  ASSERT_NO_FATAL_FAILURE(t.connect({"-tls1_3", "-ciphersuites", GetParam(), "-alpn", "h2,istio"}));
  ASSERT_TRUE(t.until([&] { return t.session->is_open() && t.openssl->printed("---\n"); }));
  EXPECT_EQ(t.session->cipher_suite(), GetParam());
  EXPECT_EQ(t.session->peer().uri_san, "spiffe://cluster.local/ns/default/sa/client");
  EXPECT_EQ(t.session->alpn(), "istio");
  t.openssl->type("hello from openssl\n");
  EXPECT_TRUE(t.receives("hello from openssl\n"));
  t.session->seal(t.pair.bytes("and back\n"));
  EXPECT_TRUE(t.until([&] { return t.openssl->printed("and back"); })) << t.openssl->everything();
  EXPECT_TRUE(t.openssl->printed("ALPN protocol: istio"));
  EXPECT_TRUE(t.openssl->printed("Verify return code: 0 (ok)"));
  // A requested KeyUpdate of theirs, then ours, with bytes after each.
  EXPECT_TRUE(t.asks_for_key_update());
  t.openssl->type("after their update\n");
  EXPECT_TRUE(t.receives("after their update\n")) << t.session->error() << t.openssl->everything();
  t.session->seal(t.pair.bytes("new keys\n"));
  EXPECT_TRUE(t.until([&] { return t.openssl->printed("new keys"); }));
  t.session->request_key_update();
  t.session->seal(t.pair.bytes("ours too\n"));
  EXPECT_TRUE(t.until([&] { return t.openssl->printed("ours too"); }));
  t.openssl->type("under the third key\n");
  EXPECT_TRUE(t.receives("under the third key\n")) << t.session->error();
  t.openssl->close_input();
  EXPECT_TRUE(t.until([&] { return t.session->state() == State::kPeerClosed; })) << t.session->error();
}

TEST(Interop, OpensslClientWithoutCertificate) {
  AgainstClient t;
  ASSERT_NO_FATAL_FAILURE(t.connect({"-tls1_3"}, false));
  EXPECT_TRUE(t.until([&] { return t.session->state() == State::kFailed; }));
  EXPECT_EQ(t.session->failure(), TlsFailure::kNoPeerCertificate);
  EXPECT_TRUE(t.until([&] { return t.openssl->printed("alert number 116"); })) << t.openssl->everything();
}

TEST(Interop, OpensslClientOfTls12IsRefused) {
  AgainstClient t;
  ASSERT_NO_FATAL_FAILURE(t.connect({"-tls1_2"}));
  EXPECT_TRUE(t.until([&] { return t.session->state() == State::kFailed; }));
  EXPECT_EQ(t.session->failure(), TlsFailure::kVersionRefused);
  EXPECT_TRUE(t.until([&] { return t.openssl->printed("alert number 70"); })) << t.openssl->everything();
}

TEST(Interop, OpensslClientOfTls12WhereAllowed) {
  AgainstClient t;
  t.pair.server_settings.min_version = crypto::TlsVersion::kTls12;
  ASSERT_NO_FATAL_FAILURE(t.connect({"-tls1_2"}));
  ASSERT_TRUE(t.until([&] { return t.session->is_open(); }));
  t.openssl->type("hello 1.2\n");
  EXPECT_TRUE(t.receives("hello 1.2\n"));
  t.session->seal(t.pair.bytes("and back\n"));
  EXPECT_TRUE(t.until([&] { return t.openssl->printed("and back"); }));
}

TEST(Interop, OpensslClientResumes) {
  AgainstClient t;
  t.pair.server_settings.session_tickets = true;
  const std::string session = t.files.folder + "/session.pem";
  ASSERT_NO_FATAL_FAILURE(t.connect({"-tls1_3", "-sess_out", session}));
  ASSERT_TRUE(t.until([&] { return t.openssl->printed("Post-Handshake New Session Ticket"); }))
      << t.session->error() << t.openssl->everything();
  EXPECT_FALSE(t.session->resumed());
  ASSERT_NO_FATAL_FAILURE(t.connect({"-tls1_3", "-sess_in", session}));
  ASSERT_TRUE(t.until([&] { return t.openssl->printed("Reused, TLSv1.3"); })) << t.openssl->everything();
  ASSERT_TRUE(t.until([&] { return t.session->is_open(); })) << t.session->error();
  EXPECT_TRUE(t.session->resumed());
  EXPECT_EQ(t.session->peer().uri_san, "spiffe://cluster.local/ns/default/sa/client");
  t.openssl->type("once more\n");
  EXPECT_TRUE(t.receives("once more\n")) << t.session->error();
  t.session->seal(t.pair.bytes("welcome back\n"));
  EXPECT_TRUE(t.until([&] { return t.openssl->printed("welcome back"); })) << t.openssl->everything();
  unlink(session.c_str());
}

// We are the client, openssl s_server the server.
struct AgainstServer {
  Pair pair;
  Files files;
  int connection = -1;
  std::uint16_t port = 0;
  std::unique_ptr<Openssl> openssl;
  std::unique_ptr<Session> session;

  AgainstServer() : files(pair, "server") {}
  ~AgainstServer() {
    openssl.reset();
    close(connection);
  }
  void connect(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"s_server", "-accept", "127.0.0.1:0", "-naccept", "2", "-cert", files.cert(),
                                          "-key", files.key(), "-CAfile", files.root(), "-Verify", "1",
                                          "-verify_return_error"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    openssl = std::make_unique<Openssl>(arguments);
    std::size_t at = std::string::npos;
    for (int i = 0; i < 100 && at == std::string::npos; ++i) {
      openssl->collect(100);
      at = openssl->everything().find("ACCEPT 127.0.0.1:");
    }
    ASSERT_NE(at, std::string::npos) << openssl->everything();
    port = static_cast<std::uint16_t>(std::atoi(openssl->everything().c_str() + at + 17));
    connect_again();
  }
  void connect_again() {
    close(connection);
    connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    ASSERT_EQ(::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    session = Session::client(pair.client_credentials, pair.client_settings, pair.context, pair.now);
  }
  std::size_t sent = 0;
  bool until(const std::function<bool()>& done) { return pump(pair, *session, connection, *openssl, &sent, done); }
  // openssl reads its command alone, or takes what follows for a part of it: wait until our answer left.
  bool asks_for_key_update() {
    const std::size_t before = sent;
    openssl->type("K\n");
    return until([&] { return sent > before; });
  }
  std::string got;
  bool receives(const std::string& text) {
    return until([&] {
      got += text_of(session->take_plaintext());
      return got.find(text) != std::string::npos;
    });
  }
};

TEST_P(EachSuite, OpensslServer) {
  AgainstServer t;
  t.pair.client_settings.alpn = {"istio", "h2"};
  t.pair.client_settings.sni = "web.default.svc.cluster.local";
  t.pair.client_settings.peer_sans = {
      {crypto::SanMatcher::Kind::kExact, "spiffe://cluster.local/ns/default/sa/server"}};
  ASSERT_NO_FATAL_FAILURE(t.connect({"-tls1_3", "-ciphersuites", GetParam(), "-alpn", "istio"}));
  ASSERT_TRUE(t.until([&] { return t.session->is_open() && t.openssl->printed("CIPHER is"); }))
      << t.session->error() << t.openssl->everything();
  EXPECT_EQ(t.session->cipher_suite(), GetParam());
  EXPECT_EQ(t.session->alpn(), "istio");
  // Their two tickets stand before these bytes: passed over, and counted.
  t.openssl->type("hello from the server\n");
  EXPECT_TRUE(t.receives("hello from the server\n")) << t.session->error();
  t.session->seal(t.pair.bytes("hello from the client\n"));
  EXPECT_TRUE(t.until([&] { return t.openssl->printed("hello from the client"); })) << t.openssl->everything();
  EXPECT_TRUE(t.asks_for_key_update());
  t.openssl->type("second key\n");
  EXPECT_TRUE(t.receives("second key\n")) << t.session->error();
  t.session->seal(t.pair.bytes("answered\n"));
  EXPECT_TRUE(t.until([&] { return t.openssl->printed("answered"); })) << t.openssl->everything();
  t.session->request_key_update();
  t.session->seal(t.pair.bytes("client key\n"));
  EXPECT_TRUE(t.until([&] { return t.openssl->printed("client key"); })) << t.openssl->everything();
  t.openssl->type("third key\n");
  EXPECT_TRUE(t.receives("third key\n")) << t.session->error();
  t.session->close_notify();
  EXPECT_TRUE(t.until([&] { return t.session->state() == State::kPeerClosed; })) << t.session->error();
}

TEST(Interop, OpensslServersTicketsAreUsed) {
  AgainstServer t;
  t.pair.client_settings.resumption_key = "openssl";
  ASSERT_NO_FATAL_FAILURE(t.connect({"-tls1_3"}));
  for (const bool resumed : {false, true}) {
    ASSERT_TRUE(t.until([&] { return t.session->is_open(); })) << t.session->error();
    EXPECT_EQ(t.session->resumed(), resumed);
    EXPECT_EQ(t.session->peer().uri_san, "spiffe://cluster.local/ns/default/sa/server");
    const std::string text = resumed ? "second hello\n" : "first hello\n";
    t.openssl->type(text);
    EXPECT_TRUE(t.receives(text)) << t.session->error();
    t.session->seal(t.pair.bytes("and back " + text));
    EXPECT_TRUE(t.until([&] { return t.openssl->printed("and back " + text); }));
    if (!resumed) {
      ASSERT_NO_FATAL_FAILURE(t.connect_again());
    }
  }
}

TEST(Interop, OpensslServerWithAnotherIdentity) {
  AgainstServer t;
  t.pair.client_settings.peer_sans = {{crypto::SanMatcher::Kind::kExact, "spiffe://cluster.local/ns/default/sa/web"}};
  ASSERT_NO_FATAL_FAILURE(t.connect({"-tls1_3"}));
  EXPECT_TRUE(t.until([&] { return t.session->state() == State::kFailed; }));
  EXPECT_EQ(t.session->failure(), TlsFailure::kPeerSanMismatch);
  EXPECT_TRUE(t.until([&] { return t.openssl->printed("alert number 42"); })) << t.openssl->everything();
}

TEST(Interop, OpensslServerOfTls12IsRefused) {
  AgainstServer t;
  ASSERT_NO_FATAL_FAILURE(t.connect({"-tls1_2"}));
  EXPECT_TRUE(t.until([&] { return t.session->state() == State::kFailed; }));
  // Seen from the client it is the server that refuses our 1.3.
  EXPECT_EQ(t.session->error(), "peer sent a TLS alert: protocol_version");
}

}  // namespace
}  // namespace weft::tls
