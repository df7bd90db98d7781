#include "dataplane/tls/client_hello.h"

#include <algorithm>
#include <array>
#include <utility>

namespace weft::tls {

namespace {

using Verdict = ClientHelloPeek::Verdict;

constexpr std::size_t kHeader = 5;
constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::uint8_t kClientHello = 1;
constexpr std::uint16_t kServerName = 0;                // RFC 6066 section 3
constexpr std::uint16_t kApplicationLayerProtocol = 16; // RFC 7301
constexpr std::size_t kMaximumFragment = 16384;

// Reads vectors of TLS presentation language; the first overrun makes it bad for good, and all later reads empty.
class Reader {
 public:
  explicit Reader(ByteSpan bytes) : bytes_(bytes) {}
  bool good() const { return good_; }
  bool empty() const { return bytes_.empty(); }
  ByteSpan take(std::size_t n) {
    if (n > bytes_.size()) {
      good_ = false;
      bytes_ = {};
      return {};
    }
    const ByteSpan taken = bytes_.first(n);
    bytes_ = bytes_.subspan(n);
    return taken;
  }
  std::uint8_t u8() {
    const ByteSpan b = take(1);
    return good_ ? b[0] : 0;
  }
  std::uint16_t u16() {
    const ByteSpan b = take(2);
    return good_ ? load_be16(b.data()) : 0;
  }
  ByteSpan vector8() { return take(u8()); }
  ByteSpan vector16() { return take(u16()); }

 private:
  ByteSpan bytes_;
  bool good_ = true;
};

// RFC 6066: one host_name, without a trailing dot, never an address; what is no plausible name is malformed.
bool read_server_name(ByteSpan extension, ClientHello& hello) {
  Reader in(extension);
  Reader list(in.vector16());
  if (!in.good() || !in.empty()) return false;
  while (!list.empty()) {
    const std::uint8_t type = list.u8();
    const ByteSpan name = list.vector16();
    if (!list.good()) return false;
    if (type != 0) continue;
    if (!hello.server_name.empty() || name.empty() || name.size() > 255) return false;
    for (const std::uint8_t c : name) {
      if (c <= ' ' || c >= 0x7f) return false;
      hello.server_name += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
  }
  return true;
}

bool read_protocols(ByteSpan extension, ClientHello& hello) {
  Reader in(extension);
  Reader list(in.vector16());
  if (!in.good() || !in.empty() || list.empty()) return false;
  while (!list.empty()) {
    const ByteSpan name = list.vector8();
    if (!list.good() || name.empty()) return false;
    hello.application_protocols.emplace_back(as_text(name));
  }
  return true;
}

// RFC 8446 section 4.1.2, and the same in 1.2 (RFC 5246 section 7.4.1.2), where extensions may be absent.
bool read_client_hello(ByteSpan body, ClientHello& hello) {
  Reader in(body);
  if (in.u16() >> 8 != 3) return false;
  in.take(32);                                                   // random
  if (in.vector8().size() > 32) return false;                    // legacy_session_id
  const std::size_t suites = in.vector16().size();               // cipher_suites
  const std::size_t compressions = in.vector8().size();          // legacy_compression_methods
  if (!in.good() || suites < 2 || suites % 2 != 0 || compressions == 0) return false;
  if (in.empty()) return true;
  Reader extensions(in.vector16());
  if (!in.good() || !in.empty()) return false;
  bool seen_name = false, seen_alpn = false;
  while (!extensions.empty()) {
    const std::uint16_t type = extensions.u16();
    const ByteSpan data = extensions.vector16();
    if (!extensions.good()) return false;
    if (type == kServerName && (std::exchange(seen_name, true) || !read_server_name(data, hello))) return false;
    if (type == kApplicationLayerProtocol && (std::exchange(seen_alpn, true) || !read_protocols(data, hello))) {
      return false;
    }
  }
  return true;
}

// The first bytes of a record: wrong in any of them, and this is not TLS. Fewer than there are is fine.
bool begins_as_tls(ByteSpan first) {
  if (!first.empty() && first[0] != kHandshakeRecord) return false;
  if (first.size() > 1 && first[1] != 3) return false;
  if (first.size() > 5 && first[5] != kClientHello) return false;
  return true;
}

}  // namespace

Verdict ClientHelloPeek::look(const ByteChain& received) {
  if (received.size() < wanted_) return Verdict::kNeedMore;
  std::array<std::uint8_t, kHeader + 1> first;
  const std::size_t some = std::min(first.size(), received.size());
  received.copy_to(0, MutableByteSpan(first).first(some));
  if (!begins_as_tls(ByteSpan(first).first(some))) return Verdict::kNotTls;
  if (some < first.size()) {
    wanted_ = some + 1;
    return Verdict::kNeedMore;
  }

  // The handshake message, out of as many records as it takes (RFC 8446 section 5.1).
  std::vector<std::uint8_t> message;
  for (std::size_t at = 0;;) {
    std::array<std::uint8_t, kHeader> header;
    if (received.size() < at + kHeader) {
      wanted_ = at + kHeader;
      return Verdict::kNeedMore;
    }
    received.copy_to(at, header);
    const std::size_t size = load_be16(header.data() + 3);
    if (header[0] != kHandshakeRecord || header[1] != 3 || size == 0 || size > kMaximumFragment) {
      return Verdict::kMalformed;
    }
    if (received.size() < at + kHeader + size) {
      wanted_ = at + kHeader + size;
      return Verdict::kNeedMore;
    }
    const std::size_t before = message.size();
    message.resize(before + size);
    received.copy_to(at + kHeader, MutableByteSpan(message).subspan(before));
    at += kHeader + size;
    if (message.size() < 4) continue;
    const std::size_t body = load_be24(message.data() + 1);
    if (body + 4 > kMaximum) return Verdict::kMalformed;
    if (message.size() < 4 + body) continue;
    // Nothing may follow a ClientHello before the server has answered.
    if (message.size() > 4 + body) return Verdict::kMalformed;
    hello_ = {};
    return read_client_hello(ByteSpan(message).subspan(4, body), hello_) ? Verdict::kComplete : Verdict::kMalformed;
  }
}

}  // namespace weft::tls
