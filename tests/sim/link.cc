#include "tests/sim/link.h"

#include <algorithm>

#include "dataplane/net/ip.h"

namespace weft::sim {

namespace {

// What a congested router does to a datagram that allows it (RFC 3168, 5). IPv4's checksum follows.
bool mark(Datagram& datagram) {
  std::uint8_t* ip = datagram.bytes.data();
  const bool v6 = ip[0] >> 4 == 6;
  const int shift = v6 ? 4 : 0;
  if ((ip[1] >> shift & 3) == 0) return false;
  ip[1] = static_cast<std::uint8_t>(ip[1] | 3 << shift);
  if (!v6) net::fill_ip4_checksum(ip);
  return true;
}

}  // namespace

std::string to_string(Fates fates) {
  static constexpr const char* kTexts[] = {
#define WEFT_NAME(name, text) text,
      WEFT_FATES(WEFT_NAME)
#undef WEFT_NAME
  };
  std::string text;
  for (std::size_t i = 0; i < std::size(kTexts); ++i) {
    if ((fates >> i & 1) != 0) text += (text.empty() ? "" : ", ") + std::string(kTexts[i]);
  }
  return text;
}

Fates Link::carry(Time now, Datagram&& datagram, std::vector<Copy>& out) {
  Time leaves = now;
  if (const Fates lost = lose(now, datagram.bytes.size(), &leaves)) return lost;
  Fates fates = 0;
  if (options_.mark > 0 && random_.chance(options_.mark) && mark(datagram)) fates |= bit(Fate::kMarked);
  const bool twice = random_.chance(options_.duplicate);
  if (twice) fates |= bit(Fate::kTwice);
  for (int copy = 0; copy < (twice ? 2 : 1); ++copy) {
    const bool held_back = random_.chance(options_.reorder);
    if (held_back) fates |= bit(Fate::kHeldBack);
    out.push_back({arrival(leaves, held_back), datagram});
    // Once only: two links might undo each other's traces in the checksum.
    if (!random_.chance(options_.corrupt) || datagram.corrupted) continue;
    fates |= bit(Fate::kCorrupted);
    corrupt(out.back().datagram, random_);
  }
  return fates;
}

Fates Link::lose(Time now, std::size_t bytes, Time* leaves) {
  if (down_) return bit(Fate::kLinkDown);
  if (in_burst(now)) return bit(Fate::kLostInBurst);
  if (random_.chance(options_.loss)) return bit(Fate::kLost);
  if (options_.bytes_per_second == 0) return 0;
  const auto per_byte = 1'000'000'000 / static_cast<std::int64_t>(options_.bytes_per_second);
  const Duration waiting = free_at_ > now ? free_at_ - now : Duration();
  if (waiting.ns() > per_byte * options_.queue_bytes) return bit(Fate::kQueueFull);
  free_at_ = *leaves = now + waiting + Duration::nanoseconds(per_byte) * static_cast<std::int64_t>(bytes);
  return 0;
}

// A bad time ends by itself when few datagrams come: else a sender that backs off would meet nothing else.
bool Link::in_burst(Time now) {
  if (bad_ && now >= bad_until_) bad_ = false;
  if (!bad_ && random_.chance(options_.burst_begin)) {
    bad_ = true;
    bad_until_ = now + Duration::milliseconds(500);
  }
  if (!bad_) return false;
  bad_ = !random_.chance(options_.burst_end);
  return true;
}

Time Link::arrival(Time leaves, bool held_back) {
  Time at = leaves + options_.delay + up_to(options_.jitter);
  if (held_back) {
    at = at + up_to(options_.reorder_by);
  } else {
    at = last_at_ = std::max(at, last_at_);
  }
  const std::int64_t batch = options_.batch.ns();
  return batch == 0 ? at : Time::from_ns((at.ns() + batch - 1) / batch * batch);
}

Duration Link::up_to(Duration most) {
  if (most.ns() == 0) return most;
  return Duration::nanoseconds(static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(most.ns()) + 1)));
}

// The Internet checksum sees every burst of up to 15 bits (RFC 1071 sums 16-bit words). It covers all of IPv4's header
// and TCP; of IPv6's header, addresses, length and protocol only: what else may be flipped there says nothing to TCP
// but congestion. An IPv6 length that is flipped also moves the end of what is summed, and the sum may happen to hold:
// such a flip, one in 65 536, is taken back.
void corrupt(Datagram& d, Random& random) {
  const std::vector<std::uint8_t> before = d.bytes;
  const std::size_t bits = d.bytes.size() * 8;
  const std::size_t first = random.below(bits), length = random.chance(0.7) ? 1 : 2 + random.below(14);
  for (std::size_t i = first; i < std::min(first + length, bits); ++i) {
    if (i != first && i + 1 != first + length && random.chance(0.5)) continue;
    d.bytes[i / 8] = static_cast<std::uint8_t>(d.bytes[i / 8] ^ 0x80 >> i % 8);
  }
  d.corrupted = true;
  const auto ip = net::parse_ip(d.bytes, d.bytes.size());
  if (ip && ip->total_bytes != d.bytes.size()) d.bytes = before, d.corrupted = false;
}

}  // namespace weft::sim
