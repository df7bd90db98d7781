// One worker's proxy: for every intercepted TCP connection it finds out, from the pods' configuration, who may talk to
// whom and where the bytes go, opens the other leg, and moves the bytes.
//
//   SYN -> pod ready? -> listener -> [first bytes] -> filter chain -> [TLS handshake] -> policy -> cluster -> host
//       -> the server's pod is on this node? once more through that pod's configuration, identity passed as a value
//       -> TCP to the server -> [TLS handshake] -> bytes both ways
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "dataplane/net/stack.h"
#include "dataplane/proxy/cluster_state.h"
#include "dataplane/proxy/node_view.h"
#include "dataplane/proxy/stream_table.h"
#include "dataplane/proxy/telemetry.h"
#include "dataplane/tls/handshake_executor.h"
#include "dataplane/tls/session.h"
#include "mesh/decision.h"

namespace weft::proxy {

struct ProxyOptions {
  unsigned worker = 0, workers = 1;
  Duration ready_timeout = Duration::seconds(15);      // how long a connection of or to a pod that is not ready waits
  Duration handshake_timeout = Duration::seconds(15);  // of a client, from its first byte to Finished
  bool session_tickets = true;                         // TLS sessions are resumed, on both sides
  std::int64_t (*unix_ms)() = nullptr;                 // wall clock, for certificates and records. REQUIRES: set
  std::size_t decisions_kept = 512;
};

// What is too much of a client's first bytes to hold: Envoy's own limit.
inline constexpr std::size_t kInspectedBytesMax = 64 * 1024;

class Proxy {
 public:
  // All outlive the proxy.
  Proxy(const ProxyOptions& options, net::Stack& stack, const tls::SessionContext& tls,
        tls::HandshakeExecutor& handshakes, ClusterRegistry& clusters, Random random);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // A new version of everything. Waiting connections are looked at again, open ones are judged again: those that it
  // denies, and those of pods that are gone, are reset. The stack's Network must have been set before.
  void publish(Time now, std::shared_ptr<const NodeView> view);

  // Handles what happened: handshakes, TCP events, deadlines. True: there was something.
  bool run(Time now);
  Time deadline();

  const ProxyCounters& counters() const { return counters_; }
  const DecisionLog& decisions() const { return decisions_; }
  // Living connections of `pod` (kNoInterface: all), at most `limit`.
  std::vector<ConnectionRecord> connections(Time now, InterfaceId pod, std::size_t limit);
  std::size_t streams() const { return table_.size(); }
  std::size_t memory();  // bytes: tables, streams, sessions; TCP's own not

 private:
  // What the configuration says about the present pass of a stream.
  struct Chosen {
    const mesh::PodSnapshot* pod = nullptr;
    const mesh::Listener* listener = nullptr;
    const mesh::FilterChain* chain = nullptr;
    mesh::Inspection inspection;
    mesh::Refusal refusal = mesh::Refusal::kNone;
  };
  struct Ending {
    EndReason reason = EndReason::kOrderly;
    mesh::Refusal refusal = mesh::Refusal::kNone;
    std::string detail{};
    mesh::RbacVerdict verdict{};
    bool graceful = false;  // FIN what is queued; else RST
  };

  // events.cc: what TCP, the handshake threads and the clock say
  void on_event(Time now, const net::TcpEvent& event);
  void on_syn(Time now, net::ConnectionId connection);
  void on_established(Time now, StreamId id, Side side);
  void on_closed(Time now, StreamId id, Side side, net::CloseReason reason);
  void on_bytes(Time now, StreamId id, Side side);
  void on_deadline(Time now, StreamId id);
  void on_handshake_result(Time now, tls::HandshakeResult&& result);

  // decide.cc: from a connection to a place
  bool wait_until_ready(Time now, StreamId id, Stream& stream);
  void admit(Time now, StreamId id);
  void decide(Time now, StreamId id);
  Chosen choose(const Stream& stream) const;
  bool look_at_first_bytes(Time now, StreamId id, Stream& stream, const Chosen& chosen);
  void start_client_tls(Time now, StreamId id, Stream& stream, const Chosen& chosen);
  void judge(Time now, StreamId id);
  mesh::PolicyChoice policy_of(const Stream& stream, const mesh::FilterChain& chain) const;
  void route(Time now, StreamId id, Stream& stream, const Chosen& chosen);
  void pass_into(Time now, StreamId id, Stream& stream, const mesh::PodSnapshot& pod,
                 const mesh::TransportSocket& socket);
  std::optional<Ending> check_local_identity(const Stream& stream) const;

  // connect.cc: the server's leg
  void connect(Time now, StreamId id, Stream& stream, const mesh::Cluster& cluster,
               const mesh::TransportSocket& socket);
  std::optional<net::FlowKey> key_towards(const Stream& stream) const;
  void connect_again(Time now, StreamId id);
  bool start_server_tls(Time now, StreamId id, Stream& stream, const mesh::UpstreamTls& tls);
  bool count_in(Stream& stream, const mesh::Cluster& cluster);
  void count_out(Stream& stream);
  void open(Time now, StreamId id);

  // transfer.cc: bytes
  void drive_handshake(Time now, StreamId id, Side side);
  void submit_jobs(StreamId id, Side side, tls::Session& session);
  void give_up_gracefully(Time now, Leg& leg);
  void flush(Time now, Leg& leg);
  void transfer(Time now, Stream& stream, Side from);
  bool read_some(Time now, Stream& stream, Side from, std::size_t space, ByteChain* bytes);
  void finish(Time now, Stream& stream, Side from);
  void pump(Time now, StreamId id);

  // end.cc: how streams end, and what is told of them
  void end(Time now, StreamId id, Ending&& ending);
  void release(Time now, Leg& leg, bool accepted, bool graceful);
  void count_end(const Stream& stream, const Ending& ending);
  ConnectionRecord describe(Time now, StreamId id, const Stream& stream) const;
  void note_allowed(Time now, StreamId id, const Stream& stream, const mesh::RbacVerdict& verdict);
  void rejudge(Time now, StreamId id, Stream& stream);
  bool configuration_changed(const NodeView* before, InterfaceId pod) const;
  std::size_t session_memory(const Stream& stream) const;

  net::TcpEngine& tcp() const { return stack_.tcp(); }
  std::int64_t unix_seconds() const { return options_.unix_ms() / 1000; }

  const ProxyOptions options_;
  net::Stack& stack_;
  const tls::SessionContext tls_;
  tls::HandshakeExecutor& handshakes_;
  ClusterStates clusters_;
  Random random_;
  std::shared_ptr<const NodeView> view_;
  StreamTable table_;
  ProxyCounters counters_;
  DecisionLog decisions_;
};

}  // namespace weft::proxy
