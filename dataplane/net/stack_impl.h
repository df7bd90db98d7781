// The inside of Stack, for stack*.cc only. One packet's way reads: receive_frame -> receive_ip -> dispatch -> forward |
// to_engine | ... -> emit -> send -> poll_frame.
#pragma once

#include <optional>
#include <vector>

#include "dataplane/net/bypass_flows.h"
#include "dataplane/net/classify.h"
#include "dataplane/net/ethernet.h"
#include "dataplane/net/fragments.h"
#include "dataplane/net/icmp.h"
#include "dataplane/net/neighbor.h"
#include "dataplane/net/packet_queue.h"
#include "dataplane/net/service_nat.h"
#include "dataplane/net/stack.h"

namespace weft::net {

class Stack::Impl {
 public:
  explicit Impl(const StackOptions& options);

  void set_network(std::shared_ptr<const Network> network);
  void receive_frame(Time now, Packet&& frame, bool handed_over);
  bool poll_handover(unsigned* worker, Packet* frame);
  bool poll_frame(Time now, Packet* frame);
  Time deadline() const;
  void on_timer(Time now);

  StackOptions options_;
  std::shared_ptr<const Network> network_;
  TcpEngine tcp_;
  DropLog drops_;
  StackCounters counters_;
  ServiceNat nat_;
  BypassFlows bypass_;

 private:
  // One packet between its port and its fate.
  struct Arrival {
    Time now;
    const Interface* ingress = nullptr;
    bool handed_over = false;
    bool group = false;              // the frame went to a multicast or broadcast MAC
    Packet packet;                   // a frame at first, then the IP datagram
    IpHeader ip;
    Tuple tuple;
    std::uint8_t tcp_flags = 0;
    std::optional<Tuple> untranslated;  // what the sender wrote, once `tuple` is a translated one

    std::uint8_t* head() { return packet.bytes.front().data(); }
    ByteSpan head_bytes() const { return packet.bytes.front().bytes(); }
  };

  // ---- in (stack_input.cc)
  Drop gather_headers(Packet& frame);
  Drop strip_ethernet(Arrival& a);
  void receive_ip(Arrival& a, EtherType type);
  Drop check_offload(Packet& packet, const IpHeader& ip);
  void receive_whole(Arrival& a);
  void gather_fragment(Arrival& a);
  bool hand_over(Arrival& a, unsigned owner);
  void dispatch(Arrival& a);
  bool take_tcp(Arrival& a, bool* excluded);
  bool deliver_inbound(Arrival& a);
  bool translate(Arrival& a);
  bool translate_answer(Arrival& a);
  void rewrite(Arrival& a, const Endpoint& source, const Endpoint& destination);
  void to_engine(Arrival& a, Interception interception, InterfaceId pod);
  void forward_beside_mesh(Arrival& a);

  // ---- out (stack_output.cc)
  void forward(Arrival& a);
  bool fit_to_mtu(Arrival& a, const Egress& egress);
  void fragment_to(Arrival& a, const Egress& egress);
  void emit(Time now, Packet&& datagram, const IpHeader& ip, const Interface& out, const IpAddress& next_hop);
  void send(Time now, Packet&& datagram, const IpHeader& ip, const Interface& out, const MacAddress& to);
  void push_frame(Time now, Packet&& datagram, const Interface& out, const MacAddress& to, EtherType type);
  void send_own_frame(Time now, ByteChain&& frame, InterfaceId interface);
  void send_engine_datagram(Time now, Packet&& datagram);
  void finish_neighbors(Time now);
  void give_up_on(Time now, Packet&& datagram);

  // ---- ARP and ND (stack_neighbor.cc)
  void on_arp(Arrival& a);
  void on_uplink_arp(Arrival& a, const Arp& arp);
  void on_tap_arp(Arrival& a, const Arp& arp);
  void on_neighbor_message(Arrival& a);
  void on_uplink_nd(Arrival& a, const NeighborMessage& m);
  void on_tap_nd(Arrival& a, const NeighborMessage& m);
  void answer_arp(Arrival& a, const Arp& arp);
  void answer_solicitation(Arrival& a, const NeighborMessage& m, bool router);
  void defend(Arrival& a, const IpAddress& address);
  void announce(Time now, const Interface& uplink);
  void probe_one(Time now, const Interface& uplink, const IpAddress& address);
  void announce_one(Time now, const Interface& uplink, const IpAddress& address);
  void request_neighbor(Time now, const Interface& uplink, const NeighborTable::Request& request);
  void share_with_other_workers(const Arrival& a);
  bool is_uplink_address(const Interface& uplink, const IpAddress& address) const;

  // ---- ICMP (stack_icmp.cc)
  bool answer_echo(Arrival& a);
  void on_icmp_error(Arrival& a);
  bool pass_to_flow(Arrival& a, const ReceivedError& error);
  void tell_engine(Arrival& a, const ReceivedError& error, const Endpoint& local, const Endpoint& remote);
  void translate_error(Arrival& a, const ReceivedError& error, const Tuple& quoted, const IpAddress& source,
                       const IpAddress& destination);
  void answer_error(Arrival& a, IcmpReason reason, std::uint32_t mtu = 0);
  void expire_fragments(Time now);

  void drop(const Arrival& a, Drop reason);
  void drop_out(Time now, InterfaceId interface, const IpHeader& ip, Drop reason);

  FragmentTable fragments_;
  NeighborTable neighbors_;
  absl::flat_hash_map<InterfaceId, IcmpLimiter> limiters_;
  Random random_;
  PacketQueue out_, cut_;
  std::vector<PacketQueue> handovers_;  // by worker
  unsigned next_handover_ = 0;
  Time next_sweep_;
  Time defended_;
  bool announced_ = false;
};

}  // namespace weft::net
