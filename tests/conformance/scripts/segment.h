// TCP segments in the notation of packet scripts, and their bytes. Nothing here is shared with the stack under test.
//
//   S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>
//
// Flags (S F R P U and . for ACK, - for none), first:next(bytes), then what is wanted of ack, win, urg and options.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace script {

using Bytes = std::vector<std::uint8_t>;

struct Option {
  std::string name;  // mss, sackOK, TS, nop, wscale, sack, eol, raw: bytes of any other
  std::vector<std::uint32_t> values;  // of TS: val, ecr where named; of sack: edges
  std::optional<std::uint32_t> val, ecr;
};

// Numbers are relative to the sender's and the receiver's SYN.
struct Segment {
  std::string flags;
  std::uint32_t seq = 0, size = 0;
  std::optional<std::uint32_t> ack, window, urgent;
  std::optional<std::vector<Option>> options;
  Bytes payload;

  bool has(char flag) const { return flags.find(flag) != std::string::npos; }
};

// Byte `at` of what each side says.
inline std::uint8_t pattern(std::uint32_t at) { return static_cast<std::uint8_t>(at * 7 + (at >> 8)); }

// Throws std::runtime_error on what is no segment.
Segment segment_of(std::string_view text);
std::string text_of(const Segment& segment);

// Both ends of the wire, from the sender's point of view.
struct Flow {
  int family = AF_INET;
  std::array<std::uint8_t, 16> source{}, destination{};  // the first 4 for AF_INET
  std::uint16_t source_port = 0, destination_port = 0;

  std::size_t address_bytes() const { return family == AF_INET6 ? 16 : 4; }
  std::size_t header_bytes() const { return family == AF_INET6 ? 40 : 20; }
};

// ---- bytes. Segments come and go with absolute numbers here.
Bytes tcp_datagram(const Flow& flow, const Segment& segment);
// A datagram of another protocol, complete but for the checksum of what it carries.
Bytes ip_datagram(const Flow& flow, std::uint8_t protocol, const Bytes& payload);
// nullopt: no whole TCP datagram, or a checksum in it is wrong.
std::optional<Segment> parse_datagram(const Bytes& datagram, Flow* flow);
// The piece [from, to) of what `datagram` carries; both multiples of 8, but for the end.
Bytes fragment_of(const Flow& flow, const Bytes& datagram, std::size_t from, std::size_t to);
// `datagram` of IPv6 with an extension header behind the fixed one. The first byte, which names what follows, is
// written here.
Bytes with_extension(const Bytes& datagram, std::uint8_t kind, Bytes header);
// `datagram` of IPv4 with options, a multiple of 4 bytes.
Bytes with_ip_options(const Bytes& datagram, const Bytes& options);
// An ICMP error, or an ICMPv6 one, about `quoted`.
Bytes icmp_error(const Flow& flow, std::uint8_t type, std::uint8_t code, std::uint32_t rest, const Bytes& quoted);

}  // namespace script
