// A listener: what first bytes it wants to see, its filter chains and Envoy's way to choose one of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"
#include "mesh/authorization.h"
#include "mesh/tls_settings.h"

namespace weft::mesh {

enum class Direction : std::uint8_t { kOutbound, kInbound };  // from the pod, to the pod

struct WeightedCluster {
  std::string name;
  std::uint32_t weight = 1;
};

// envoy.filters.network.tcp_proxy. One cluster is one entry.
struct TcpProxy {
  std::vector<WeightedCluster> clusters;  // not empty
  std::uint64_t total_weight = 0;
  Duration idle_timeout = Duration::seconds(3600);  // Envoy's default; zero: none
  Duration max_duration;                            // max_downstream_connection_duration; zero: none
  std::uint32_t max_connect_attempts = 1;

  // `random` is uniform over 64 bits.
  const std::string& pick(std::uint64_t random) const;
};
struct NeedsHttp {};   // http_connection_manager: matched, its content not judged
struct NeedsHbone {};  // tcp_proxy with tunneling_config, internal listeners
using Terminal = std::variant<TcpProxy, NeedsHttp, NeedsHbone>;

struct FilterChain {
  std::string name;
  std::optional<DownstreamTls> tls;   // absent: plaintext, or TLS that is passed through
  Duration handshake_timeout;         // transport_socket_connect_timeout; zero: none
  std::vector<NetworkRbac> rbac;      // in the chain's order
  Terminal terminal;
};

enum class SourceType : std::uint8_t { kAny, kSameIpOrLoopback, kExternal };

// envoy.config.listener.v3.FilterChainMatch. Empty or zero: no condition.
struct FilterChainMatch {
  std::uint16_t destination_port = 0;
  std::vector<IpPrefix> destination_prefixes = {};
  std::vector<std::string> server_names = {};  // lower case; "*.example.com" for a suffix
  std::string transport_protocol = {};         // "tls", "raw_buffer"
  std::vector<std::string> application_protocols = {};
  std::vector<IpPrefix> direct_source_prefixes = {};
  SourceType source_type = SourceType::kAny;
  std::vector<IpPrefix> source_prefixes = {};
  std::vector<std::uint16_t> source_ports = {};
};

// What is known of a connection when its chain is chosen. Views are read during the call only.
struct ConnectionFacts {
  Endpoint source, destination;  // destination: the original one
  bool tls = false;              // the first bytes were a ClientHello and tls_inspector looked
  std::string_view server_name;  // of the ClientHello, lower case; empty: none
  // Of the ClientHello in its order, or what http_inspector found ("http/1.0", "http/1.1", "h2c").
  std::span<const std::string_view> application_protocols;
};

// envoy.config.listener.v3.ListenerFilterChainMatchPredicate, as far as a TCP original destination decides it.
struct PortPredicate {
  enum class Kind : std::uint8_t { kNever, kAny, kOr, kAnd, kNot, kPortRange };
  Kind kind = Kind::kNever;
  std::uint32_t port_begin = 0, port_end = 0;  // [begin, end)
  std::vector<PortPredicate> children;
  bool matches(std::uint16_t destination_port) const;
};

// Which first bytes are wanted before a chain can be chosen.
struct Inspection {
  bool tls = false;
  bool http = false;
  Duration timeout;                  // how long to wait; zero: without limit
  bool continue_on_timeout = false;  // after it: choose with what is known, or close
  bool any() const { return tls || http; }
};

class FilterChainIndex;  // the precomputed matching tree (filter_chain_index.h)

// One listener. Immutable, shared by the pods that were sent the same bytes.
struct Listener {
  Listener();
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::string name;
  std::vector<Endpoint> addresses;  // address and additional_addresses; empty: internal
  std::optional<Direction> direction;
  bool use_original_dst = false;    // connections are handed to the listener of their original destination
  bool restores_original_dst = false;  // holds the original_dst listener filter (or use_original_dst)
  bool internal = false;            // reached by a name, not by an address
  std::optional<PortPredicate> tls_inspector_disabled;   // absent: no tls_inspector
  std::optional<PortPredicate> http_inspector_disabled;  // absent: no http_inspector
  Duration inspection_timeout = Duration::seconds(15);
  bool continue_on_timeout = false;
  // Not empty: the resource was NACKed and had no good version before. Its addresses are held all the same, so that
  // what was meant for it is refused and not passed through as unknown.
  std::string rejected;
  // Invariant: each has an entry in `index`; the default chain, if any, is `default_chain`.
  std::vector<std::unique_ptr<const FilterChain>> chains;
  std::unique_ptr<const FilterChain> default_chain;
  std::unique_ptr<const FilterChainIndex> index;

  Inspection inspection(const Endpoint& original_destination) const;
  // Envoy's order, no stepping back once a tier has matched; nullptr: close. No allocation.
  const FilterChain* match(const ConnectionFacts& facts) const;
};

}  // namespace weft::mesh
