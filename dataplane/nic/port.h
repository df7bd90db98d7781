// The uplink: any DPDK ethdev as Links, one per queue.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/counters.h"
#include "dataplane/net/link.h"
#include "dataplane/net/mac_address.h"
#include "dataplane/nic/pool.h"

namespace weft::nic {

inline constexpr std::uint32_t kEthernetHeader = 14;

#define WEFT_PORT_DROPS(X)                                               \
  X(kNoMbuf, "no buffer to describe or copy the frame in")               \
  X(kScarce, "buffers are scarce: what is longer than an acknowledgement is dropped") \
  X(kQueueFull, "the device's transmit queue is full")                   \
  X(kFrameTooLong, "longer than the device's frames")                    \
  X(kBadOffload, "asks for an offload that the headers contradict")
WEFT_REASONS(PortDrop, WEFT_PORT_DROPS)

struct PortCounters {
  Counter received, received_bytes;
  Counter transmitted, transmitted_bytes;
  Counter copied;  // frames copied because the device takes only one piece, or pieces came from a foreign pool
  ReasonCounters<PortDrop> drops;
};

struct PortOptions {
  std::string device{};      // as given to start_eal(); net_vhost wants tso=1 to pass super-segments
  unsigned queues = 1;     // wanted, one per worker; a device may have fewer
  std::uint32_t mtu = 1500;
  std::uint16_t descriptors = 512;  // of each queue
  MbufPool* small_pool = nullptr;   // receive buffers and copies
};

// How its queues tell that something came, and so what a packet after a sleep waits for beside the wake-up itself.
enum class WakeUp : std::uint8_t {
  kInterrupt,  // the device's receive interrupt (vhost, virtio-user, VFs)
  kSocket,     // af_packet: its own socket, which is readable while its ring holds a frame
  kNone,       // the worker must poll: it sleeps bounded, see Worker
};

struct PortStatistics {
  std::uint64_t received = 0, transmitted = 0, received_bytes = 0, transmitted_bytes = 0;
  std::uint64_t missed = 0, receive_errors = 0, transmit_errors = 0, no_mbuf = 0;
};

// Owns the ethdev: started by open(), stopped and closed by its destructor. Links must be gone by then.
class Port {
 public:
  // REQUIRES: start_eal() has probed the device. The error says what the device lacks or refuses.
  static std::expected<std::unique_ptr<Port>, std::string> open(const PortOptions& options);
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  // At most options.queues: worker i takes link(i); workers without a queue send through another's (see Worker).
  unsigned queues() const;
  // REQUIRES: queue < queues(); once for each queue.
  std::unique_ptr<net::Link> link(unsigned queue);
  const net::LinkCapabilities& capabilities() const;
  net::MacAddress mac() const;
  WakeUp wake_up() const;
  // The device spreads flows over its queues, and it does so as net::owner_of says: hand-over is then the exception.
  bool has_rss() const;
  bool rss_agrees() const;
  std::string driver() const;
  // Any thread.
  bool link_up() const;
  PortStatistics statistics() const;
  const PortCounters& counters(unsigned queue) const;

 private:
  struct Impl;
  explicit Port(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::nic
