#include "dataplane/tls/client_hello.h"

#include <gtest/gtest.h>

#include "dataplane/tls/test_pair.h"

namespace weft::tls {
namespace {

using Verdict = ClientHelloPeek::Verdict;

// What our own client sends: OpenSSL wrote it.
std::string hello_of(Pair& pair, std::vector<std::string> alpn, std::string sni) {
  pair.client_settings.alpn = std::move(alpn);
  pair.client_settings.sni = std::move(sni);
  pair.start();
  pair.pump(*pair.client);
  return text_of(pair.client->take_ciphertext());
}

// The same message in records of at most `size` bytes.
std::string in_records(const std::string& one_record, std::size_t size) {
  std::string out;
  for (std::string_view rest = std::string_view(one_record).substr(5); !rest.empty();) {
    const std::size_t n = std::min(size, rest.size());
    out += {0x16, 0x03, 0x01, static_cast<char>(n >> 8), static_cast<char>(n)};
    out += rest.substr(0, n);
    rest.remove_prefix(n);
  }
  return out;
}

TEST(ClientHello, FoundWhereverTheBytesAreCut) {
  Pair pair;
  const std::string hello = hello_of(pair, {"istio", "h2"}, "Outbound_.80_._.Web.svc");
  for (const std::size_t record : {std::size_t{16000}, std::size_t{100}, std::size_t{7}, std::size_t{1}}) {
    const std::string bytes = in_records(hello, record);
    ClientHelloPeek peek;
    ByteChain chain;
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
      chain.append(ByteChain::copy_of(as_bytes(bytes.substr(i, 1)), pair.pool));
      ASSERT_EQ(peek.look(chain), Verdict::kNeedMore) << i << " of " << bytes.size();
    }
    chain.append(ByteChain::copy_of(as_bytes(bytes.substr(bytes.size() - 1)), pair.pool));
    ASSERT_EQ(peek.look(chain), Verdict::kComplete);
    EXPECT_EQ(peek.hello().server_name, "outbound_.80_._.web.svc");
    EXPECT_EQ(peek.hello().application_protocols, (std::vector<std::string>{"istio", "h2"}));
    EXPECT_EQ(chain.size(), bytes.size());
  }
}

TEST(ClientHello, WithoutSniAndAlpn) {
  Pair pair;
  ClientHelloPeek peek;
  ASSERT_EQ(peek.look(pair.bytes(hello_of(pair, {}, ""))), Verdict::kComplete);
  EXPECT_EQ(peek.hello().server_name, "");
  EXPECT_TRUE(peek.hello().application_protocols.empty());
}

Verdict look(Pair& pair, std::string_view bytes) { return ClientHelloPeek().look(pair.bytes(bytes)); }

TEST(ClientHello, OtherProtocolsAreToldFromTheFirstByte) {
  Pair pair;
  EXPECT_EQ(look(pair, "G"), Verdict::kNotTls);
  EXPECT_EQ(look(pair, "PRI * HTTP/2.0"), Verdict::kNotTls);
  EXPECT_EQ(look(pair, "\x16"), Verdict::kNeedMore);
  EXPECT_EQ(look(pair, "\x16\x02"), Verdict::kNotTls);
  EXPECT_EQ(look(pair, ""), Verdict::kNeedMore);
  using std::string_literals::operator""s;
  EXPECT_EQ(look(pair, "\x16\x03\x01\x00\x05\x02"s), Verdict::kNotTls);  // a ServerHello
}

TEST(ClientHello, MalformedOnesAreNamedSo) {
  Pair pair;
  using std::string_literals::operator""s;
  EXPECT_EQ(look(pair, "\x16\x03\x01\x48\x01\x01"s), Verdict::kMalformed);              // too long a record
  EXPECT_EQ(look(pair, "\x16\x03\x01\x00\x04\x01\x00\x50\x00"s), Verdict::kMalformed);  // too long a message
  EXPECT_EQ(look(pair, "\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03"s), Verdict::kMalformed);
  std::string hello = hello_of(pair, {"h2"}, "name");
  // An ALPN entry one byte longer than its list.
  const std::size_t at = hello.find("\x02h2");
  ASSERT_NE(at, std::string::npos);
  hello[at] = 3;
  EXPECT_EQ(look(pair, hello), Verdict::kMalformed);
}

TEST(ClientHello, AnyFlipAndAnyCutIsHandled) {
  Pair pair(9);
  const std::string hello = hello_of(pair, {"istio", "h2"}, "a.b.c");
  for (int i = 0; i < 5000; ++i) {
    std::string bytes = hello;
    for (std::uint64_t flips = pair.random.below(4); flips-- > 0;) {
      bytes[pair.random.below(bytes.size())] = static_cast<char>(pair.random.next());
    }
    bytes.resize(pair.random.below(bytes.size() + 1));
    look(pair, bytes);
  }
}

}  // namespace
}  // namespace weft::tls
