// An open session fed with what a peer may send. The input is a list of commands:
//   0 n bytes      n raw bytes on the wire (n: 16 bits)
//   1 type n bytes a record of this content type, properly sealed (n: 16 bits)
//   2              both sides go to their next keys, as after a KeyUpdate that was sent by command 1
//   3 n bytes      the session seals n bytes (n: 8 bits)
//   4 / 5          the session asks for a key update / closes its direction
#include <algorithm>
#include <cstdlib>

#include "dataplane/tls/session.h"

namespace {

using namespace weft;
using namespace weft::tls;

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}
  bool empty() const { return bytes_.empty(); }
  std::uint8_t u8() {
    const ByteSpan one = take(1);
    return one.empty() ? 0 : one[0];
  }
  std::size_t u16() {
    const std::size_t high = u8();
    return high << 8 | u8();
  }
  ByteSpan take(std::size_t n) {
    n = std::min(n, bytes_.size());
    const ByteSpan taken = bytes_.first(n);
    bytes_ = bytes_.subspan(n);
    return taken;
  }

 private:
  ByteSpan bytes_;
};

crypto::HandshakeOutcome known_outcome(std::uint8_t choice) {
  crypto::HandshakeOutcome outcome;
  outcome.sending.aead = outcome.receiving.aead = static_cast<crypto::Aead>(choice % 3);
  outcome.receiving.secret.bytes[0] = 1;
  return outcome;
}

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static const crypto::CipherChoice choice = crypto::choose_ciphers("ipsec-mb");
  HeapBufferPool pool(512);
  {
    crypto::KeyScheduleCache keys(choice, 2);
    const SessionContext context{pool, keys};
    Input input(data, size);
    const auto outcome = known_outcome(input.u8());
    const auto role = input.u8() % 2 == 0 ? crypto::Handshake::Role::kClient : crypto::Handshake::Role::kServer;
    const auto session = Session::opened(role, outcome, context);
    RecordSealer peer(outcome.receiving);
    while (!input.empty()) {
      switch (input.u8() % 6) {
        case 0: session->on_ciphertext(ByteChain::copy_of(input.take(input.u16()), pool)); break;
        case 1: {
          const auto type = static_cast<ContentType>(input.u8());
          ByteChain sealed;
          check(peer.seal(context, type, input.take(input.u16()), &sealed));
          session->on_ciphertext(std::move(sealed));
          break;
        }
        case 2: peer.traffic().update(keys); break;
        case 3: session->seal(ByteChain::copy_of(input.take(input.u8()), pool, 8)); break;
        case 4: session->request_key_update(); break;
        case 5: session->close_notify(); break;
      }
      session->take_ciphertext();
      session->take_plaintext();
      check((session->state() == Session::State::kFailed) != session->error().empty());
    }
    session->on_ciphertext_end();
    check(!session->is_open() || session->state() == Session::State::kPeerClosed);
  }
  check(pool.outstanding() == 0);
  return 0;
}
