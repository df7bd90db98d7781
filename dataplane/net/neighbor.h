// Who has which MAC on the uplink: one worker's cache of ARP and Neighbor Discovery answers, with the packets that wait
// for one. Sans-I/O: it says whom to ask, the caller writes the ARP or ND packet.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/clock.h"
#include "base/ip_address.h"
#include "base/packet.h"
#include "dataplane/net/mac_address.h"

namespace weft::net {

class NeighborTable {
 public:
  static constexpr std::size_t kWaitingMax = 16;       // packets for one next hop
  static constexpr std::size_t kAllWaitingMax = 512;   // packets for all
  static constexpr std::uint32_t kRequestsMax = 3;     // RFC 4861 MAX_MULTICAST_SOLICIT
  static constexpr Duration kRequestInterval = Duration::seconds(1);  // RFC 4861 RETRANS_TIMER
  static constexpr Duration kReachable = Duration::seconds(30);       // RFC 4861 REACHABLE_TIME

  explicit NeighborTable(std::uint32_t entries_max) : entries_max_(entries_max) {}

  // The MAC if it is known. An old one is still used while the neighbor is asked again.
  std::optional<MacAddress> lookup(Time now, const IpAddress& address);
  // After lookup() knew nothing: keeps the packet, and asks. False: no room, the packet is the caller's to drop.
  bool wait(Time now, const IpAddress& address, Packet&& packet);
  // The neighbor said so itself. `create`: also if nobody asked (it asked us), in the half of the table kept for that.
  void learn(Time now, const IpAddress& address, const MacAddress& mac, bool create);

  struct Request {
    IpAddress target;
    std::optional<MacAddress> unicast;  // the old MAC, to see whether it still holds
  };
  bool poll_request(Request* request);
  struct Resolved {
    Packet packet;
    MacAddress mac;
  };
  // What waited and can go now.
  bool poll_resolved(Resolved* resolved);
  // What waited for a neighbor that did not answer.
  bool poll_unresolved(Packet* packet);
  Time deadline() const;
  void on_timer(Time now);
  void clear();
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::optional<MacAddress> mac;
    Time confirmed;
    Time used;
    Time next_request = Time::never();  // never: nothing is being asked
    std::uint32_t requests = 0;
    std::vector<Packet> waiting;
  };

  void ask(Time now, const IpAddress& address, Entry& entry);
  bool make_room();
  void stop_asking(const IpAddress& address);

  std::uint32_t entries_max_;
  absl::flat_hash_map<IpAddress, Entry> entries_;
  std::vector<IpAddress> asking_;
  std::vector<Request> requests_;
  std::vector<Resolved> resolved_;
  std::vector<Packet> unresolved_;
  std::size_t waiting_ = 0;
};

}  // namespace weft::net
