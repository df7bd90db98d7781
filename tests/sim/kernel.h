// A pod's kernel and the programs in it: TCP behind a TAP, with super-segments and partial checksums as a TAP has them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/packet.h"
#include "base/random.h"
#include "dataplane/net/mac_address.h"
#include "dataplane/net/tcp_engine.h"

namespace weft::sim {

// A frame as it crosses a device: flat bytes and what virtio_net_hdr says.
struct Frame {
  std::vector<std::uint8_t> bytes;
  Offload offload;
};

class Kernel;

// One socket of a program. Everything is told by fields; `program` runs after each change.
struct Socket {
  Kernel* kernel = nullptr;
  net::ConnectionId id;
  Endpoint local, remote;
  bool established = false;
  bool peer_closed = false;             // its FIN came; when readable() is 0 that was all
  bool shut = false;                    // we said that no more comes
  std::optional<net::CloseReason> closed;
  std::string received;                 // a program may take from it
  std::uint64_t bytes_read = 0;
  bool reading = true;                  // false: the window fills
  std::size_t read_at_once = SIZE_MAX;  // per turn
  std::size_t write_at_once = SIZE_MAX; // bytes of one send(): 1 makes segments of one byte
  std::string unsent;
  std::uint64_t bytes_written = 0;      // given to TCP
  bool shut_when_sent = false;
  std::function<void(Socket&)> program;

  bool eof() const;                     // the peer's end was read
  bool open() const { return established && !closed; }
  bool reset() const { return closed && *closed != net::CloseReason::kOrderly; }
  Socket& write(std::string_view text) { unsent += text; return *this; }
  Socket& finish() { shut_when_sent = true; return *this; }  // FIN behind what is queued
  void abort();                         // RST
};

using Program = std::function<void(Socket&)>;
Program echo();                          // writes what it reads; closes after the peer
Program greet(std::string greeting);     // speaks first, then echoes
Program swallow();                       // reads all, closes after the peer

class Kernel {
 public:
  // `now` is the world's clock. It outlives the kernel.
  Kernel(const Time& now, std::vector<IpAddress> addresses, const net::TcpOptions& tcp, std::uint64_t seed);
  ~Kernel();

  net::MacAddress mac, gateway_mac;
  const std::vector<IpAddress>& addresses() const { return addresses_; }

  // local_port 0: any.
  Socket& connect(const Endpoint& to, std::uint16_t local_port = 0);
  // Each accepted connection runs the program.
  void listen(std::uint16_t port, Program program) { listeners_[port] = std::move(program); }
  void close_port(std::uint16_t port) { listeners_.erase(port); }   // RST from now on
  void hide_port(std::uint16_t port) { listeners_[port] = nullptr; }  // silence
  // SYNs that reached the port, whatever became of them.
  unsigned syns(std::uint16_t port) { return syns_[port]; }
  // Accepted ones, oldest first.
  std::vector<Socket*> accepted(std::uint16_t port);
  std::deque<Socket>& sockets() { return sockets_; }

  // ---- the device
  void receive(Frame&& frame);
  bool poll_frame(Frame* frame);

  bool run();  // events, programs, timers; true: something happened
  Time deadline() const;
  net::TcpEngine& tcp() { return *tcp_; }
  Time now() const { return now_; }
  std::size_t buffers() const { return headers_.outstanding() + frames_.outstanding() + large_.outstanding(); }
  unsigned bad_checksums = 0;

 private:
  void on_event(const net::TcpEvent& event);
  void on_syn(net::ConnectionId id);
  bool drive(Socket& socket);
  bool write_some(Socket& socket);
  Socket& add(net::ConnectionId id);

  const Time& now_;
  std::vector<IpAddress> addresses_;
  HeapBufferPool headers_{256}, frames_{2304}, large_{66'000};
  std::unique_ptr<net::TcpEngine> tcp_;
  std::map<std::uint16_t, Program> listeners_;
  std::map<std::uint16_t, unsigned> syns_;
  std::deque<Socket> sockets_;
  std::map<std::uint64_t, Socket*> by_id_;
};

}  // namespace weft::sim
