// TAP devices with virtio headers: how the kernel of a pod, or of the node, exchanges frames with us.
//
// The kernel hands over and takes TCP super-segments of up to 64 KB with checksums left to the receiver. Each worker
// has a queue (a file descriptor). The device is persistent: closing every queue leaves it there, with addresses,
// routes and MAC, and opening it again finds it as it was.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/ip_address.h"
#include "dataplane/net/link.h"
#include "dataplane/net/mac_address.h"
#include "dataplane/nic/receive_buffers.h"

namespace weft::nic {

#define WEFT_TAP_DROPS(X)                                                        \
  X(kNoBuffer, "no buffer to receive into; the frame waits in the device")       \
  X(kScarce, "buffers are scarce: what is longer than an acknowledgement is dropped") \
  X(kBadHeader, "a virtio header that we cannot represent")                      \
  X(kDeviceDown, "the interface is down")                                        \
  X(kDeviceGone, "the device is gone with its namespace")                        \
  X(kRefused, "the kernel refused the frame")
WEFT_REASONS(TapDrop, WEFT_TAP_DROPS)

struct TapCounters {
  Counter received, received_bytes;
  Counter transmitted, transmitted_bytes;
  Counter super_segments_in, super_segments_out;
  ReasonCounters<TapDrop> drops;
};

// A route by the device to its gateway (see TapOptions) or, with no gateway of that family, on the link.
struct TapOptions {
  std::string network_namespace{};     // path ("/var/run/netns/x", "/proc/1/ns/net"); empty: the caller's
  std::string name{};                  // "eth0"
  unsigned queues = 1;               // one per worker
  std::uint32_t mtu = 1500;
  net::MacAddress mac{};               // the kernel's end
  net::MacAddress gateway_mac{};       // our end: permanent neighbour entries for the gateways
  std::vector<IpPrefix> addresses{};   // of the kernel's end, host prefixes as a rule
  std::vector<IpAddress> gateways{};   // link-local, at most one of a family
  std::vector<IpPrefix> routes{};      // through the gateway of their family
  bool persistent = true;
  // Source address of routes of a family, for a node with several addresses. Optional.
  std::vector<IpAddress> preferred_sources{};
};

// One device. Not for the packet path: create, links, reconfigure and destroy are called by one control thread.
class Tap {
 public:
  // Idempotent: opens the device if it is there, else creates it; sets what differs. The error says what failed, where.
  static std::expected<std::unique_ptr<Tap>, std::string> open(const TapOptions& options);
  // Closes; a persistent device stays.
  ~Tap();
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  // The queue of worker `queue`, once each; `buffers` are that worker's, one object for all its TAPs. The link may
  // outlive the Tap.
  std::unique_ptr<net::Link> link(unsigned queue, std::shared_ptr<ReceiveBuffers> buffers);
  unsigned queues() const;
  const net::LinkCapabilities& capabilities() const;
  const TapOptions& options() const;
  // Any thread.
  const TapCounters& counters(unsigned queue) const;

  // Adds and removes addresses, gateways and routes until they are these. A namespace that is gone is an error.
  std::expected<void, std::string> configure(const TapOptions& options);
  // The device disappears when the last link is gone too. A namespace that is gone already is fine.
  void destroy();

 private:
  struct Impl;
  explicit Tap(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::nic
