// Two TCP engines that somebody else plays with: every call, datagram and millisecond comes from outside. What must
// always hold is checked after each step; a broken property aborts with its name.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "dataplane/net/tcp_engine.h"
#include "dataplane/net/tcp_segment.h"
#include "tests/sim/datagram.h"

namespace weft::fuzz {

inline constexpr InterfaceId kWire = 7;
inline constexpr InterfaceId kPods[] = {101, 102};

// Aborts with the property's name.
void require(bool holds, const char* property);

// Sides are 0 and 1. A pair is one connection, seen from both; its tuple is never used again.
class TwoPeers {
 public:
  static constexpr std::size_t kPairs = 6;

  // hostile: datagrams may be made up, so that bytes and endings say nothing any more.
  TwoPeers(const net::TcpOptions& options, bool hostile);

  // ---- programs; pairs that are not there yet are ignored
  void connect(int side);  // to the other, which may do the same (RFC 9293, figure 7)
  void connect_towards(std::size_t pair);
  void send(int side, std::size_t pair, std::uint32_t n);
  void receive(int side, std::size_t pair, std::uint32_t most);
  void shutdown(int side, std::size_t pair);
  void close(int side, std::size_t pair);
  void abort(int side, std::size_t pair);
  void change(int side, std::size_t pair, const net::TcpSettings& settings);
  net::TcpSettings settings(int side, std::size_t pair) const;

  // ---- the wire, towards a side; indices wrap around
  void deliver(int to, std::size_t index);
  void drop(int to, std::size_t index);
  void duplicate(int to, std::size_t index);
  void alter(int to, std::size_t index, std::uint32_t offset, std::uint8_t bits);  // of a hostile run only
  void refuse_size(int to, std::size_t index, std::uint32_t mtu);  // ICMP about it, to its sender
  void set_mtu(int side, std::uint32_t mtu);

  // ---- time and engines
  void pass(Duration d);
  void pass_to_deadline();
  void hand_over(int side);  // everything, to a fresh engine

  // The wire loses nothing more, programs read what comes and close: everything ends, and nothing is left.
  void finish();

 private:
  struct End {
    net::ConnectionId id;
    std::uint32_t written = 0, read = 0;
    bool opened = false, shut = false, peer_closed = false, ended = false, given_up = false;
    std::uint64_t edge = 0;  // bytes that the peer may have sent by now: the window's right edge
    // What its segments said.
    std::optional<net::Seq> acknowledged;
    std::optional<std::uint32_t> stamp;
    bool lives() const { return opened && !given_up; }
  };
  struct Pair {
    std::array<End, 2> ends;
  };
  struct Side {
    HeapBufferPool headers{256}, frames{2304}, large{66'000};
    std::unique_ptr<net::TcpEngine> engine;
    std::deque<sim::Datagram> arriving;
    std::uint32_t mtu = 1500;
  };

  static Endpoint address(int side, std::size_t pair);
  Side& side(int s) { return sides_[static_cast<std::size_t>(s)]; }
  net::TcpEngine& engine(int s) { return *side(s).engine; }
  End& end(int s, std::size_t pair) { return pairs_[pair % kPairs].ends[static_cast<std::size_t>(s)]; }
  std::unique_ptr<net::TcpEngine> make_engine(Side& side);
  void open(int s, std::size_t pair);
  void settle();
  void take_events(int s);
  void take_output(int s);
  void check_said(int s, const sim::Datagram& datagram);
  void launch(int to, sim::Datagram&& datagram);
  void check(int s);
  void check_end(int s, std::size_t pair);
  bool finish_step();
  void give_up(int s, std::size_t pair);
  void abort_all();

  net::TcpOptions options_;
  bool hostile_;
  Random random_{1};
  std::array<Side, 2> sides_;
  std::array<Pair, kPairs> pairs_;
  std::size_t used_ = 0;
  Time now_ = Time::from_ns(1'000'000'000'000);
};

}  // namespace weft::fuzz
