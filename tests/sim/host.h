// A simulated host: a TCP engine, the IP layer below it, and the programs above it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "dataplane/net/ip.h"
#include "tests/sim/program.h"
#include "tests/sim/wire.h"

namespace weft::sim {

struct HostOptions {
  net::TcpOptions tcp;
  std::uint32_t mtu = 1500;        // of its interface
  std::uint32_t gso_bytes = 65'535;
  double merge = 0;                // chance that a segment joins the one before it (GRO), when it can
};

// Where service number `service` listens.
constexpr std::uint16_t service_port(int service) { return static_cast<std::uint16_t>(1000 + service); }

// A turn: receive() what arrived, turn(), then poll_output() until false.
class Host {
 public:
  // Makes the program at this end when the other's SYN comes; nullptr: nobody listens there (any more).
  using Listen = std::function<std::unique_ptr<Program>(int service)>;

  Host(int number, const HostOptions& options, Random random, Recorder* recorder);

  void listen(Listen listen) { listen_ = std::move(listen); }
  // `from_port` 0: any. False: the engine refuses.
  bool connect(Time now, const Endpoint& to, std::uint16_t from_port, std::unique_ptr<Program> program);
  // The IP layer: what checksums or headers disprove goes no further.
  void receive(Time now, const Datagram& datagram);
  // Segments merged so far, timers, events and programs. True: some program moved.
  bool turn(Time now);
  // The next datagram as it leaves the port: a super-segment is cut.
  bool poll_output(Time now, Datagram* datagram);
  // When turn() has something to do.
  Time next() const;
  void set_mtu(std::uint32_t mtu);
  // A fresh engine takes the old one's place. Connections are gone, and their programs with them.
  void restart(Time now);
  // A fresh engine takes the old one's place, and goes on with all that it knew: connections, orphans and TIME-WAIT are
  // frozen to bytes and thawed. Programs notice nothing.
  void hand_over(Time now);

  const std::vector<std::unique_ptr<Program>>& programs() const { return programs_; }
  const net::TcpEngine& engine() const { return *engine_; }
  bool quiet() const { return engine_->connections() == 0 && engine_->time_wait_entries() == 0; }
  // What is not given back although quiet(); empty: nothing.
  std::string left_over() const;
  std::uint64_t timer_calls() const { return timer_calls_; }
  std::uint64_t datagrams() const { return datagrams_; }  // in and out
  std::uint64_t merged() const { return merged_; }        // segments that joined others
  std::uint64_t dropped() const { return dropped_; }      // by the IP layer
  const std::string& failure() const { return failure_; }

 private:
  void make_engine();
  void receive_icmp(Time now, const Datagram& datagram, const net::IpHeader& ip);
  void receive_tcp(const Datagram& datagram);
  void drop(Time now, const Datagram& datagram, std::string_view why);
  void give_to_engine(Time now);
  void take_events();
  void accept(Time now, net::ConnectionId id);
  void add(Time now, std::unique_ptr<Program> program);
  Program* program_of(net::ConnectionId id) const;

  int number_;
  HostOptions options_;
  Random random_;
  std::uint64_t engine_seed_;
  Recorder* recorder_;
  HeapBufferPool headers_{256}, frames_{2304}, large_{66'000};
  // Programs name connections by id alone, so that another engine may take this one's place.
  std::unique_ptr<net::TcpEngine> engine_;
  Listen listen_;
  std::vector<std::unique_ptr<Program>> programs_;
  absl::flat_hash_map<net::ConnectionId, Program*> by_id_;
  std::vector<Datagram> arrived_;  // since the last turn, merged
  std::vector<Datagram> leaving_;  // what a super-segment was cut into, last first
  Time now_;
  std::uint64_t timer_calls_ = 0, datagrams_ = 0, merged_ = 0, dropped_ = 0;
  std::string failure_;
};

}  // namespace weft::sim
