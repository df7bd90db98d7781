#include "dataplane/net/tcp_syn_cookies.h"

#include <array>

namespace weft::net {

namespace {

// The family's minimum, common tunnels, Ethernet with and without IPv6, jumbo frames.
constexpr std::array<std::uint16_t, 8> kMss{216, 536, 1024, 1220, 1360, 1440, 1460, 8960};
constexpr std::uint32_t kOptionBits = 5, kOptionMask = (1u << kOptionBits) - 1;
constexpr std::uint32_t kNoScale = 15;
constexpr std::uint32_t kSteps = 32;  // 5 bits
constexpr std::uint64_t kPurpose = std::uint64_t{4} << 60;

std::uint32_t step_of(Time now) { return static_cast<std::uint32_t>(now.ns() / TcpSynCookies::kStep.ns()) % kSteps; }

std::uint32_t mss_index(std::uint16_t mss) {
  std::uint32_t index = 0;
  while (index + 1 < kMss.size() && kMss[index + 1] <= mss) ++index;
  return index;
}

}  // namespace

std::uint32_t TcpSynCookies::sum(const FlowKey& key, Seq peer_isn, std::uint32_t head) const {
  return static_cast<std::uint32_t>(secret_.hash(key, kPurpose | std::uint64_t{head} << 32 | peer_isn.raw()) >> 40);
}

Seq TcpSynCookies::make(Time now, const FlowKey& key, const TcpSegment& syn) const {
  const std::uint16_t mss = syn.mss != 0 ? syn.mss : kDefaultMss4;
  const std::uint32_t head = step_of(now) << 3 | mss_index(mss);
  return Seq(head << 24 | sum(key, syn.seq, head));
}

std::uint32_t TcpSynCookies::stamp(std::uint32_t tsval, const TcpSegment& syn) {
  const std::uint32_t scale = syn.window_scale == kNoWindowScale ? kNoScale : syn.window_scale;
  const std::uint32_t bits = scale << 1 | (syn.sack_permitted ? 1u : 0u);
  const std::uint32_t stamped = (tsval & ~kOptionMask) | bits;
  return stamped > tsval ? stamped - (kOptionMask + 1) : stamped;
}

std::optional<TcpSegment> TcpSynCookies::restore(Time now, const FlowKey& key, const TcpSegment& ack) const {
  const std::uint32_t cookie = (ack.ack - 1).raw();
  const std::uint32_t head = cookie >> 24;
  const Seq peer_isn = ack.seq - 1;
  const std::uint32_t age = (step_of(now) + kSteps - (head >> 3)) % kSteps;
  if (age > 1 || sum(key, peer_isn, head) != (cookie & 0xffffff)) return std::nullopt;
  TcpSegment syn;
  syn.seq = peer_isn;
  syn.flags = kSyn;
  syn.mss = kMss[head & 7];
  if (!ack.has_timestamps) return syn;
  syn.has_timestamps = true;
  syn.tsval = ack.tsval;
  syn.sack_permitted = (ack.tsecr & 1) != 0;
  const std::uint32_t scale = (ack.tsecr & kOptionMask) >> 1;
  if (scale != kNoScale) syn.window_scale = static_cast<std::uint8_t>(scale);
  return syn;
}

}  // namespace weft::net
