// One worker's packet layer: Ethernet, ARP/ND, IP, ICMP, fragments, UDP, Service translation, and the classification
// that hands mesh pods' TCP to the TcpEngine. Sans-I/O: frames in, frames out, time passed in. One thread.
//
//   frames in -> ethernet -> ip -> (fragments) -> owner? -> classify -> tcp engine | translate | forward | drop
//
// A turn of the worker: receive() each burst, receive_handover() what other workers sent, on_timer(), then the proxies,
// then poll_frame() and poll_handover() until false.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/clock.h"
#include "base/packet.h"
#include "dataplane/net/bypass_flows.h"
#include "dataplane/net/drop_log.h"
#include "dataplane/net/network.h"
#include "dataplane/net/stack_counters.h"
#include "dataplane/net/tcp_engine.h"

namespace weft::net {

struct StackOptions {
  unsigned worker = 0;           // this worker's index
  unsigned workers = 1;          // all of them; the same on each
  std::uint64_t seed = 1;        // backends, ports, IP identifications, TCP
  TcpOptions tcp;
  BufferPool* headers = nullptr; // small buffers: headers, ARP, ICMP. REQUIRES: set, outlives the stack
  std::uint32_t output_packets_max = 8192;   // frames that wait for poll_frame()
  std::uint32_t handover_packets_max = 4096; // frames that wait for poll_handover()
  std::uint32_t nat_flows_max = 65536;       // translated flows of this worker
  std::uint32_t bypass_flows_max = 16384;    // TCP flows of mesh pods that pass as packets ('host', excluded ports)
  std::uint32_t fragment_datagrams_max = 256;
  std::uint32_t fragment_bytes_max = 4u << 20;  // capacity of buffers held for reassembly
  std::uint32_t neighbors_max = 4096;
  std::uint32_t icmp_errors_per_second = 100;   // per ingress interface
};

class Stack {
 public:
  explicit Stack(const StackOptions& options);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  // Takes effect with the next packet. Flows of interfaces that are gone are forgotten; the engine learns the
  // interfaces' limits. The caller aborts a vanished pod's connections (tcp().abort_all_of) first.
  void set_network(std::shared_ptr<const Network> network);
  const Network& network() const;

  // Ethernet frames; Packet::interface = ingress. Every packet is moved out.
  void receive(Time now, std::span<Packet> frames);
  // Frames of other workers' flows. Packet::interface stays the ingress; every slice is exclusive().
  bool poll_handover(unsigned* worker, Packet* frame);
  void receive_handover(Time now, Packet&& frame);
  // The next frame to send; Packet::interface = egress. Cut and checksummed as that interface needs.
  bool poll_frame(Time now, Packet* frame);

  Time deadline() const;
  void on_timer(Time now);

  TcpEngine& tcp();
  const DropLog& drops() const;
  const StackCounters& counters() const;
  std::uint32_t nat_flows() const;
  const BypassFlows& bypass_flows() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::net
