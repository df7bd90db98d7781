// The language of conformance scripts: segments in, segments expected, calls and time, over stack.h alone.
//
//   SCRIPT(FinIsAcknowledgedAndReadAsEndOfFile) {
//     t.accept_peer();                       // a connection, opened by the peer with a segment size of 1000
//     t.in("F. 1:1(0) ack 1 win 65535");     // from the peer
//     t.out(". 1:1(0) ack 2");               // the next segment of the stack, now
//     CHECK(t.recv(10) == 0);
//   }
//
// Numbers count from the SYN of whoever sends them; ack, win, options and payload size are compared where they are
// written. Every segment of the stack must be expected: one too many fails the script, also at its end. Each script
// runs over IPv4 and IPv6.
#pragma once

#include <cerrno>
#include <deque>
#include <map>
#include <source_location>
#include <string>
#include <string_view>

#include "tests/conformance/scripts/segment.h"
#include "tests/conformance/stack.h"

namespace script {

using Location = std::source_location;

// Throws, with the line, unless `holds`.
void check(bool holds, std::string_view what, Location where = Location::current());
#define CHECK(condition) ::script::check((condition), #condition)

class Script {
 public:
  explicit Script(Location where = Location::current());
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  // ---- the peer
  void in(std::string_view segment, Location where = Location::current());
  void in_fragments(std::string_view segment, std::size_t bytes, Location where = Location::current());
  void in_with_bad_checksum(std::string_view segment, Location where = Location::current());
  // A datagram to be spoiled or cut, and then sent.
  Bytes datagram(std::string_view segment) const { return tcp_datagram(to_stack(), from_peer(segment)); }
  Bytes fragment(std::string_view segment, std::size_t from, std::size_t to) const;
  void in_bytes(const Bytes& datagram, Location where = Location::current()) { inject(datagram, where); }
  // A router's error about the last segment that the stack sent: type, code and what follows, of each family.
  struct IcmpType {
    std::uint8_t type, code;
  };
  void icmp(IcmpType v4, IcmpType v6, std::uint32_t rest = 0);
  void icmp_too_big(std::uint32_t mtu) { icmp({3, 4}, {2, 0}, mtu); }
  void icmp_net_unreachable() { icmp({3, 0}, {1, 0}); }
  void icmp_host_unreachable() { icmp({3, 1}, {1, 3}); }
  void icmp_port_unreachable() { icmp({3, 3}, {1, 4}); }
  void icmp_prohibited() { icmp({3, 13}, {1, 1}); }
  void icmp_time_exceeded() { icmp({11, 0}, {3, 0}); }
  void quote_sequence(std::uint32_t seq);  // what errors quote from now on, until the stack sends again
  std::uint16_t peer_port = 40'000;  // of what comes in and is expected from now on

  // ---- the stack
  void out(std::string_view segment, Location where = Location::current());
  // It comes when `ms` have passed, to the millisecond, and nothing before.
  void out_after(std::int64_t ms, std::string_view segment, Location where = Location::current());
  void out_icmp(IcmpType v4, IcmpType v6, Location where = Location::current());  // an error of the stack's own
  std::uint32_t isn() const { return initial_.at(peer_port); }    // the stack's, as on the wire
  std::uint32_t stamp() const { return stamp_.at(peer_port); }    // the TSval of its latest segment
  void silent_for(std::int64_t ms, Location where = Location::current());
  std::uint32_t mss() const { return (family() == AF_INET6 ? 1440u : 1460u); }  // of an MTU of 1500, without options

  // ---- calls, on `socket` unless another is named; >= 0 or -errno
  int socket = -1, listener = -1;
  void listen(int backlog = 8, Location where = Location::current());
  int accept();
  int open_socket();                   // `socket` is a new one
  int connect();                       // of `socket`, or of a new one, to the peer
  int connect_result() { return stack_->connect_result(now_, socket); }
  ssize_t send(std::size_t bytes);     // a counting pattern
  ssize_t recv(std::size_t most, int flags = 0);  // checks that the peer's pattern comes
  int shutdown(int how) { return stack_->shutdown(now_, socket, how); }
  int close() { return stack_->close(now_, socket); }
  int close_listener() { return stack_->close(now_, listener); }
  unsigned ready() { return stack_->ready(now_, socket); }
  int set(int level, int name, int value) {
    return stack_->setsockopt(now_, socket, level, name, &value, sizeof value);
  }
  int get(int level, int name);        // the value
  int set_linger(bool on, int seconds);
  int ioctl(unsigned long request);    // the value
  pd::Stack& stack() { return *stack_; }
  pd::Time now() const { return now_; }
  void configure(const std::string& key, const std::string& value, Location where = Location::current());

  // ---- beginnings
  // LISTEN to accept(). `options` of the SYN, after mss 1000.
  void accept_peer(const std::string& options = "", Location where = Location::current());
  // connect() to its success, with a peer whose segment size is 1000. `options` of the SYN-ACK.
  void connect_peer(const std::string& options = "", Location where = Location::current());
  // From ESTABLISHED, to the state that the name says.
  void to_fin_wait_1(Location where = Location::current());
  void to_fin_wait_2(Location where = Location::current());
  void to_close_wait(Location where = Location::current());
  void to_closing(Location where = Location::current());
  void to_last_ack(Location where = Location::current());
  void to_time_wait(Location where = Location::current());
  void finish();  // nothing more may be sent now

  static int family();
  static bool hands_over();  // see the key `handover` of make_stack.cc

 private:
  struct Sent {
    pd::Time at;
    Bytes datagram;
  };
  Flow to_stack() const;
  Segment from_peer(std::string_view text) const;
  void inject(const Bytes& datagram, Location where);
  void collect();
  bool step(pd::Time until);  // to the next deadline at most; false: `until` has come
  Segment next_sent(Location where);
  void match(std::string_view expected, const Segment& sent, Location where) const;

  std::unique_ptr<pd::Stack> stack_;
  pd::Time now_ = 0;
  std::deque<Sent> sent_;
  Bytes last_sent_;
  std::uint16_t local_port_ = 8080;
  std::map<std::uint16_t, std::uint32_t> initial_;  // the stack's first number, by the peer's port
  std::map<std::uint16_t, std::uint32_t> stamp_;    // the stack's latest timestamp
  std::uint32_t written_ = 0, read_ = 0;
};

// ---- the list of all
struct Entry {
  const char* name;
  void (*run)(Script& t);
};
std::deque<Entry>& all_scripts();
struct Registration {
  Registration(const char* name, void (*run)(Script&)) { all_scripts().push_back({name, run}); }
};
#define SCRIPT(name)                                                             \
  static void script_##name(::script::Script& t);                                \
  static const ::script::Registration registration_##name(#name, script_##name); \
  static void script_##name([[maybe_unused]] ::script::Script& t)

}  // namespace script
