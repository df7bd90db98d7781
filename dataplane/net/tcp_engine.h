// TCP of one worker, sans-I/O: datagrams, calls and a clock reading in; datagrams, events and the next deadline out.
#pragma once

#include <expected>
#include <functional>
#include <memory>

#include "base/buffer.h"
#include "base/byte_chain.h"
#include "base/clock.h"
#include "base/packet.h"
#include "base/random.h"
#include "dataplane/net/tcp_frozen.h"
#include "dataplane/net/tcp_stats.h"
#include "dataplane/net/tcp_types.h"

namespace weft::net {

class TcpCore;

// One worker's; nothing in it is shared. Turn of the owner: input() for what arrived, on_timer() when deadline() has
// come, poll_event() until empty, calls, poll_output() until empty. `now` never goes back.
//
// An id lives from its first event or connect() until close(), abort(), refuse_syn() or drop_syn(): exactly one of
// them, also after kClosed. A stale id does no harm (see ConnectionId).
class TcpEngine {
 public:
  // What an interface takes. max_gso_bytes bounds a whole datagram (IP header included); below mtu it means mtu.
  // tso does not matter here: net/ip cuts super-segments for interfaces that cannot.
  struct Interface {
    std::uint32_t mtu = 1500;
    std::uint32_t max_gso_bytes = 65535;
    bool tso = false;
  };

  // `headers` gives the buffers that IP and TCP headers are written to (capacity >= 256) and small payloads are
  // compacted into. It outlives the engine.
  TcpEngine(const TcpOptions& options, BufferPool& headers, Random random);
  ~TcpEngine();
  TcpEngine(const TcpEngine&) = delete;
  TcpEngine& operator=(const TcpEngine&) = delete;

  // ---- packets and time
  // A whole IP datagram, checksums already judged. First slice: IP and TCP headers.
  void input(Time now, Packet&& datagram, const TcpArrival& arrival);
  // The next datagram to send: IP header first, 64 bytes of headroom, Packet.interface = egress; L4 checksum left to
  // be filled (needs_checksum, pseudo-header sum in place); gso set when it holds more than one segment.
  bool poll_output(Time now, Packet* datagram);
  bool poll_event(TcpEvent* event);
  // When on_timer() has something to do, exact to 1 ms; earlier calls do nothing.
  Time deadline() const;
  void on_timer(Time now);
  // ICMP quoted a segment that we sent on this flow (key as in FlowKey: local = our side).
  void on_icmp_error(Time now, const FlowKey& key, const IcmpError& error);

  // ---- opening
  std::expected<ConnectionId, ConnectError> connect(Time now, const ConnectRequest& request);
  void accept_syn(Time now, ConnectionId id, AccountId account);
  void refuse_syn(Time now, ConnectionId id);  // RST; gives the id up
  void drop_syn(ConnectionId id);              // silence; gives the id up

  // ---- a connection
  // Bytes that receive() would give. What is received comes as it arrived, in order, mostly without a copy.
  std::size_t readable(ConnectionId id) const;
  ByteChain receive(Time now, ConnectionId id, std::size_t max);
  // Copies the first to.size() of them, which stay. REQUIRES: to.size() <= readable(id).
  void peek(ConnectionId id, MutableByteSpan to) const;
  // How much send() should be given now. An answer of 0 promises a kWritable.
  std::size_t send_space(ConnectionId id);
  // Takes everything; callers respect send_space(). Slices are held until acknowledged. The end of the chain is a PSH.
  // Ignored (and freed) after shutdown_send() or the end of the connection.
  void send(Time now, ConnectionId id, ByteChain&& bytes);
  void shutdown_send(Time now, ConnectionId id);  // FIN after what is queued
  // RST at once; gives the id up.
  void abort(Time now, ConnectionId id);
  // Gives the id up: no more events. What is queued is still sent, then FIN. With unread bytes, or when more arrive
  // later, RST (RFC 2525 2.17).
  void close(Time now, ConnectionId id);

  bool exists(ConnectionId id) const;
  // REQUIRES of these three: exists(id).
  const FlowKey& key(ConnectionId id) const;
  InterfaceId pod(ConnectionId id) const;
  Interception interception(ConnectionId id) const;
  TcpInfo info(ConnectionId id) const;
  // What this connection does differently. A change takes effect at once; what a SYN announces (max_segment,
  // receive_buffer_max by way of the window scale) is settled when it leaves: set it right after connect(), or before
  // accept_syn(). A smaller receive buffer never takes back a window that was advertised. Stale id: the defaults.
  TcpSettings settings(ConnectionId id) const;
  void set_settings(Time now, ConnectionId id, const TcpSettings& settings);
  // Every id that exists, orphans not.
  void for_each(const std::function<void(ConnectionId)>& visit) const;

  // ---- handing over
  // All of a connection as bytes, for thaw() of another engine, of this process or the next. It is gone here, and its
  // peer has not been told. Empty: stale id.
  FrozenConnection freeze(Time now, ConnectionId id);
  // What nobody has an id of: orphans and TIME-WAIT, one after the other.
  void freeze_rest(Time now, const std::function<void(FrozenConnection&&)>& take);
  // Goes on where freeze() stopped, with the same clock (tcp_frozen.h) and events that were not polled. Payload goes to
  // buffers of `payload`; account limits do not refuse it. SYN queues are in the order of these calls: the oldest
  // first. The id is none for orphans and TIME-WAIT.
  std::expected<ConnectionId, ThawError> thaw(Time now, ByteSpan frozen, BufferPool& payload);

  // ---- surroundings
  // What connections follow that have no settings of their own.
  TcpSettings default_settings() const;
  // Connections opened from now on follow these; of what is open, limits and timers do, but not what was agreed on in
  // a handshake, nor the congestion control. worker, workers and account_limit stay what the constructor was given.
  const TcpOptions& options() const;
  void set_options(const TcpOptions& options);
  // Connections whose path MTU was larger send smaller segments from now on.
  void set_interface(InterfaceId id, const Interface& interface);
  void set_account_limit(AccountId id, std::uint64_t bytes);
  std::uint64_t account_memory(AccountId id) const;  // buffer capacity held, bytes
  // RST to every peer of this pod's connections, orphans and TIME-WAIT included; owners see kClosed (kAborted).
  void abort_all_of(Time now, InterfaceId pod);

  const TcpStats& stats() const;
  std::size_t connections() const;      // orphans included
  std::size_t time_wait_entries() const;
  std::size_t memory() const;           // bytes of the engine's own tables, buffers not

 private:
  std::unique_ptr<TcpCore> core_;
};

}  // namespace weft::net
