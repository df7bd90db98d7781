#include "dataplane/worker/worker.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "dataplane/worker/ports.h"

namespace weft::worker {

namespace {

// 1024: a worker that the scheduler keeps off its core for a millisecond may find this many frames from a peer.
constexpr std::size_t kCrossings = 1024;
// What one turn sends at most, so that acknowledgements that arrive meanwhile are seen; the rest follows at once.
constexpr unsigned kFramesPerTurn = 256;
// Before the bytes of a copy: DPDK's RTE_PKTMBUF_HEADROOM.
constexpr std::uint32_t kCopyHeadroom = 128;
// Where a link cannot wake us, we look at it after at most this. It adds as much latency after idleness, and costs 1000
// turns a second, 0.5 % of a core.
constexpr Duration kBlindSleep = Duration::milliseconds(1);
// Nothing depends on it: every source of work wakes us. It bounds what a device that cannot (a vhost peer that is not
// there yet) costs after it can.
constexpr Duration kLongSleep = Duration::milliseconds(100);

void pin_thread(int core) {
  if (core < 0) return;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<unsigned>(core), &cores);
  if (const int error = ::pthread_setaffinity_np(::pthread_self(), sizeof cores, &cores); error != 0)
    log_warning("worker", "cannot run on core " + std::to_string(core) + " alone");
}

}  // namespace

Worker::Worker(const WorkerOptions& options, Engine& engine)
    : options_(options), engine_(engine), ports_(std::make_unique<Ports>(doorbell_.fd())), peers_(options.count),
      burst_(kBurst) {}

Worker::~Worker() = default;

