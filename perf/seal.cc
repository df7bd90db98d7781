// Sealing TLS 1.3 records: the record ciphers of this build beside OpenSSL's EVP, on this CPU.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "crypto/key_schedule.h"
#include "crypto/record_cipher.h"

namespace {

using namespace weft;
using namespace weft::crypto;

constexpr std::array<std::size_t, 3> kSizes = {64, 1420, 16384};
constexpr std::array kAeads = {Aead::kAes128Gcm, Aead::kAes256Gcm, Aead::kChaCha20Poly1305};

// Nanoseconds a record: payload and inner content type sealed in place, one nonce a record as TLS makes it.
double seal_once(const RecordCipher& cipher, Aead aead, std::size_t size) {
  KeySchedule schedule;
  TrafficKey key{aead, {1, 2, 3}, {4, 5, 6}};
  cipher.expand(aead, ByteSpan(key.key).first(key_size(aead)), schedule);
  std::vector<std::uint8_t> text(size + 1);
  std::uint8_t tag[kAeadTagSize];
  std::uint8_t header[5] = {23, 3, 3, 0, 0};
  store_be16(header + 3, static_cast<std::uint16_t>(size + 1 + kAeadTagSize));
  const CipherSegment segment{text.data(), text.data(), text.size()};
  const std::size_t repeats = 200 + 2'000'000 / (size + 100);
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < repeats; ++i) {
    cipher.seal(schedule, record_nonce(key.iv, i), header, {&segment, 1}, tag);
  }
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - begin;
  return spent.count() / static_cast<double>(repeats);
}

struct Figures {
  double ours, openssl;
};

// Alternating rounds, best of each: neighbours on a shared core only ever add time.
Figures compare(const RecordCipher& ours, Aead aead, std::size_t size) {
  Figures best{1e18, 1e18};
  for (int round = 0; round < 15; ++round) {
    best.ours = std::min(best.ours, seal_once(ours, aead, size));
    best.openssl = std::min(best.openssl, seal_once(*openssl_cipher(), aead, size));
  }
  return best;
}

std::string cpu_line(const std::string& field) {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with(field)) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string flags_of_interest() {
  const std::string all = " " + cpu_line("flags") + " ";
  std::string found;
  for (const char* flag : {"aes", "pclmulqdq", "avx2", "vaes", "vpclmulqdq", "avx512f"}) {
    const bool has = all.find(" " + std::string(flag) + " ") != std::string::npos;
    found += std::string(found.empty() ? "" : " ") + (has ? "" : "no-") + flag;
  }
  return found;
}

}  // namespace

int main() {
  const CipherChoice choice = choose_ciphers();
  const RecordCipher* ours = ipsecmb_cipher() != nullptr ? ipsecmb_cipher() : openssl_cipher();
  std::printf("CPU        %s\nflags      %s\nIPsec-MB   %s\nchosen     %s\n\n", cpu_line("model name").c_str(),
              flags_of_interest().c_str(), std::string(ours->name()).c_str(), choice.describe().c_str());
  std::printf("%-18s %6s %12s %12s %12s %9s\n", "algorithm", "bytes", "ours ns", "OpenSSL ns", "ours Gbit/s", "ratio");
  std::string json;
  for (const Aead aead : kAeads) {
    for (const std::size_t size : kSizes) {
      const Figures f = compare(choice.of(aead), aead, size);
      const double ratio = f.ours / f.openssl;
      std::printf("%-18s %6zu %12.1f %12.1f %12.1f %9.2f\n", std::string(to_string(aead)).c_str(), size, f.ours,
                  f.openssl, 8.0 * static_cast<double>(size) / f.ours, ratio);
      char figure[96];
      std::snprintf(figure, sizeof figure, ", \"%s_%zu\": %.3f", std::string(to_string(aead)).c_str(), size, ratio);
      json += figure;
    }
  }
  std::printf("{\"name\": \"seal\", \"flags\": \"%s\", \"path\": \"%s\"%s}\n", flags_of_interest().c_str(),
              choice.describe().c_str(), json.c_str());
}
