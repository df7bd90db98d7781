#include "dataplane/net/tcp_segment.h"

#include <algorithm>

namespace weft::net {

namespace {

// Kinds and lengths of options (RFC 9293 3.1, 7323, 2018).
enum Option : std::uint8_t { kEnd = 0, kNop = 1, kMss = 2, kScale = 3, kSackOk = 4, kSack = 5, kStamps = 8 };

void take_option(std::uint8_t kind, ByteSpan value, TcpSegment* s) {
  switch (kind) {
    case kMss:
      if (value.size() == 2 && s->is(kSyn)) s->mss = load_be16(value.data());
      break;
    case kScale:
      if (value.size() == 1 && s->is(kSyn)) s->window_scale = std::min(value[0], kMaxWindowScale);
      break;
    case kSackOk:
      if (value.empty() && s->is(kSyn)) s->sack_permitted = true;
      break;
    case kStamps:
      if (value.size() == 8) {
        s->has_timestamps = true;
        s->tsval = load_be32(value.data());
        s->tsecr = load_be32(value.data() + 4);
      }
      break;
    case kSack:
      if (value.size() % 8 != 0) break;
      for (; !value.empty() && s->sack_count < s->sack.size(); value = value.subspan(8)) {
        s->sack[s->sack_count++] = {Seq(load_be32(value.data())), Seq(load_be32(value.data() + 4))};
      }
      break;
    default: break;
  }
}

void parse_options(ByteSpan options, TcpSegment* segment) {
  while (!options.empty()) {
    const std::uint8_t kind = options[0];
    if (kind == kEnd) return;
    if (kind == kNop) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) return;
    take_option(kind, options.subspan(2, options[1] - 2u), segment);
    options = options.subspan(options[1]);
  }
}

constexpr std::uint32_t kNopNopStamps = 0x0101080a;

class OptionWriter {
 public:
  explicit OptionWriter(std::uint8_t* at) : at_(at) {}
  void u8(std::uint8_t v) { at_[n_++] = v; }
  void u16(std::uint16_t v) { store_be16(at_ + n_, v), n_ += 2; }
  void u32(std::uint32_t v) { store_be32(at_ + n_, v), n_ += 4; }
  std::uint32_t size() const { return n_; }

 private:
  std::uint8_t* at_;
  std::uint32_t n_ = 0;
};

// The order of Linux and of RFC 7323's appendix A, which fingerprints and header prediction elsewhere expect.
void write_syn_options(const TcpSegment& s, OptionWriter& out) {
  if (s.mss != 0) out.u8(kMss), out.u8(4), out.u16(s.mss);
  if (s.has_timestamps) {
    if (s.sack_permitted) {
      out.u8(kSackOk), out.u8(2);
    } else {
      out.u8(kNop), out.u8(kNop);
    }
    out.u8(kStamps), out.u8(10), out.u32(s.tsval), out.u32(s.tsecr);
  } else if (s.sack_permitted) {
    out.u8(kNop), out.u8(kNop), out.u8(kSackOk), out.u8(2);
  }
  if (s.window_scale != kNoWindowScale) out.u8(kNop), out.u8(kScale), out.u8(3), out.u8(s.window_scale);
}

void write_options(const TcpSegment& s, OptionWriter& out) {
  if (s.has_timestamps) out.u32(kNopNopStamps), out.u32(s.tsval), out.u32(s.tsecr);
  if (s.sack_count == 0) return;
  out.u8(kNop), out.u8(kNop), out.u8(kSack), out.u8(static_cast<std::uint8_t>(2 + 8 * s.sack_count));
  for (std::size_t i = 0; i < s.sack_count; ++i) out.u32(s.sack[i].left.raw()), out.u32(s.sack[i].right.raw());
}

std::uint64_t sum_words(const std::uint8_t* p, std::size_t n) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < n; i += 2) sum += load_be16(p + i);
  return sum;
}