Time Worker::clock() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return Time::from_ns(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

void Worker::connect(std::span<Worker* const> workers) {
  for (Worker* to : workers) {
    for (Worker* from : workers) {
      if (from == to) continue;
      to->peers_[from->index()].worker = from;
      to->peers_[from->index()].inbound = std::make_unique<SpscRing<Crossing>>(kCrossings);
    }
  }
}

void Worker::post(Task task) {
  mailbox_.post(std::move(task));
  doorbell_.ring();
}

void Worker::stop() {
  stopping_.store(true, std::memory_order_release);
  doorbell_.ring();
}

void Worker::add_link(InterfaceId interface, std::unique_ptr<net::Link> link) {
  ports_->add(interface, std::move(link));
}
void Worker::add_remote_link(InterfaceId interface, unsigned worker) { ports_->add_remote(interface, worker); }
void Worker::remove_link(InterfaceId interface) { ports_->remove(interface); }

void Worker::run() {
  pin_thread(options_.core);
  // The default of 50 us would be added to every sleep that a timer ends.
  ::prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
  ::prctl(PR_SET_NAME, ("weft-worker-" + std::to_string(options_.index)).c_str(), 0, 0, 0);
  options_.thread_start();
  Time now = clock();
  Time last_work = now;
  while (!stopping_.load(std::memory_order_acquire)) {
    const bool worked = turn(now);
    const Time end = clock();
    (worked ? counters_.busy_ns : counters_.idle_ns).add(static_cast<std::uint64_t>((end - now).ns()));
    now = end;
    if (worked) {
      last_work = end;
      ::sched_yield();  // whoever shares the core may be who waits for what was just sent
      continue;
    }
    if (!rest(end, last_work)) continue;
    now = clock();
    counters_.idle_ns.add(static_cast<std::uint64_t>((now - end).ns()));
  }
  options_.thread_stop();
}

bool Worker::turn(Time now) {
  counters_.turns.add();
  bool worked = receive_bursts(now);
  worked |= receive_crossings(now);
  worked |= mailbox_.run(now);
  worked |= engine_.run(now);
  worked |= hand_over();
  worked |= transmit(now);
  ring_peers();
  return worked;
}

bool Worker::receive_bursts(Time now) {
  bool worked = false;
  for (Port* port : ports_->polled()) receive_burst(now, *port, &worked);
  if (ports_->waits()) ports_->wait(Duration());
  for (Port* port : ports_->take_ready()) receive_burst(now, *port, &worked);
  return worked;
}

void Worker::receive_burst(Time now, Port& port, bool* worked) {
  const unsigned count = port.link->receive(burst_);
  if (count == 0) return;
  for (unsigned i = 0; i < count; ++i) burst_[i].interface = port.interface;
  counters_.received.add(count);
  engine_.receive(now, {burst_.data(), count});
  // A full burst means that there may be more, which epoll need not tell us.
  if (count == kBurst && !port.link->capabilities().polls_free) ports_->set_ready(port);
  *worked = true;
}

bool Worker::receive_crossings(Time now) {
  bool worked = false;
  Crossing crossing;
  for (Peer& peer : peers_) {
    if (peer.inbound == nullptr) continue;
    for (unsigned i = 0; i < kFramesPerTurn && peer.inbound->pop(&crossing); ++i) {
      worked = true;
      if (crossing.egress) {
        route(std::move(crossing.packet));
      } else {
        engine_.receive_handover(now, std::move(crossing.packet));
      }
    }
  }
  return worked;
}

bool Worker::hand_over() {
  unsigned worker;
  Packet frame;
  bool worked = false;
  while (engine_.poll_handover(&worker, &frame)) {
    counters_.handed_over.add();
    cross(worker, std::move(frame), false);
    worked = true;
  }
  return worked;
}

bool Worker::transmit(Time now) {
  Packet frame;
  unsigned count = 0;
  while (count < kFramesPerTurn && engine_.poll_frame(now, &frame)) {
    route(std::move(frame));
    ++count;
  }
  counters_.transmitted.add(ports_->flush());
  return count > 0;
}

void Worker::route(Packet&& frame) {
  Port* port = ports_->find(frame.interface);
  if (port == nullptr) {
    counters_.drops.add(WorkerDrop::kNoLink);
    frame.bytes.clear();
    return;
  }
  if (port->link != nullptr) {
    ports_->enqueue(*port, std::move(frame));
    return;
  }
  counters_.forwarded.add();
  cross(port->remote, std::move(frame), true);
}

void Worker::cross(unsigned worker, Packet&& packet, bool egress) {
  if (!make_exclusive(packet)) {
    counters_.drops.add(WorkerDrop::kNoBuffer);
    packet.bytes.clear();
    return;
  }
  Peer& peer = peers_[worker];
  Crossing crossing{std::move(packet), egress};
  if (peer.worker->peers_[options_.index].inbound->push(std::move(crossing))) {
    peer.owed_a_ring = true;
  } else {
    counters_.drops.add(WorkerDrop::kRingFull);
  }
}

// Payload that TCP keeps for retransmission is shared, and counts of references are this worker's own: what crosses is
// a copy.
bool Worker::make_exclusive(Packet& packet) {
  bool shared = false;
  for (const Slice& slice : packet.bytes) shared = shared || !slice.exclusive();
  if (!shared) return true;
  ByteChain exclusive;
  while (!packet.bytes.empty()) {
    Slice slice = packet.bytes.pop_front();
    if (slice.exclusive()) {
      exclusive.push_back(std::move(slice));
      continue;
    }
    ByteChain copy = copy_of(slice);
    if (copy.size() != slice.size()) return false;
    exclusive.append(std::move(copy));
    counters_.copied.add();
  }
  packet.bytes = std::move(exclusive);
  return true;
}

// In one piece where a buffer can be had, else in several small ones. Short: there are none.
ByteChain Worker::copy_of(const Slice& slice) {
  // What lies before a slice of a frame in its buffer may be the rest of a record: a device needs no more than this.
  const std::uint32_t room = std::min(slice.headroom(), kCopyHeadroom);
  const bool fits_small = slice.size() + room <= options_.small_pool->buffer_capacity();
  if (!fits_small && options_.large_pool != nullptr) {
    ByteChain copy = ByteChain::copy_of(slice.bytes(), *options_.large_pool, room);
    if (copy.size() == slice.size()) return copy;
  }
  return ByteChain::copy_of(slice.bytes(), *options_.small_pool, room);
}

void Worker::ring_peers() {
  for (Peer& peer : peers_) {
    if (std::exchange(peer.owed_a_ring, false)) peer.worker->wake();
  }
}

// After a turn that found nothing. Two workers that spin on one core without yielding give each other round trips of
// milliseconds; the call costs a fraction of a microsecond where nobody else wants the core.
bool Worker::rest(Time now, Time last_work) {
  if (options_.poll == PollMode::kAdaptive && now - last_work >= options_.spin) {
    sleep(now);
    return true;
  }
  ::sched_yield();
  return false;
}

void Worker::sleep(Time now) {
  if (!ports_->arm() || !doorbell_.may_sleep()) return;
  const Time deadline = engine_.deadline();
  Duration timeout = ports_->must_poll() ? kBlindSleep : kLongSleep;
  if (deadline < now + timeout) timeout = std::max(deadline - now, Duration());
  counters_.sleeps.add();
  doorbell_.woke(ports_->wait(timeout));
}

}  // namespace weft::worker
