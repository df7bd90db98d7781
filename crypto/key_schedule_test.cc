#include "crypto/key_schedule.h"

#include <gtest/gtest.h>

#include "crypto/certificate.h"

namespace weft::crypto {
namespace {

std::vector<std::uint8_t> hex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  std::string digits;
  for (const char c : text) {
    if (c != ' ') digits += c;
  }
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

TrafficSecret secret_of(std::string_view text) {
  TrafficSecret secret;
  const auto bytes = hex(text);
  std::copy(bytes.begin(), bytes.end(), secret.bytes.begin());
  return secret;
}

// RFC 8448 section 3, "Simple 1-RTT Handshake".
TEST(KeySchedule, Rfc8448EarlyAndDerivedSecrets) {
  std::array<std::uint8_t, 32> early, derived;
  const std::array<std::uint8_t, 32> zeros{};
  hkdf_extract(HashKind::kSha256, {}, zeros, early);
  EXPECT_EQ(to_hex(early), "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
  const auto hash_of_nothing = hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hkdf_expand_label(HashKind::kSha256, early, "derived", hash_of_nothing, derived);
  EXPECT_EQ(to_hex(derived), "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba");
}

TEST(KeySchedule, Rfc8448HandshakeTrafficKeys) {
  const TrafficKey server = traffic_key(
      Aead::kAes128Gcm, secret_of("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"));
  EXPECT_EQ(to_hex(ByteSpan(server.key).first(16)), "3fce516009c21727d0f2e4e86ee403bc");
  EXPECT_EQ(to_hex(server.iv), "5d313eb2671276ee13000b30");
}

TEST(KeySchedule, Rfc8448ApplicationTrafficKeys) {
  const TrafficKey server = traffic_key(
      Aead::kAes128Gcm, secret_of("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"));
  EXPECT_EQ(to_hex(ByteSpan(server.key).first(16)), "9f02283b6c9c07efc26bb9f2ac92e356");
  EXPECT_EQ(to_hex(server.iv), "cf782b88dd83549aadf1e984");
  const TrafficKey client = traffic_key(
      Aead::kAes128Gcm, secret_of("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5"));
  EXPECT_EQ(to_hex(ByteSpan(client.key).first(16)), "17422dda596ed5d9acd890e3c63f5051");
  EXPECT_EQ(to_hex(client.iv), "5b78923dee08579033e523d9");
}

// RFC 8448 section 3: the client's alert, record 1 of its application keys, sealed whole.
TEST(KeySchedule, Rfc8448AlertRecord) {
  const TrafficKey client = traffic_key(
      Aead::kAes128Gcm, secret_of("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5"));
  const auto header = hex("1703030013");
  for (const RecordCipher* cipher : {ipsecmb_cipher(), openssl_cipher()}) {
    if (cipher == nullptr) continue;
    KeySchedule schedule;
    cipher->expand(client.aead, ByteSpan(client.key).first(16), schedule);
    auto text = hex("010015");
    std::array<std::uint8_t, kAeadTagSize> tag;
    const CipherSegment segment{text.data(), text.data(), text.size()};
    cipher->seal(schedule, record_nonce(client.iv, 1), header, {&segment, 1}, tag.data());
    EXPECT_EQ(to_hex(text) + to_hex(tag), "c9872760655666b74d7ff1153efd6db6d0b0e3");
  }
}

TEST(KeySchedule, NonceIsIvXorSequence) {
  Nonce iv{};
  iv[11] = 0x0f;
  iv[0] = 0xaa;
  const Nonce nonce = record_nonce(iv, 0x0102030405060708);
  EXPECT_EQ(to_hex(nonce), "aa0000000102030405060707");
}

TEST(KeySchedule, NextSecretDiffersAndKeepsItsHash) {
  TrafficSecret secret;
  secret.hash = HashKind::kSha384;
  const TrafficSecret next = next_secret(secret);
  EXPECT_EQ(next.hash, HashKind::kSha384);
  EXPECT_NE(next.bytes, secret.bytes);
  EXPECT_NE(next_secret(next).bytes, next.bytes);
}

}  // namespace
}  // namespace weft::crypto
