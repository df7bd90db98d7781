#include "tests/sim/pcap_writer.h"

#include <fstream>

namespace weft::sim {

PcapWriter::PcapWriter() {
  put32(kMagic);
  put16(2), put16(4);   // version
  put32(0), put32(0);   // reserved
  put32(kSnapLength);
  put32(kLinkTypeRaw);
}

void PcapWriter::write(Time at, ByteSpan datagram) {
  const auto size = static_cast<std::uint32_t>(datagram.size());
  put32(static_cast<std::uint32_t>(at.ns() / 1'000'000'000));
  put32(static_cast<std::uint32_t>(at.ns() % 1'000'000'000));
  put32(size);  // captured
  put32(size);  // on the wire
  bytes_.insert(bytes_.end(), datagram.begin(), datagram.end());
}

bool PcapWriter::save(const std::string& path) const {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes_.data()), static_cast<std::streamsize>(bytes_.size()));
  return file.flush().good();
}

void PcapWriter::put16(std::uint16_t value) {
  bytes_.push_back(static_cast<std::uint8_t>(value));
  bytes_.push_back(static_cast<std::uint8_t>(value >> 8));
}

void PcapWriter::put32(std::uint32_t value) {
  put16(static_cast<std::uint16_t>(value));
  put16(static_cast<std::uint16_t>(value >> 16));
}

}  // namespace weft::sim
