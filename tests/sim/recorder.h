// What a person reads of a seed: a trace in words, and a capture file for each host.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/ip_address.h"
#include "tests/sim/pcap_writer.h"
#include "tests/sim/wire.h"

namespace weft::sim {

// One line an event: seconds since the beginning, who, what. A datagram reads
//   0.020113 h0 sends c1 h0>h2 PA seq 1:1449 ack 1 win 64512 len 1448 sack 2897:4345 ts 20/9 | lost
// with sequence numbers counted from each side's SYN, and what the link did behind the bar.
class Recorder {
 public:
  Recorder(int hosts, Time begin) : begin_(begin), captures_(static_cast<std::size_t>(hosts)) {}

  void note(Time now, const std::string& text);
  // What the datagrams of a connection are called by.
  void name(const Endpoint& a, const Endpoint& b, int connection);
  void on_link(Time now, int host, Direction direction, const Datagram& datagram, Fates fates);
  void on_too_big(Time now, int host, Direction direction, const Datagram& datagram, std::uint32_t mtu, bool silent);
  void on_arrival(Time now, int host, const Datagram& datagram);

  const std::string& trace() const { return trace_; }
  // Hosts' captures as PREFIX-h0.pcap and so on; the paths that were written.
  std::vector<std::string> save(const std::string& prefix) const;
  const PcapWriter& capture(int host) const { return captures_[static_cast<std::size_t>(host)]; }

 private:
  using Ends = std::pair<std::string, std::string>;
  std::string describe(const Datagram& datagram);
  std::string describe_tcp(const Datagram& datagram, std::size_t ip_size);
  std::uint32_t relative(const Ends& ends, std::uint32_t sequence) const;

  Time begin_;
  std::string trace_;
  std::vector<PcapWriter> captures_;
  std::map<Ends, int> names_;             // both directions
  std::map<Ends, std::uint32_t> initial_;  // by (sender, receiver): the number of its last SYN
};

}  // namespace weft::sim
