// Two TcpEngines on a wire in memory: a opens, b is opened to.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "dataplane/net/tcp_engine.h"

namespace weft::testing {

// The names of one connection at both ends.
struct PairedIds {
  net::ConnectionId a, b;
};

class TcpPair {
 public:
  static constexpr InterfaceId kWire = 3, kPodA = 21, kPodB = 22;

  // `wire` of both ends.
  explicit TcpPair(const net::TcpOptions& options = {}, const net::TcpEngine::Interface& wire = {});

  // What came out of one engine as a device hands it to the other: copied into fresh buffers, a small one or as many
  // large ones as it takes, checksum verified.
  Packet arrive(Packet&& sent);
  // Of an arrived packet. `pod`: of the engine that it came to.
  static net::TcpArrival arrival_of(const Packet& packet, InterfaceId pod);

  // Opens a connection to `port` of b. kPodB's account takes it. Nothing may be lost meanwhile.
  PairedIds open(std::uint16_t port = 80);
  // Carries datagrams both ways until both engines are silent. Each is lost with probability `loss`.
  void exchange(double loss = 0);
  // Time passes, up to the next deadline of either engine.
  void advance_to_deadline();
  void discard_events();

  // 1500 bytes of MTU and a header fit into a small buffer; a large one holds 16 KB as dataplane/nic's do.
  HeapBufferPool headers{256}, small{2048}, large{16'640};
  Random random{7};
  net::TcpEngine a, b;
  Time now = Time::from_ns(1'000'000'000'000);

 private:
  bool carry(net::TcpEngine& from, net::TcpEngine& to, InterfaceId pod, double loss);
};

}  // namespace weft::testing
