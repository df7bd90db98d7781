// What runs at one end of a simulated connection: it writes a known pattern, reads and checks the other end's, and
// tells how it went.
#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"
#include "dataplane/net/tcp_engine.h"

namespace weft::sim {

// How a program ends its connection.
enum class Ending : std::uint8_t {
  kWaits,   // reads all, then waits until TCP says how it ended
  kLeaves,  // closes once it has sent its FIN, and got and read the other's: TCP does the rest alone
  kAborts,  // resets, some bytes in the middle
  kQuits,   // closes there: TCP resets if bytes are unread, or come later
};

struct ProgramOptions {
  std::uint32_t bytes = 0;
  std::uint32_t largest_write = 20'000;
  std::uint32_t largest_read = 100'000;
  Duration read_pause{};     // between two reads
  bool half_close = true;  // FIN as soon as all is written; else only after the peer's FIN
  Ending ending = Ending::kWaits;
  std::uint32_t ends_after = 0;  // of kAborts and kQuits: bytes written and read
};

class Program {
 public:
  Program(int connection, int side, const ProgramOptions& options, Random random)
      : options_(options), random_(random), connection_(connection), side_(side) {}

  net::ConnectionId id() const { return id_; }
  void set_id(net::ConnectionId id) { id_ = id; }
  void on_event(const net::TcpEvent& event);
  // Does what it can now. True: something moved.
  bool run(Time now, net::TcpEngine& engine, BufferPool& pool);
  // Its host has forgotten the connection.
  void vanish() { rude_ = gone_ = true; }
  // When run() has something to do without an event.
  Time wake() const { return wake_; }

  // ---- how it went
  int connection() const { return connection_; }
  const ProgramOptions& options() const { return options_; }
  bool gone() const { return gone_; }          // the id is given up
  bool rude() const { return rude_; }          // it broke the connection off
  bool established() const { return established_; }
  bool saw_end() const { return peer_closed_; }  // the other's FIN
  bool all_written() const { return written_ == options_.bytes; }
  bool told() const { return reason_ != net::CloseReason::kNone; }  // TCP said how it ended
  net::CloseReason reason() const { return reason_; }
  std::uint32_t written() const { return written_; }
  std::uint32_t read() const { return read_; }
  std::uint64_t writes() const { return writes_; }
  const std::string& failure() const { return failure_; }

 private:
  bool write_some(Time now, net::TcpEngine& engine, BufferPool& pool);
  bool read_some(Time now, net::TcpEngine& engine);
  void check(const ByteChain& bytes);
  bool break_off(Time now, net::TcpEngine& engine);
  void finish(Time now, net::TcpEngine& engine);

  ProgramOptions options_;
  Random random_;
  int connection_, side_;
  net::ConnectionId id_;
  std::uint32_t written_ = 0, read_ = 0;
  std::uint64_t writes_ = 0;
  bool established_ = false, peer_closed_ = false, shut_ = false, gone_ = false, rude_ = false;
  bool may_write_ = true, may_read_ = false;  // as events promise
  Time read_at_, wake_ = Time::never();
  net::CloseReason reason_ = net::CloseReason::kNone;
  std::string failure_;
};

}  // namespace weft::sim
