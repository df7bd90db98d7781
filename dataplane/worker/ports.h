// The links of one worker: which to poll, which are readable, and what waits to be sent by each.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/packet.h"
#include "dataplane/net/link.h"
#include "dataplane/worker/worker.h"

namespace weft::worker {

inline constexpr unsigned kBurst = 32;

struct Worker::Port {
  InterfaceId interface = kNoInterface;
  std::unique_ptr<net::Link> link;  // nullptr: `remote` sends for it
  unsigned remote = 0;
  bool ready = false;               // listed in Ports::ready_
  std::array<Packet, kBurst> output;
  unsigned queued = 0;              // packets in `output`; listed in Ports::unsent_ when not 0
};

// Links whose polling is free, and those that cannot wake us, are asked every turn. The others (TAPs: an empty read is
// a system call, and there are many) are read when epoll names them, and again while they give full bursts.
class Worker::Ports {
 public:
  explicit Ports(int doorbell_fd);
  ~Ports();

  void add(InterfaceId interface, std::unique_ptr<net::Link> link);
  void add_remote(InterfaceId interface, unsigned worker);
  void remove(InterfaceId interface);
  // nullptr: none.
  Port* find(InterfaceId interface);

  // Waits until something is readable, `timeout` at most; 0: only looks. True: the doorbell is among it.
  bool wait(Duration timeout);
  // There are links that only epoll tells about.
  bool waits() const { return waited_ > 0; }
  // The links to read in this turn; valid until the next call on this object.
  std::span<Port* const> polled() const { return polled_; }
  // The same for those that epoll reported, or set_ready() named since.
  std::span<Port* const> take_ready();
  void set_ready(Port& port);

  void enqueue(Port& port, Packet&& frame);
  // Sends what has been queued everywhere; returns how many frames went.
  std::uint64_t flush();

  // False: a link has something already.
  bool arm();
  // Some link cannot wake us: sleep bounded.
  bool must_poll() const { return unwakeable_ > 0; }

 private:
  std::uint64_t send(Port& port);
  int epoll_;
  absl::flat_hash_map<InterfaceId, std::unique_ptr<Port>> ports_;
  std::vector<Port*> polled_;
  std::vector<Port*> ready_, reading_;  // two that change places: no allocation once warm
  std::vector<Port*> unsent_;
  std::uint64_t sent_full_ = 0;  // frames that went because a burst was full, since the last flush()
  unsigned waited_ = 0;
  unsigned unwakeable_ = 0;
};

}  // namespace weft::worker
