// A scenario, run in virtual time, and the properties that hold in every one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/recorder.h"
#include "tests/sim/scenario.h"

namespace weft::sim {

struct Outcome {
  std::string failure;  // empty: all properties hold
  Duration lasted;      // virtual
  std::uint64_t digest = 0;  // of all that was sent, when and by whom: equal runs have equal ones
  std::uint64_t datagrams = 0, timer_calls = 0, merged = 0, dropped = 0, bytes = 0;
  std::uint64_t hand_overs = 0;
  std::uint64_t connections = 0, complete = 0;  // complete: both programs read all, and nobody saw an error
};

// Properties:
// - what a program reads is what the other wrote, whole and in order; an end without an error means that all was read
// - if connections may not fail (Scenario::mortal), all is read; if they may, both programs hear of it when one is not
//   whole
// - something moves within Scenario::patience until all is over
// - at the end connections, TIME-WAIT, accounts and buffers are given back
// - no more timers and datagrams than there is reason for (check_storms)
class TcpSimulation {
 public:
  static constexpr Time kBegin = Time::from_ns(1'000'000'000'000);

  // `recorder` may be nullptr; it begins at kBegin, and outlives this.
  TcpSimulation(std::uint64_t seed, const Scenario& scenario, Recorder* recorder = nullptr);
  Outcome run();

 private:
  void step();
  void begin_connections();
  bool begin(int connection);
  bool may_begin(const ConnectionPlan& plan) const;
  int service_of(int connection) const;
  std::unique_ptr<Program> listen(int host, int service);
  void apply_changes();
  void hand_over();
  void apply(const Change& change);
  void deliver();
  bool turn();
  void digest(int host, const Datagram& datagram);
  void transmit(int host);
  Time next() const;
  bool over() const;
  void check_storms();
  void check_end();
  void check_pair(std::size_t connection);
  const Program* program_of(std::size_t connection, int side) const;
  Host& host(int number) { return *hosts_[static_cast<std::size_t>(number)]; }
  std::unique_ptr<Program> make_program(int connection, int side);
  void fail(const std::string& what) {
    if (outcome_.failure.empty()) outcome_.failure = what;
  }

  Scenario scenario_;
  Random random_;
  Random hand_overs_;  // of its own: a run with them is otherwise the same
  Recorder* recorder_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::unique_ptr<SimulatedWire> wire_;
  std::vector<bool> begun_;            // by connection
  std::vector<int> latest_;            // by service: the connection that began last
  Time retry_at_ = Time::never();      // when a connection whose ports were still in use is tried again
  std::size_t changed_ = 0;            // of scenario_.changes
  Time now_ = kBegin, progress_ = kBegin;
  std::uint32_t standing_ = 0;  // steps since time moved
  Outcome outcome_;
};

}  // namespace weft::sim
