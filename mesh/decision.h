// What a pod's configuration says about one connection: the steps that the proxy takes, as pure functions, and all of
// them at once. First bytes -> chain -> (handshake) -> policy -> cluster.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "mesh/pod_config.h"

namespace weft::mesh {

// Why a connection ends here. X(enumerator, text)
#define WEFT_MESH_REFUSALS(X)                                                                 \
  X(kNone, "none")                                                                            \
  X(kNoListener, "the pod has no listeners yet")                                              \
  X(kListenerRejected, "the listener was rejected (NACK) and has no earlier version")         \
  X(kFirstBytesTimeout, "no first bytes came in time")                                        \
  X(kNoFilterChain, "no filter chain matches")                                                \
  X(kNoClientCertificate, "the peer has no certificate and one is required")                  \
  X(kPeerNotTrusted, "the peer's certificate has no name that is wanted here")                \
  X(kPolicyDenied, "a DENY policy matches")                                                   \
  X(kPolicyNotAllowed, "no ALLOW policy matches")                                             \
  X(kNeedsHttp, "needs HTTP")                                                                 \
  X(kNeedsHbone, "needs HBONE")                                                               \
  X(kNeedsDns, "the cluster needs DNS")                                                       \
  X(kNoCluster, "the cluster is unknown")                                                     \
  X(kBlackHole, "the cluster is a black hole")                                                \
  X(kNoEndpoints, "the cluster has no endpoint that can be used")

enum class Refusal : std::uint8_t {
#define X(name, text) name,
  WEFT_MESH_REFUSALS(X)
#undef X
};
inline constexpr int kRefusalCount = static_cast<int>(Refusal::kNoEndpoints) + 1;
std::string_view to_string(Refusal refusal);
std::string_view to_name(Refusal refusal);  // "needs_http": for metrics

// Step 1. The listener, and whether first bytes must be seen before its chain can be chosen.
struct ListenerChoice {
  Refusal refusal = Refusal::kNone;
  const Listener* listener = nullptr;
  Inspection inspection;
};
ListenerChoice choose_listener(const PodConfig& config, Direction direction, const Endpoint& original_destination);

// Step 2, when first bytes are there, or are not wanted, or `inspection.timeout` passed with continue_on_timeout.
// A chain with kNeedsHttp still has its TLS settings; it is refused here, before any handshake.
struct ChainChoice {
  Refusal refusal = Refusal::kNone;
  const FilterChain* chain = nullptr;  // also given with a refusal that a chain caused
};
ChainChoice choose_chain(const Listener& listener, const ConnectionFacts& facts);

// What the handshake must have found out, when the chain terminates TLS (the TLS session checks the same; here for
// peers whose identity is passed as a value, and for decide()). kNone, kNoClientCertificate or kPeerNotTrusted.
Refusal check_peer(const DownstreamTls& tls, const PeerFacts& facts);

// Step 3, after the handshake where the chain wants one: may this peer pass?
struct PolicyChoice {
  Refusal refusal = Refusal::kNone;
  RbacVerdict verdict;
};
PolicyChoice choose_policy(const FilterChain& chain, const PeerFacts& facts);

// Step 4. `random` picks among weighted clusters. Load balancing among the cluster's hosts is the caller's.
struct ClusterChoice {
  Refusal refusal = Refusal::kNone;
  std::string_view cluster_name;
  const Cluster* cluster = nullptr;
};
ClusterChoice choose_cluster(const PodConfig& config, const FilterChain& chain, std::uint64_t random);

// All steps at once, for explanations and tests.
struct DecisionInput {
  Direction direction = Direction::kOutbound;
  Endpoint source, destination;
  // What the first bytes are, as far as they came. kUnknown: neither a ClientHello nor HTTP.
  enum class FirstBytes : std::uint8_t { kNone, kTls, kHttp10, kHttp11, kH2Preface, kUnknown };
  FirstBytes first_bytes = FirstBytes::kNone;
  std::string_view server_name;               // of the ClientHello
  std::vector<std::string_view> alpn;         // of the ClientHello
  std::vector<std::string_view> peer_uri_sans;  // of the verified certificate, when the chain terminates TLS
  bool timed_out = false;                     // the inspection timeout passed
  std::uint64_t random = 0;
};

struct Decision {
  enum class Outcome : std::uint8_t { kForward, kWaitForFirstBytes, kRefuse };
  Outcome outcome = Outcome::kRefuse;
  Refusal refusal = Refusal::kNone;
  const Listener* listener = nullptr;
  const FilterChain* chain = nullptr;
  RbacVerdict verdict;
  std::string_view cluster_name;
  const Cluster* cluster = nullptr;
};
Decision decide(const PodConfig& config, const DecisionInput& input);

}  // namespace weft::mesh
