#include "dataplane/nic/tap_link.h"

#include <sys/uio.h>

#include <array>
#include <cerrno>

#include "dataplane/nic/virtio_header.h"

namespace weft::nic {

namespace {

// Pieces of a frame in one writev(). The kernel takes 1024; frames of more than this are rare and are copied.
constexpr std::size_t kPiecesMax = 128;

}  // namespace

TapLink::TapLink(FileDescriptor queue, const net::LinkCapabilities& capabilities,
                 std::shared_ptr<ReceiveBuffers> buffers, std::shared_ptr<TapCounters> counters)
    : queue_(std::move(queue)), capabilities_(capabilities), buffers_(std::move(buffers)),
      counters_(std::move(counters)) {}

// False: nothing to read, or nothing to read it into.
bool TapLink::receive_one(Packet& packet) {
  if (!buffers_->refill()) {
    counters_->drops.add(TapDrop::kNoBuffer);
    return false;
  }
  VirtioHeader header;
  std::array<iovec, 1 + ReceiveBuffers::kPiecesMax> vector;
  vector[0] = {&header, sizeof header};
  const std::size_t count = 1 + buffers_->offer(&vector[1]);
  for (;;) {
    const ssize_t size = ::readv(queue_.get(), vector.data(), static_cast<int>(count));
    if (size < static_cast<ssize_t>(sizeof header)) return false;  // EAGAIN; EBADFD: the device is gone
    if (!from_virtio(header, &packet.offload)) {
      counters_->drops.add(TapDrop::kBadHeader);
      continue;
    }
    const std::size_t frame_bytes = static_cast<std::size_t>(size) - sizeof header;
    if (buffers_->refuses(frame_bytes)) {
      counters_->drops.add(TapDrop::kScarce);
      return false;  // one a turn: a pod that floods must not hold the worker here
    }
    buffers_->take(frame_bytes, packet);
    break;
  }
  counters_->received.add();
  counters_->received_bytes.add(packet.bytes.size());
  if (packet.offload.gso != GsoType::kNone) counters_->super_segments_in.add();
  return true;
}

unsigned TapLink::receive(std::span<Packet> burst) {
  unsigned count = 0;
  while (count < burst.size() && receive_one(burst[count])) ++count;
  return count;
}

void TapLink::count_write_error(int error) {
  switch (error) {
    case EIO: counters_->drops.add(TapDrop::kDeviceDown); break;
    case EBADFD: counters_->drops.add(TapDrop::kDeviceGone); break;
    default: counters_->drops.add(TapDrop::kRefused); break;
  }
}

ByteSpan TapLink::flatten(const ByteChain& bytes) {
  flat_.resize(bytes.size());
  bytes.copy_to(0, flat_);
  return flat_;
}

bool TapLink::transmit_one(Packet& packet) {
  if (packet.bytes.empty()) return false;
  VirtioHeader header = to_virtio(packet.offload, packet.bytes.front().bytes());
  std::array<iovec, 1 + kPiecesMax> vector;
  vector[0] = {&header, sizeof header};
  std::size_t count = 1;
  if (packet.bytes.slices() <= kPiecesMax) {
    for (Slice& slice : packet.bytes) vector[count++] = {slice.data(), slice.size()};
  } else {
    const ByteSpan flat = flatten(packet.bytes);
    vector[count++] = {const_cast<std::uint8_t*>(flat.data()), flat.size()};
  }
  if (::writev(queue_.get(), vector.data(), static_cast<int>(count)) < 0) {
    count_write_error(errno);
    return false;
  }
  counters_->transmitted.add();
  counters_->transmitted_bytes.add(packet.bytes.size());
  if (packet.offload.gso != GsoType::kNone) counters_->super_segments_out.add();
  return true;
}

unsigned TapLink::transmit(std::span<Packet> burst) {
  unsigned sent = 0;
  for (Packet& packet : burst) {
    sent += transmit_one(packet) ? 1 : 0;
    packet.bytes.clear();
  }
  return sent;
}

}  // namespace weft::nic
