#include "dataplane/nic/virtio_header.h"

namespace weft::nic {

bool from_virtio(const VirtioHeader& header, Offload* offload) {
  *offload = {};
  switch (header.gso_type & ~VirtioHeader::kGsoEcn) {
    case VirtioHeader::kGsoNone: break;
    case VirtioHeader::kGsoTcp4: offload->gso = GsoType::kTcp4; break;
    case VirtioHeader::kGsoTcp6: offload->gso = GsoType::kTcp6; break;
    default: return false;
  }
  if (offload->gso != GsoType::kNone) offload->gso_size = header.gso_size;
  offload->checksum_verified = (header.flags & VirtioHeader::kDataValid) != 0;
  if ((header.flags & VirtioHeader::kNeedsChecksum) != 0) {
    offload->needs_checksum = true;
    offload->checksum_start = header.csum_start;
    offload->checksum_offset = header.csum_offset;
  }
  return true;
}

VirtioHeader to_virtio(const Offload& offload, ByteSpan frame) {
  VirtioHeader header;
  if (offload.needs_checksum) {
    header.flags = VirtioHeader::kNeedsChecksum;
    header.csum_start = offload.checksum_start;
    header.csum_offset = offload.checksum_offset;
  } else if (offload.checksum_verified) {
    header.flags = VirtioHeader::kDataValid;
  }
  if (offload.gso == GsoType::kNone) return header;
  header.gso_type = offload.gso == GsoType::kTcp4 ? VirtioHeader::kGsoTcp4 : VirtioHeader::kGsoTcp6;
  header.gso_size = offload.gso_size;
  // The kernel takes all headers into its linear part by this hint: checksum_start is where TCP begins, and the upper
  // half of its 13th byte is its length in words.
  constexpr std::size_t kDataOffset = 12;
  if (frame.size() > offload.checksum_start + kDataOffset) {
    const unsigned tcp_length = 4u * (frame[offload.checksum_start + kDataOffset] >> 4);
    header.hdr_len = static_cast<std::uint16_t>(offload.checksum_start + tcp_length);
  }
  return header;
}

}  // namespace weft::nic
