// A capture file of IP datagrams, as tcpdump and tshark read it (draft-ietf-opsawg-pcap): nanoseconds, LINKTYPE_RAW.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace weft::sim {

class PcapWriter {
 public:
  static constexpr std::uint32_t kMagic = 0xa1b23c4d;  // of captures whose fractions are nanoseconds
  static constexpr std::uint32_t kLinkTypeRaw = 101;   // a record begins with the IP header of either version
  static constexpr std::uint32_t kSnapLength = 262'144;

  PcapWriter();
  void write(Time at, ByteSpan datagram);
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }
  // False: the file cannot be written.
  bool save(const std::string& path) const;

 private:
  void put16(std::uint16_t value);
  void put32(std::uint32_t value);

  std::vector<std::uint8_t> bytes_;  // little-endian, as the magic number tells
};

}  // namespace weft::sim
