// What the agent asks the workers for, as plain records: the operator's questions and the metrics.
// Implemented in main, which gathers it from every worker. Called from the agent's threads; may block for
// a worker's turn.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/packet.h"

namespace weft::agent {

// One leg pair: the pod's connection and, if there is one, the connection on the other side.
struct ConnectionRecord {
  std::uint32_t worker = 0;
  std::string id;  // "worker/index.generation"
  InterfaceId pod = kNoInterface;
  std::string direction;                              // "outbound", "inbound", "local" (both pods on this node)
  std::string source;                                 // as the client sees itself, "10.244.1.5:40000"
  std::string destination;                            // as the client dialled it
  std::string upstream;                               // where it really goes; empty: not connected (yet)
  std::string state;                                  // waiting, inspecting, handshaking, connecting, open
  std::string cluster;                                // Envoy cluster name
  std::string source_identity, destination_identity;  // SPIFFE ids where known
  std::string tls;                                    // "TLSv1.3 TLS_AES_128_GCM_SHA256", " resumed"; empty: plaintext
  std::uint64_t bytes_sent = 0, bytes_received = 0;   // by and to the client
  std::uint64_t memory = 0;                           // bytes held: buffers, TCBs, session
  std::int64_t age_ms = 0;
};

// What decided a connection; kept for a bounded number of recent ones.
struct DecisionRecord {
  std::int64_t unix_ms = 0;
  InterfaceId pod = kNoInterface;
  std::string direction;
  std::string source, destination;
  std::string peer_identity;            // empty: none was proven
  std::string verdict;                  // "allowed", "refused"; passed as packets: "host", "excluded"
  std::string reason;                   // the named reason, e.g. "no ALLOW policy matched", "pod not ready"
  std::string policy;                   // what decided: "ns[x]-policy[y]-rule[0]"
  std::vector<std::string> considered;  // ALLOW policies that apply and did not match
  std::string listener, filter_chain, cluster, endpoint;
  std::string detail;  // anything else, e.g. the TLS error text
};

// Packets or connections that died, by named reason.
struct DropRecord {
  std::string layer;  // "ip", "tcp", "tls", "proxy", ...
  std::string name;   // stable: "bad_checksum"
  std::string text;   // "bad checksum"
  std::uint64_t count = 0;
};

enum class MetricKind : std::uint8_t { kCounter, kGauge };

struct MetricRecord {
  std::string name;  // Prometheus name; Istio's or Envoy's where one exists
  std::string help;
  MetricKind kind = MetricKind::kCounter;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

struct QueryLimits {
  InterfaceId pod = kNoInterface;  // only this pod's; kNoInterface: all
  std::uint32_t limit = 1000;      // most records to return
};

class Introspection {
 public:
  virtual ~Introspection() = default;
  virtual std::vector<ConnectionRecord> connections(const QueryLimits& limits) = 0;
  virtual std::vector<DecisionRecord> decisions(const QueryLimits& limits) = 0;  // newest first
  virtual std::vector<DropRecord> drops() = 0;                                   // also those at zero
  virtual std::vector<MetricRecord> metrics() = 0;
  // What `weftctl status` shows of workers and devices: ("record cipher", "ipsec_mb"), ("worker 0 busy", "12 %") ...
  virtual std::vector<std::pair<std::string, std::string>> status() = 0;
};

}  // namespace weft::agent
