// Two sessions and a fake wire between them: random cuts, random sharing of buffers, handshakes inline.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/random.h"
#include "crypto/test_mesh.h"
#include "dataplane/tls/session.h"

namespace weft::tls {

inline std::string text_of(const ByteChain& chain) {
  std::string text(chain.size(), '\0');
  chain.copy_to(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return text;
}

inline std::string random_text(Random& random, std::size_t size) {
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  return text;
}

// Bytes in fresh buffers, cut at random; some buffers are shared with `keep`, as a retransmission queue would.
inline ByteChain scattered(Random& random, BufferPool& pool, std::string_view text, ByteChain* keep = nullptr) {
  ByteChain chain;
  while (!text.empty()) {
    const std::size_t most = random.chance(0.2) ? 8 : 2000;
    const std::size_t n = std::min<std::size_t>(text.size(), 1 + random.below(most));
    ByteChain piece = ByteChain::copy_of(as_bytes(text.substr(0, n)), pool,
                                         static_cast<std::uint32_t>(random.below(64)));
    if (keep != nullptr && random.chance(0.3)) keep->push_back(piece.front().clone());
    chain.append(std::move(piece));
    text.remove_prefix(n);
  }
  return chain;
}

struct Pair {
  explicit Pair(std::uint64_t seed = 1) : random(seed) {}

  HeapBufferPool pool{2304};
  crypto::CipherChoice choice = crypto::choose_ciphers("ipsec-mb");
  crypto::KeyScheduleCache keys{choice, 3};  // fewer than the four directions in use: it must work all the same
  SessionContext context{pool, keys};
  Random random;
  InlineHandshakeExecutor executor;
  crypto::TestMesh mesh;
  crypto::TlsSettings client_settings, server_settings;
  std::shared_ptr<const crypto::Credentials> client_credentials = mesh.credentials("client");
  std::shared_ptr<const crypto::Credentials> server_credentials = mesh.credentials("server");
  std::int64_t now = crypto::TestMesh::kNow;
  std::unique_ptr<Session> client, server;

  void start() {
    client = Session::client(client_credentials, client_settings, context, now);
    server = Session::server(server_credentials, server_settings, context, now);
  }
  void pump(Session& session) {
    for (HandshakeJob job; session.poll_handshake_job(&job); job = {}) {
      executor.submit(std::move(job));
      HandshakeResult result;
      while (executor.poll(&result)) session.on_handshake_result(std::move(result));
    }
  }
  // One direction; true when something moved.
  bool carry(Session& from, Session& to) {
    pump(from);
    std::string bytes = text_of(from.take_ciphertext());
    if (bytes.empty()) return false;
    if (spoil) spoil(bytes);
    for (std::string_view rest = bytes; !rest.empty();) {
      const std::size_t n = std::min<std::size_t>(rest.size(), 1 + random.below(random.chance(0.5) ? 7 : 20000));
      ByteChain keep;
      to.on_ciphertext(scattered(random, pool, rest.substr(0, n), &keep));
      pump(to);
      rest.remove_prefix(n);
    }
    return true;
  }
  void drive() {
    for (bool moved = true; moved;) {
      const bool forth = carry(*client, *server);
      const bool back = carry(*server, *client);
      moved = forth || back;
    }
  }
  void open() {
    start();
    drive();
    ASSERT_EQ(client->state(), Session::State::kOpen) << client->error();
    ASSERT_EQ(server->state(), Session::State::kOpen) << server->error();
  }
  ByteChain bytes(std::string_view text) { return scattered(random, pool, text); }

  std::function<void(std::string&)> spoil;  // changes bytes on the wire
};

}  // namespace weft::tls
