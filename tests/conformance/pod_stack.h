// The production stack with one mesh pod's interface, seen from the pod's side: IP datagrams in and out.
#pragma once

#include <cstdint>
#include <vector>

#include <absl/container/flat_hash_set.h>

#include "dataplane/net/stack.h"

namespace weft::conformance {

inline constexpr InterfaceId kPod = 1;

// Whoever sends datagrams is the pod, with every address that it uses: those become pod addresses as they appear, so
// that the stack's check of sources stays as it is. One thread at a time, as the stack.
class PodStack {
 public:
  PodStack(const net::TcpOptions& tcp, std::uint32_t mtu, std::uint64_t seed);

  // Something that is no IP datagram is dropped here.
  void input(Time now, ByteSpan datagram);
  // The next datagram to send, at most the MTU long.
  bool output(Time now, std::vector<std::uint8_t>* datagram);
  Time deadline() const { return stack_.deadline(); }
  void on_timer(Time now) { stack_.on_timer(now); }
  net::TcpEngine& tcp() { return stack_.tcp(); }
  BufferPool& buffers() { return frames_; }  // for what is sent; they outlive the engine that holds them

  // Makes this one of the pod's addresses. False: no pod can have it (multicast, loopback, unspecified).
  bool admit(const IpAddress& address);
  // False, and as before: the stack takes no such MTU.
  bool set_mtu(std::uint32_t mtu);

 private:
  bool apply(net::NetworkSpec spec);

  HeapBufferPool headers_{512}, frames_{2304};
  net::Stack stack_;
  net::NetworkSpec spec_;
  absl::flat_hash_set<IpAddress> known_;  // admitted, or refused once
};

}  // namespace weft::conformance
