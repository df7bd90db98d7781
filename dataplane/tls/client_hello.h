// What the first bytes of a connection say: is it TLS, for which name, with which ALPN. Consumes nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/byte_chain.h"

namespace weft::tls {

struct ClientHello {
  std::string server_name;                         // SNI, lower case; empty: none
  std::vector<std::string> application_protocols;  // ALPN in the client's order
};

// Feed it the same, growing chain until it answers something other than kNeedMore. One object a connection.
class ClientHelloPeek {
 public:
  enum class Verdict : std::uint8_t {
    kNeedMore,
    kNotTls,     // the first bytes cannot begin a TLS record with a ClientHello
    kMalformed,  // begins as TLS, then breaks its rules, or is longer than kMaximum
    kComplete,
  };
  static constexpr std::size_t kMaximum = 16384;  // bytes of handshake message; a bound, as Envoy's inspector has

  // `received`: all bytes since the connection's first, unconsumed. Works only when a whole record more is there.
  Verdict look(const ByteChain& received);
  // REQUIRES: look() returned kComplete.
  const ClientHello& hello() const { return hello_; }

 private:
  ClientHello hello_;
  std::size_t wanted_ = 1;  // bytes below which another look cannot decide
};

}  // namespace weft::tls
