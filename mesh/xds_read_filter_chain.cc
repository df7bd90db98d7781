#include "mesh/xds_read_filter_chain.h"

#include "absl/strings/ascii.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "mesh/xds_read.h"
#include "mesh/xds_read_rbac.h"
#include "mesh/xds_read_tls.h"

namespace weft::mesh {

namespace lds = envoy::config::listener::v3;
namespace network = envoy::extensions::filters::network;

namespace {

void read_clusters(const network::tcp_proxy::v3::TcpProxy& message, TcpProxy& proxy, std::string_view path) {
  if (!message.cluster().empty()) proxy.clusters.push_back({message.cluster(), 1});
  for (int i = 0; i < message.weighted_clusters().clusters_size(); ++i) {
    const auto& cluster = message.weighted_clusters().clusters(i);
    if (cluster.weight() == 0) nack(at(path, "weighted_clusters.clusters", i) + ".weight", "is zero");
    proxy.clusters.push_back({cluster.name(), cluster.weight()});
  }
  if (proxy.clusters.empty()) nack(join(path, "cluster"), "is missing");
  for (const WeightedCluster& cluster : proxy.clusters) proxy.total_weight += cluster.weight;
}

Terminal read_tcp_proxy(const google::protobuf::Any& any, std::string_view path) {
  auto message = unpack<network::tcp_proxy::v3::TcpProxy>(any, path);
  if (message.has_tunneling_config()) return NeedsHbone{};
  TcpProxy proxy;
  read_clusters(message, proxy, path);
  if (message.has_idle_timeout())
    proxy.idle_timeout = read_duration(message.idle_timeout(), join(path, "idle_timeout"));
  if (message.has_max_downstream_connection_duration())
    proxy.max_duration = read_duration(message.max_downstream_connection_duration(),
                                       join(path, "max_downstream_connection_duration"));
  if (message.has_max_connect_attempts()) proxy.max_connect_attempts = message.max_connect_attempts().value();
  if (proxy.max_connect_attempts == 0) nack(join(path, "max_connect_attempts"), "is zero");
  return proxy;
}

// Returns true when the filter ends the chain.
bool read_filter(const lds::Filter& filter, FilterChain& chain, const std::string& path) {
  std::string where = join(path, "typed_config");
  const TypeSupport& type = type_in(filter.typed_config(), AnyPlace::kNetworkFilter, where);
  if (type.support == Support::kNoEffect) return false;
  if (type.support == Support::kNeedsHttp) {
    chain.terminal = NeedsHttp{};
    return true;
  }
  if (type.type.ends_with("RBAC")) {
    auto message = unpack<network::rbac::v3::RBAC>(filter.typed_config(), where);
    chain.rbac.push_back(read_network_rbac(message, where));
    return false;
  }
  chain.terminal = read_tcp_proxy(filter.typed_config(), where);
  return true;
}

template <typename Ranges>
std::vector<IpPrefix> read_prefixes(const Ranges& ranges, std::string_view path, std::string_view field) {
  std::vector<IpPrefix> prefixes;
  for (int i = 0; i < ranges.size(); ++i) prefixes.push_back(read_prefix(ranges.Get(i), at(path, field, i)));
  return prefixes;
}

std::string read_server_name(const std::string& name, const std::string& path) {
  bool wildcard = name.find('*') != name.npos;
  bool suffix = name.starts_with("*.") && name.find('*', 1) == name.npos;
  if (wildcard && !suffix) nack(path, "is a partial wildcard");
  if (name.empty()) nack(path, "is empty");
  return absl::AsciiStrToLower(name);
}

SourceType read_source_type(lds::FilterChainMatch::ConnectionSourceType type, std::string_view path) {
  switch (type) {
    case lds::FilterChainMatch::ANY: return SourceType::kAny;
    case lds::FilterChainMatch::SAME_IP_OR_LOOPBACK: return SourceType::kSameIpOrLoopback;
    case lds::FilterChainMatch::EXTERNAL: return SourceType::kExternal;
    default: nack(std::string(path), "is not a type we know");
  }
}

}  // namespace

std::unique_ptr<const FilterChain> read_filter_chain(const lds::FilterChain& message, std::string_view path) {
  auto chain = std::make_unique<FilterChain>();
  chain->name = message.name();
  if (message.has_transport_socket())
    chain->tls = read_downstream_socket(message.transport_socket(), join(path, "transport_socket"));
  if (message.has_transport_socket_connect_timeout())
    chain->handshake_timeout = read_duration(message.transport_socket_connect_timeout(),
                                             join(path, "transport_socket_connect_timeout"));
  bool ended = false;
  for (int i = 0; i < message.filters_size(); ++i) {
    std::string where = at(path, "filters", i);
    if (ended) nack(where, "comes after the filter that ends the chain");
    ended = read_filter(message.filters(i), *chain, where);
  }
  if (!ended) nack(join(path, "filters"), "do not end in tcp_proxy or http_connection_manager");
  return chain;
}

FilterChainMatch read_filter_chain_match(const lds::FilterChainMatch& message, std::string_view path) {
  FilterChainMatch match;
  match.destination_port = read_port(message.destination_port().value(), join(path, "destination_port"));
  match.destination_prefixes = read_prefixes(message.prefix_ranges(), path, "prefix_ranges");
  for (int i = 0; i < message.server_names_size(); ++i)
    match.server_names.push_back(read_server_name(message.server_names(i), at(path, "server_names", i)));
  match.transport_protocol = message.transport_protocol();
  match.application_protocols.assign(message.application_protocols().begin(), message.application_protocols().end());
  match.direct_source_prefixes =
      read_prefixes(message.direct_source_prefix_ranges(), path, "direct_source_prefix_ranges");
  match.source_type = read_source_type(message.source_type(), join(path, "source_type"));
  match.source_prefixes = read_prefixes(message.source_prefix_ranges(), path, "source_prefix_ranges");
  for (int i = 0; i < message.source_ports_size(); ++i)
    match.source_ports.push_back(read_port(message.source_ports(i), at(path, "source_ports", i)));
  return match;
}

}  // namespace weft::mesh
