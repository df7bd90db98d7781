// Two TCP engines, a seeded bad wire between them, and programs on both sides, in virtual time.
#pragma once

#include <array>
#include <cstdint>
#include <queue>
#include <string>

#include "base/random.h"
#include "dataplane/net/tcp_engine.h"
#include "tests/sim/datagram.h"

namespace weft::sim {

struct WireOptions {
  double loss = 0, duplicate = 0, reorder = 0;
  double mark = 0;                 // chance that an ECT datagram is marked CE
  Duration delay = Duration::milliseconds(5);
  Duration jitter;                 // of reordered datagrams
  double keep_super_segments = 0;  // chance that a super-segment arrives as one, as GRO would have it
  std::uint64_t bytes_per_second = 0;  // 0: no limit
  std::uint32_t queue_bytes = 128 * 1024;
};

// What one side's program does: writes `bytes` in pieces, reads all, then closes.
struct ProgramOptions {
  std::uint32_t bytes = 0;
  std::uint32_t largest_write = 20'000;
  std::uint32_t largest_read = 100'000;
  Duration read_pause;  // between two reads
  bool half_close = true;  // FIN as soon as all is written; else only after the peer's FIN
};

struct Outcome {
  std::string failure;  // empty: all properties hold
  Time end;
  std::uint64_t datagrams = 0;
  std::uint64_t timer_calls = 0;
};

// One connection from host 0 to host 1. Properties, checked all the way: bytes arrive whole and in order; progress
// within `patience` of virtual time; at the end connections, TIME-WAIT and buffers are all given back; timers are
// called no more often than time and traffic explain.
class TcpSimulation {
 public:
  TcpSimulation(std::uint64_t seed, const WireOptions& wire, const std::array<ProgramOptions, 2>& programs,
                const net::TcpOptions& options = {}, bool v6 = false);
  Outcome run(Duration patience = Duration::seconds(600));

  std::string trace;  // one line a datagram, when traced
  bool traced = false;

 private:
  struct Host {
    explicit Host(const net::TcpOptions& options, std::uint64_t seed)
        : engine(std::make_unique<net::TcpEngine>(options, headers, Random(seed))) {}
    HeapBufferPool headers{256}, frames{2304}, large{66'000};
    std::unique_ptr<net::TcpEngine> engine;
    net::ConnectionId id;
    ProgramOptions program;
    std::uint32_t written = 0, read = 0;
    bool established = false, peer_closed = false, shut = false, closed = false;
    Time read_at, wire_free;
  };
  struct InFlight {
    Time at;
    std::uint64_t order;
    int to;
    Datagram datagram;
    bool operator>(const InFlight& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  void step();
  void take_events(int side);
  void run_program(int side);
  void write_some(Host& host, int side);
  void read_some(Host& host, int side);
  void transmit(int side);
  void launch(int side, Datagram&& datagram);
  void mark(Datagram& datagram);
  void deliver();
  bool quiet() const;
  std::string check_end();
  static std::uint8_t pattern(int side, std::uint32_t offset) {
    return static_cast<std::uint8_t>((offset * 2654435761u >> 13) + static_cast<std::uint32_t>(side) * 77);
  }
  void note(int side, const char* what, const Datagram& datagram);

  Random random_;
  WireOptions wire_;
  std::array<std::unique_ptr<Host>, 2> hosts_;
  std::priority_queue<InFlight, std::vector<InFlight>, std::greater<>> flying_;
  Time now_ = Time::from_ns(1'000'000'000'000);
  Time progress_;
  std::uint64_t order_ = 0;
  bool v6_;
  Outcome outcome_;
};

}  // namespace weft::sim
