// One queue of a TAP as a Link.
#pragma once

#include <memory>
#include <vector>

#include "dataplane/nic/file_descriptor.h"
#include "dataplane/nic/tap.h"

namespace weft::nic {

// Reads a frame into the worker's ReceiveBuffers and writes one straight from its slices: one system call and one copy,
// the kernel's, a frame each way.
class TapLink final : public net::Link {
 public:
  TapLink(FileDescriptor queue, const net::LinkCapabilities& capabilities, std::shared_ptr<ReceiveBuffers> buffers,
          std::shared_ptr<TapCounters> counters);

  unsigned receive(std::span<Packet> burst) override;
  unsigned transmit(std::span<Packet> burst) override;
  int wait_fd() const override { return queue_.get(); }
  const net::LinkCapabilities& capabilities() const override { return capabilities_; }

 private:
  bool receive_one(Packet& packet);
  bool transmit_one(Packet& packet);
  ByteSpan flatten(const ByteChain& bytes);
  void count_write_error(int error);

  const FileDescriptor queue_;
  const net::LinkCapabilities capabilities_;
  const std::shared_ptr<ReceiveBuffers> buffers_;
  const std::shared_ptr<TapCounters> counters_;
  std::vector<std::uint8_t> flat_;  // for frames in more pieces than one system call takes
};

}  // namespace weft::nic
