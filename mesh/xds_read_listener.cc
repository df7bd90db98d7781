#include "mesh/xds_read_listener.h"

#include "mesh/filter_chain_index.h"
#include "mesh/xds_read.h"
#include "mesh/xds_read_filter_chain.h"

namespace weft::mesh {

namespace lds = envoy::config::listener::v3;

namespace {

PortPredicate read_predicate(const lds::ListenerFilterChainMatchPredicate& message, const std::string& path);

PortPredicate read_set(PortPredicate::Kind kind, const lds::ListenerFilterChainMatchPredicate::MatchSet& set,
                       const std::string& path) {
  PortPredicate made;
  made.kind = kind;
  for (int i = 0; i < set.rules_size(); ++i)
    made.children.push_back(read_predicate(set.rules(i), at(path, "rules", i)));
  return made;
}

PortPredicate read_range(const envoy::type::v3::Int32Range& range, const std::string& path) {
  if (range.start() < 0 || range.end() < range.start()) nack(path, "is not a range of ports");
  PortPredicate made;
  made.kind = PortPredicate::Kind::kPortRange;
  made.port_begin = static_cast<std::uint32_t>(range.start());
  made.port_end = static_cast<std::uint32_t>(range.end());
  return made;
}

PortPredicate read_predicate(const lds::ListenerFilterChainMatchPredicate& message, const std::string& path) {
  using Proto = lds::ListenerFilterChainMatchPredicate;
  switch (message.rule_case()) {
    case Proto::kOrMatch: return read_set(PortPredicate::Kind::kOr, message.or_match(), join(path, "or_match"));
    case Proto::kAndMatch: return read_set(PortPredicate::Kind::kAnd, message.and_match(), join(path, "and_match"));
    case Proto::kNotMatch: {
      PortPredicate made;
      made.kind = PortPredicate::Kind::kNot;
      made.children.push_back(read_predicate(message.not_match(), join(path, "not_match")));
      return made;
    }
    case Proto::kAnyMatch: {
      PortPredicate made;
      made.kind = PortPredicate::Kind::kAny;
      return made;
    }
    case Proto::kDestinationPortRange:
      return read_range(message.destination_port_range(), join(path, "destination_port_range"));
    default: nack(path, "has no rule");
  }
}

void read_listener_filter(const lds::ListenerFilter& filter, Listener& listener, const std::string& path) {
  std::string where = join(path, "typed_config");
  std::string_view type = type_in(filter.typed_config(), AnyPlace::kListenerFilter, where).type;
  PortPredicate disabled;
  if (filter.has_filter_disabled()) disabled = read_predicate(filter.filter_disabled(), join(path, "filter_disabled"));
  if (type.ends_with("TlsInspector")) {
    listener.tls_inspector_disabled = std::move(disabled);
  } else if (type.ends_with("HttpInspector")) {
    listener.http_inspector_disabled = std::move(disabled);
  } else {
    if (filter.has_filter_disabled()) nack(join(path, "filter_disabled"), "is not supported for original_dst");
    listener.restores_original_dst = true;
  }
}

// A [::] that also takes IPv4 (`ipv4_compat`) is 0.0.0.0 too, as Envoy's own table has it.
void read_address(const envoy::config::core::v3::Address& address, Listener& listener, const std::string& path) {
  std::string where = join(path, "socket_address");
  if (!address.has_socket_address()) nack(where, "is missing");
  Endpoint endpoint = read_socket_address(address.socket_address(), where);
  listener.addresses.push_back(endpoint);
  if (!address.socket_address().ipv4_compat()) return;
  if (!endpoint.address.is_v6() || !endpoint.address.is_unspecified())
    nack(join(where, "ipv4_compat"), "is supported for [::] only");
  listener.addresses.push_back({IpAddress::v4(0, 0, 0, 0), endpoint.port});
}

void read_addresses(const lds::Listener& message, Listener& listener) {
  listener.internal = message.has_internal_listener();
  if (listener.internal) return;
  read_address(message.address(), listener, "address");
  for (int i = 0; i < message.additional_addresses_size(); ++i)
    read_address(message.additional_addresses(i).address(), listener, at("additional_addresses", "", i) + ".address");
}

void read_direction(const lds::Listener& message, Listener& listener) {
  using envoy::config::core::v3::TrafficDirection;
  if (message.traffic_direction() == TrafficDirection::OUTBOUND) listener.direction = Direction::kOutbound;
  if (message.traffic_direction() == TrafficDirection::INBOUND) listener.direction = Direction::kInbound;
}

void read_chains(const lds::Listener& message, Listener& listener) {
  auto index = std::make_unique<FilterChainIndex>();
  for (int i = 0; i < message.filter_chains_size(); ++i) {
    const auto& chain = message.filter_chains(i);
    std::string path = at("", "filter_chains", i);
    listener.chains.push_back(read_filter_chain(chain, path));
    FilterChainMatch match = read_filter_chain_match(chain.filter_chain_match(), join(path, "filter_chain_match"));
    if (!index->add(match, listener.chains.back().get()))
      nack(join(path, "filter_chain_match"), "is the same as that of an earlier chain");
  }
  if (message.has_default_filter_chain())
    listener.default_chain = read_filter_chain(message.default_filter_chain(), "default_filter_chain");
  if (listener.chains.empty() && !listener.default_chain) nack("filter_chains", "is empty");
  listener.index = std::move(index);
}

}  // namespace

std::shared_ptr<const Listener> read_listener(const lds::Listener& message) {
  require_supported(message, "");
  auto listener = std::make_shared<Listener>();
  listener->name = message.name();
  read_addresses(message, *listener);
  read_direction(message, *listener);
  listener->use_original_dst = message.use_original_dst().value();
  listener->restores_original_dst = listener->use_original_dst;
  for (int i = 0; i < message.listener_filters_size(); ++i)
    read_listener_filter(message.listener_filters(i), *listener, at("", "listener_filters", i));
  if (message.has_listener_filters_timeout())
    listener->inspection_timeout = read_duration(message.listener_filters_timeout(), "listener_filters_timeout");
  listener->continue_on_timeout = message.continue_on_listener_filters_timeout();
  read_chains(message, *listener);
  return listener;
}

std::shared_ptr<const Listener> rejected_listener(const lds::Listener& message, std::string reason) {
  auto listener = std::make_shared<Listener>();
  listener->name = message.name();
  listener->rejected = std::move(reason);
  try {
    read_addresses(message, *listener);
  } catch (const Nack&) {
    // Those that were read before the bad one are held.
  }
  read_direction(message, *listener);
  if (listener->addresses.empty()) return nullptr;
  return listener;
}

std::vector<std::string> clusters_of(const Listener& listener) {
  std::vector<std::string> names;
  auto add = [&](const FilterChain* chain) {
    if (const auto* proxy = chain ? std::get_if<TcpProxy>(&chain->terminal) : nullptr)
      for (const WeightedCluster& cluster : proxy->clusters) names.push_back(cluster.name);
  };
  for (const auto& chain : listener.chains) add(chain.get());
  add(listener.default_chain.get());
  return names;
}

}  // namespace weft::mesh
