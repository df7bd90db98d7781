// The simulated network: hosts in a star around one router. What a host sends passes its link up and the receiver's
// link down, so that connections to one host share a bottleneck.
#pragma once

#include <array>
#include <queue>
#include <vector>

#include "base/buffer.h"
#include "base/ip_address.h"
#include "tests/sim/link.h"

namespace weft::sim {

class Recorder;

enum Direction : std::uint8_t { kUp /* to the router */, kDown };

IpAddress address_of(int host, bool v6);

class SimulatedWire {
 public:
  struct Arrival {
    int host = 0;
    Datagram datagram;
  };

  // links[host][direction]. `recorder` may be nullptr, else outlives this.
  SimulatedWire(const std::vector<std::array<LinkOptions, 2>>& links, Random random, Recorder* recorder);

  void send(Time now, int host, Datagram&& datagram);
  // When poll() has something to do.
  Time next() const { return flying_.empty() ? Time::never() : flying_.top().at; }
  // What has reached a host by `now`.
  bool poll(Time now, Arrival* arrival);
  void set_mtu(int host, std::uint32_t mtu);
  void set_down(int host, Direction direction, bool down) { link(host, direction).set_down(down); }
  // Too big for a link: lost without an ICMP error (RFC 2923, 2.1), instead of reported by one.
  void set_black_hole(bool silent) { black_hole_ = silent; }
  std::uint64_t datagrams() const { return datagrams_; }

 private:
  struct InFlight {
    Time at;
    std::uint64_t order;
    int host;
    Direction direction;
    Datagram datagram;
    bool operator>(const InFlight& other) const { return at != other.at ? at > other.at : order > other.order; }
  };

  Link& link(int host, Direction direction) { return links_[static_cast<std::size_t>(host)][direction]; }
  void pass(Time now, int host, Direction direction, Datagram&& datagram);
  void route(Time now, Datagram&& datagram);
  void report_too_big(Time now, std::uint32_t mtu, const Datagram& datagram);
  int host_at(const IpAddress& address) const;  // -1: nowhere

  std::vector<std::array<Link, 2>> links_;
  std::priority_queue<InFlight, std::vector<InFlight>, std::greater<>> flying_;
  std::vector<Link::Copy> copies_;
  HeapBufferPool pool_{66'000};
  Recorder* recorder_;
  std::uint64_t order_ = 0, datagrams_ = 0;
  bool black_hole_ = false;
};

}  // namespace weft::sim
