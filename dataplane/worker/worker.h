// One core's loop: the only place where bursts meet.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/counters.h"
#include "base/packet.h"
#include "base/ring.h"
#include "dataplane/net/link.h"
#include "dataplane/worker/doorbell.h"
#include "dataplane/worker/engine.h"
#include "dataplane/worker/mailbox.h"

namespace weft::worker {

#define WEFT_WORKER_DROPS(X)                                                      \
  X(kNoLink, "no link for the interface")                                         \
  X(kRingFull, "the ring to another worker is full")                              \
  X(kNoBuffer, "no buffer to copy a shared slice for another worker")
WEFT_REASONS(WorkerDrop, WEFT_WORKER_DROPS)

enum class PollMode : std::uint8_t {
  kAdaptive,  // spin for `spin` after the last work, then sleep until a packet, a message or a timer
  kBusy,      // never sleep
};

struct WorkerOptions {
  unsigned index = 0;
  unsigned count = 1;
  int core = -1;  // the CPU that run() pins its thread to; -1: not pinned
  PollMode poll = PollMode::kAdaptive;
  Duration spin = Duration::microseconds(50);
  BufferPool* small_pool = nullptr;  // copies of shared slices that cross to another worker
  BufferPool* large_pool = nullptr;  // the same, for slices that small_pool's buffers cannot hold; may be null
  std::function<void()> thread_start = [] {};  // runs first and last in the worker's thread (DPDK wants to know its
  std::function<void()> thread_stop = [] {};   // threads)
};

// Written by the worker, readable by any thread.
struct WorkerCounters {
  Counter turns;         // times round the loop
  Counter sleeps;        // times it slept
  Counter busy_ns;       // spent in turns that found work
  Counter idle_ns;       // spent in turns that found none, and asleep
  Counter received;      // frames from links
  Counter transmitted;   // frames that links took
  Counter handed_over;   // frames given to the worker that owns their flow
  Counter forwarded;     // frames given to the worker that has the egress queue
  Counter copied;        // slices copied because a frame with shared ones crossed to another worker
  ReasonCounters<WorkerDrop> drops;
};

// Frames that cross between two workers. Every packet's slices are exclusive.
struct Crossing {
  Packet packet;
  bool egress = false;  // true: transmit it; false: its flow is yours
};

// One core's loop. Owns its links; does not own the engine. Its methods are for its own thread unless they say
// otherwise; setup before run() may happen in any one thread.
class Worker {
 public:
  Worker(const WorkerOptions& options, Engine& engine);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Tells all workers of a process about each other. REQUIRES: workers[i]->index() == i; none runs yet.
  static void connect(std::span<Worker* const> workers);

  // Any thread: `task` runs in the worker's thread within its next turn. Tasks of one thread keep their order.
  void post(Task task);
  // Any thread: another turn, soon, for work that was published elsewhere (handshake results).
  void wake() { doorbell_.ring(); }
  // Any thread: run() returns after its present turn.
  void stop();

  // A device's queue that this worker serves, or the worker that sends for it where it has none itself.
  void add_link(InterfaceId interface, std::unique_ptr<net::Link> link);
  void add_remote_link(InterfaceId interface, unsigned worker);
  // Frames for it are dropped from now on. Nothing happens if there is none.
  void remove_link(InterfaceId interface);

  void run();
  // One turn of the loop; true: there was work. For tests and simulations; run() calls it.
  bool turn(Time now);

  unsigned index() const { return options_.index; }
  const WorkerCounters& counters() const { return counters_; }
  static Time clock();

 private:
  struct Port;
  class Ports;
  struct Peer {
    Worker* worker = nullptr;
    std::unique_ptr<SpscRing<Crossing>> inbound;  // from the peer to us
    bool owed_a_ring = false;                     // something was pushed to it in this turn
  };

  bool receive_bursts(Time now);
  void receive_burst(Time now, Port& port, bool* worked);
  bool receive_crossings(Time now);
  bool hand_over();
  bool transmit(Time now);
  void route(Packet&& frame);
  void flush();
  void cross(unsigned worker, Packet&& packet, bool egress);
  bool make_exclusive(Packet& packet);
  ByteChain copy_of(const Slice& slice);
  void ring_peers();
  bool rest(Time now, Time last_work);  // true: it slept
  void sleep(Time now);

  const WorkerOptions options_;
  Engine& engine_;
  Doorbell doorbell_;
  Mailbox mailbox_;
  WorkerCounters counters_;
  std::unique_ptr<Ports> ports_;
  std::vector<Peer> peers_;
  std::vector<Packet> burst_;
  std::atomic<bool> stopping_{false};
};

}  // namespace weft::worker
