// One direction of a simulated link: what happens to a datagram on its way, decided by a seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/sim/datagram.h"

namespace weft::sim {

struct LinkOptions {
  Duration delay = Duration::milliseconds(5);
  Duration jitter{};                   // up to so much more; order is kept
  double loss = 0;                     // independent
  double burst_begin = 0;              // Gilbert's model: chance of a datagram to begin a bad time, in which
  double burst_end = 0.3;              //   each one is lost, and is the last with this chance, or after 0.5 s
  double reorder = 0;                  // chance to be held back by up to
  Duration reorder_by{};               //   so much, while others overtake it
  double duplicate = 0;
  double corrupt = 0;                  // one bit, or a few neighbours, are flipped
  double mark = 0;                     // chance that an ECT datagram is marked CE (RFC 3168, 5)
  std::uint64_t bytes_per_second = 0;  // 0: no limit
  std::uint32_t queue_bytes = 128 * 1024;  // before a limited rate: what finds no room is lost
  std::uint32_t mtu = 65'535;          // bytes of a datagram
  Duration batch{};                    // what arrives is handed over at multiples of this (interrupt moderation)
};

// What a link did; several may be true of one datagram.
#define WEFT_FATES(X)                     \
  X(kLost, "lost")                        \
  X(kLostInBurst, "lost in a burst")      \
  X(kQueueFull, "lost: queue full")       \
  X(kLinkDown, "lost: link down")         \
  X(kCorrupted, "corrupted")              \
  X(kMarked, "marked CE")                 \
  X(kHeldBack, "held back")               \
  X(kTwice, "duplicated")

enum class Fate : std::uint8_t {
#define WEFT_NAME(name, text) name,
  WEFT_FATES(WEFT_NAME)
#undef WEFT_NAME
};
using Fates = std::uint32_t;  // bit per Fate
constexpr Fates bit(Fate fate) { return 1u << static_cast<unsigned>(fate); }
std::string to_string(Fates fates);

class Link {
 public:
  struct Copy {
    Time at;
    Datagram datagram;
  };

  Link(const LinkOptions& options, Random random) : options_(options), random_(random) {}
  // Appends what comes out at the other end, and when. REQUIRES: fits(datagram).
  Fates carry(Time now, Datagram&& datagram, std::vector<Copy>& out);
  bool fits(const Datagram& datagram) const { return datagram.bytes.size() <= options_.mtu; }
  std::uint32_t mtu() const { return options_.mtu; }
  void set_mtu(std::uint32_t mtu) { options_.mtu = mtu; }
  void set_down(bool down) { down_ = down; }

 private:
  Fates lose(Time now, std::size_t bytes, Time* leaves);
  bool in_burst(Time now);
  Time arrival(Time leaves, bool held_back);
  Duration up_to(Duration most);

  LinkOptions options_;
  Random random_;
  bool down_ = false, bad_ = false;
  Time bad_until_;
  Time free_at_;  // when the last bit of the queue has left
  Time last_at_;  // when the last datagram that was not held back arrives
};

// Flips bits so that either a checksum tells, or nothing that TCP is given has changed.
void corrupt(Datagram& datagram, Random& random);

}  // namespace weft::sim
