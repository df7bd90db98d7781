#include "dataplane/net/tcp_isn.h"

#include <bit>
#include <cstring>

namespace weft::net {

namespace {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    round(), round();
    v0 ^= word;
  }
};

}  // namespace

std::uint64_t TcpSecret::hash(const FlowKey& key, std::uint64_t purpose) const {
  std::uint64_t words[6] = {};
  std::memcpy(&words[0], key.local.address.data(), key.local.address.size());
  std::memcpy(&words[2], key.remote.address.data(), key.remote.address.size());
  words[4] = std::uint64_t{key.interface} << 32 | std::uint64_t{key.local.port} << 16 | key.remote.port;
  words[5] = purpose;
  SipState s{key_[0] ^ 0x736f6d6570736575, key_[1] ^ 0x646f72616e646f6d, key_[0] ^ 0x6c7967656e657261,
             key_[1] ^ 0x7465646279746573};
  for (std::uint64_t word : words) s.take(word);
  s.take(std::uint64_t{sizeof words} << 56);
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) s.round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

}  // namespace weft::net
