#include "crypto/record_cipher.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "crypto/certificate.h"
#include "crypto/key_schedule.h"

namespace weft::crypto {
namespace {

constexpr std::array kAeads = {Aead::kAes128Gcm, Aead::kAes256Gcm, Aead::kChaCha20Poly1305};

std::vector<std::uint8_t> random_bytes(Random& random, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random.next());
  return bytes;
}

// `bytes` cut at random, empty segments included.
std::vector<CipherSegment> split(Random& random, const std::vector<std::uint8_t>& in, std::vector<std::uint8_t>& out) {
  std::vector<CipherSegment> segments;
  for (std::size_t at = 0; at < in.size();) {
    const std::size_t n = random.below(std::min<std::uint64_t>(in.size() - at, 1 + random.below(4000)) + 1);
    segments.push_back({in.data() + at, out.data() + at, n});
    at += n;
  }
  return segments;
}

struct Sealed {
  std::vector<std::uint8_t> text;
  std::vector<std::uint8_t> tag = std::vector<std::uint8_t>(kAeadTagSize);
};

TEST(RecordCipher, BothAgreeForRandomKeysSizesAndSplits) {
  if (ipsecmb_cipher() == nullptr) GTEST_SKIP() << "no AES-NI or PCLMULQDQ on this CPU";
  Random random(2026);
  for (int round = 0; round < 1500; ++round) {
    const Aead aead = kAeads[random.below(3)];
    const auto key = random_bytes(random, key_size(aead));
    const auto text = random_bytes(random, random.chance(0.3) ? random.below(100) : random.below(17000));
    const auto aad = random_bytes(random, 5);
    Nonce nonce;
    for (auto& b : nonce) b = static_cast<std::uint8_t>(random.next());
    Sealed sealed[2];
    const RecordCipher* ciphers[2] = {ipsecmb_cipher(), openssl_cipher()};
    KeySchedule schedules[2];
    for (int i = 0; i < 2; ++i) {
      ciphers[i]->expand(aead, key, schedules[i]);
      const bool in_place = random.chance(0.5);
      sealed[i].text = text;
      ciphers[i]->seal(schedules[i], nonce, aad, split(random, in_place ? sealed[i].text : text, sealed[i].text),
                       sealed[i].tag.data());
    }
    ASSERT_EQ(sealed[0].text, sealed[1].text) << "round " << round << ' ' << to_string(aead) << ' ' << text.size();
    ASSERT_EQ(sealed[0].tag, sealed[1].tag) << "round " << round;
    // Each opens what the other sealed, and nothing else.
    for (int i = 0; i < 2; ++i) {
      auto opened = sealed[1 - i].text;
      ASSERT_TRUE(ciphers[i]->open(schedules[i], nonce, aad, split(random, opened, opened), sealed[1 - i].tag.data()));
      ASSERT_EQ(opened, text);
      auto bad_tag = sealed[i].tag;
      bad_tag[random.below(kAeadTagSize)] ^= static_cast<std::uint8_t>(1 << random.below(8));
      opened = sealed[i].text;
      ASSERT_FALSE(ciphers[i]->open(schedules[i], nonce, aad, split(random, opened, opened), bad_tag.data()));
      auto bad_aad = aad;
      bad_aad[random.below(5)] ^= 1;
      opened = sealed[i].text;
      ASSERT_FALSE(ciphers[i]->open(schedules[i], nonce, bad_aad, split(random, opened, opened), sealed[i].tag.data()));
      if (text.empty()) continue;
      auto bad_text = sealed[i].text;
      bad_text[random.below(bad_text.size())] ^= 0x80;
      ASSERT_FALSE(ciphers[i]->open(schedules[i], nonce, aad, split(random, bad_text, bad_text), sealed[i].tag.data()));
    }
  }
}

TEST(RecordCipher, ForcedChoicesAreKept) {
  EXPECT_EQ(choose_ciphers("openssl").of(Aead::kAes128Gcm).name(), "openssl");
  if (ipsecmb_cipher() != nullptr) {
    EXPECT_EQ(&choose_ciphers("ipsec-mb").of(Aead::kChaCha20Poly1305), ipsecmb_cipher());
  }
  EXPECT_NE(choose_ciphers().describe().find("AES-128-GCM "), std::string::npos);
}

TrafficKey key_number(std::uint8_t n) {
  TrafficKey key;
  key.key[0] = n;
  return key;
}

// What a schedule is, seen from outside: the tag of the empty message.
std::string tag_with(const CipherChoice& choice, KeySchedule& schedule) {
  std::array<std::uint8_t, kAeadTagSize> tag;
  choice.of(Aead::kAes128Gcm).seal(schedule, Nonce{}, {}, {}, tag.data());
  return to_hex(tag);
}

TEST(KeyScheduleCache, HoldsTheBusyAndExpandsTheRestAgain) {
  const CipherChoice choice = choose_ciphers("openssl");
  KeyScheduleCache cache(choice, 2);
  KeyScheduleCache::Ticket a, b, c;
  const std::string tag_a = tag_with(choice, cache.get(key_number(1), a));
  const std::string tag_b = tag_with(choice, cache.get(key_number(2), b));
  EXPECT_NE(tag_a, tag_b);
  EXPECT_EQ(tag_with(choice, cache.get(key_number(1), a)), tag_a);
  EXPECT_EQ(cache.hits(), 1u);
  cache.get(key_number(3), c);  // b is the oldest: out
  EXPECT_EQ(tag_with(choice, cache.get(key_number(1), a)), tag_a);
  EXPECT_EQ(cache.misses(), 3u);
  EXPECT_EQ(tag_with(choice, cache.get(key_number(2), b)), tag_b);
  EXPECT_EQ(cache.misses(), 4u);
}

TEST(KeyScheduleCache, ForgottenTicketsNeverFindAnothersKey) {
  const CipherChoice choice = choose_ciphers("openssl");
  KeyScheduleCache cache(choice, 4);
  KeyScheduleCache::Ticket a;
  const std::string tag_a = tag_with(choice, cache.get(key_number(1), a));
  KeyScheduleCache::Ticket stale = a;
  cache.forget(a);
  KeyScheduleCache::Ticket b;
  const std::string tag_b = tag_with(choice, cache.get(key_number(2), b));
  EXPECT_EQ(tag_with(choice, cache.get(key_number(1), stale)), tag_a);
  EXPECT_EQ(tag_with(choice, cache.get(key_number(2), b)), tag_b);
}

TEST(KeyScheduleCache, RandomUseAgainstFreshExpansion) {
  const CipherChoice choice = choose_ciphers();
  KeyScheduleCache cache(choice, 5);
  std::array<KeyScheduleCache::Ticket, 12> tickets;
  std::array<std::string, 12> expected;
  for (std::uint8_t i = 0; i < 12; ++i) {
    KeySchedule schedule;
    choice.of(Aead::kAes128Gcm).expand(Aead::kAes128Gcm, ByteSpan(key_number(i).key).first(16), schedule);
    expected[i] = tag_with(choice, schedule);
  }
  Random random(7);
  for (int step = 0; step < 3000; ++step) {
    const auto i = static_cast<std::uint8_t>(random.below(12));
    if (random.chance(0.1)) {
      cache.forget(tickets[i]);
    } else {
      ASSERT_EQ(tag_with(choice, cache.get(key_number(i), tickets[i])), expected[i]) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace weft::crypto
