// What `perf/run tcp` measures: turns of two engines, taken apart into stages. Figures are cycles for each thing done.
#pragma once

#include <span>
#include <vector>

#include "perf/cycles.h"
#include "tests/builders/tcp_pair.h"

namespace weft::perf {

using testing::PairedIds;
using testing::TcpPair;

inline constexpr std::uint32_t kSegment = 1448;             // an MTU of 1500, headers and timestamps
inline constexpr std::uint32_t kSuperSegment = 45 * kSegment;  // as many as 65 535 bytes take

// Data one way. out, in: for each datagram; send, read: for each call of the owner; ack: for each ACK.
struct DataCycles {
  Cycles send, out, in, read, ack_out, ack_in;
  Cycles everything;  // all of these, both ends, for each wire segment
};
// A request and its answer, each a small segment that carries the other's ACK.
struct ExchangeCycles {
  Cycles out, in, everything;  // `everything`: both ends, owners' calls included, for each exchange
};
// Of a hole: what comes behind it, the SACKs for that, the retransmission, and the segment that fills it.
struct RecoveryCycles {
  Cycles in, sack_out, sack_in, retransmit, fill;
};
// Both ends of connections that a opens and closes first; for each connection.
struct LifeCycles {
  Cycles open_a, open_b, close_a, close_b, expire;
};

// Datagrams on their way from one engine to the other.
class Burst {
 public:
  explicit Burst(TcpPair& pair) : pair_(pair) {}
  // poll_output() until it is silent, and input() of all. Both say how many.
  std::size_t take(net::TcpEngine& from);
  std::size_t give(net::TcpEngine& to);
  void cross(InterfaceId pod);  // what device, wire and IP do: not measured
  void lose_first() { packets_.erase(packets_.begin()); }
  std::size_t size() const { return packets_.size(); }

 private:
  TcpPair& pair_;
  std::vector<Packet> packets_;
  std::vector<net::TcpArrival> arrivals_;
};

class TcpBench {
 public:
  explicit TcpBench(bool super_segments);

  std::vector<PairedIds> open(std::size_t n);
  // Lets congestion and receive windows grow to what `bytes` at once need.
  void warm_up(std::span<const PairedIds> ids, std::size_t bytes);

  void transfer(std::span<const PairedIds> ids, std::size_t bytes, DataCycles& cycles);
  void exchange(std::span<const PairedIds> ids, std::size_t bytes, ExchangeCycles& cycles);
  // On a connection of its own: a burst of `segments`, of which the first gets lost.
  void recover(std::size_t segments, RecoveryCycles& cycles);
  // `rounds` times 32 at once, and then the end of TIME-WAIT for all.
  void live(int rounds, LifeCycles& cycles);

  TcpPair pair;

 private:
  ByteChain payload(std::size_t bytes);
  void prepare(std::size_t n, std::size_t bytes);
  std::size_t send_all(net::TcpEngine& engine, std::span<const PairedIds> ids, bool from_a);
  std::size_t read_all(net::TcpEngine& engine);  // into `read_`
  void drain(std::span<const PairedIds> ids);
  void pass_time();
  void open_and_close(LifeCycles& cycles);

  std::vector<ByteChain> payloads_, read_;
  Burst burst_{pair};
};

}  // namespace weft::perf