std::uint16_t fold(std::uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

std::uint16_t pseudo_header_sum(const FlowKey& key, std::uint32_t tcp_size) {
  const std::size_t n = key.local.address.size();
  return fold(sum_words(key.local.address.data(), n) + sum_words(key.remote.address.data(), n) + 6 +
              (tcp_size >> 16) + (tcp_size & 0xffff));
}

void write_ipv4(const FlowKey& key, std::uint32_t tcp_size, Ecn ecn, std::uint8_t* p) {
  std::memset(p, 0, 20);
  p[0] = 0x45;
  p[1] = static_cast<std::uint8_t>(ecn);
  store_be16(p + 2, static_cast<std::uint16_t>(20 + tcp_size));
  store_be16(p + 6, 0x4000);  // DF: path MTU discovery (RFC 1191); an atomic datagram needs no ID (RFC 6864)
  p[8] = 64;
  p[9] = 6;
  std::memcpy(p + 12, key.local.address.data(), 4);
  std::memcpy(p + 16, key.remote.address.data(), 4);
  store_be16(p + 10, static_cast<std::uint16_t>(~fold(sum_words(p, 20))));
}

void write_ipv6(const FlowKey& key, std::uint32_t tcp_size, Ecn ecn, std::uint8_t* p) {
  store_be32(p, 0x60000000 | static_cast<std::uint32_t>(ecn) << 20);
  store_be16(p + 4, static_cast<std::uint16_t>(tcp_size));
  p[6] = 6;
  p[7] = 64;
  std::memcpy(p + 8, key.local.address.data(), 16);
  std::memcpy(p + 24, key.remote.address.data(), 16);
}

}  // namespace

bool parse_tcp(ByteSpan bytes, TcpSegment* s) {
  if (bytes.size() < kTcpHeaderSize) return false;
  const std::uint32_t header_size = (bytes[12] >> 4) * 4u;
  if (header_size < kTcpHeaderSize || header_size > bytes.size()) return false;
  s->seq = Seq(load_be32(&bytes[4]));
  s->ack = Seq(load_be32(&bytes[8]));
  s->header_size = static_cast<std::uint8_t>(header_size);
  s->flags = bytes[13];
  s->window = load_be16(&bytes[14]);
  if (header_size == kTcpHeaderSize + kTimestampsSize && load_be32(&bytes[20]) == kNopNopStamps) {
    s->has_timestamps = true;
    s->tsval = load_be32(&bytes[24]);
    s->tsecr = load_be32(&bytes[28]);
  } else if (header_size > kTcpHeaderSize) {
    parse_options(bytes.subspan(kTcpHeaderSize, header_size - kTcpHeaderSize), s);
  }
  return true;
}

bool build_headers(const FlowKey& key, const TcpSegment& s, std::uint32_t payload_size, BufferPool& pool,
                   Packet* packet) {
  Slice header = Slice::allocate(pool, kLinkHeadroom);
  if (!header) return false;
  const std::uint32_t ip_size = ip_header_size(key);
  std::uint8_t* ip = header.data();
  std::uint8_t* tcp = ip + ip_size;
  OptionWriter options(tcp + kTcpHeaderSize);
  s.is(kSyn) ? write_syn_options(s, options) : write_options(s, options);
  const std::uint32_t header_size = kTcpHeaderSize + options.size();
  const std::uint32_t tcp_size = header_size + payload_size;
  store_be16(tcp, key.local.port);
  store_be16(tcp + 2, key.remote.port);
  store_be32(tcp + 4, s.seq.raw());
  store_be32(tcp + 8, s.ack.raw());
  tcp[12] = static_cast<std::uint8_t>(header_size / 4 << 4);
  tcp[13] = s.flags;
  store_be16(tcp + 14, s.window);
  store_be16(tcp + 16, pseudo_header_sum(key, tcp_size));
  store_be16(tcp + 18, 0);
  const Ecn ecn = s.ect ? Ecn::kEct0 : Ecn::kNotEct;
  key.local.address.is_v6() ? write_ipv6(key, tcp_size, ecn, ip) : write_ipv4(key, tcp_size, ecn, ip);
  header.append(ip_size + header_size);
  packet->bytes.push_back(std::move(header));
  packet->interface = key.interface;
  packet->offload = {};
  packet->offload.needs_checksum = true;
  packet->offload.checksum_start = static_cast<std::uint16_t>(ip_size);
  packet->offload.checksum_offset = 16;
  return true;
}

}  // namespace weft::net
