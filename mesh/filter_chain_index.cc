#include "mesh/filter_chain_index.h"

#include <algorithm>

namespace weft::mesh {

namespace {

// Calls `visit(element pointer)` for each, or once with nullptr: an empty criterion is one entry "any".
template <typename T, typename Visit>
bool for_each_or_any(const std::vector<T>& values, Visit visit) {
  if (values.empty()) return visit(static_cast<const T*>(nullptr));
  bool ok = true;
  for (const T& value : values) ok = visit(&value) && ok;
  return ok;
}

std::string name_key(const std::string* name) { return name ? *name : std::string(); }

// "*.example.com" is stored as ".example.com", as Envoy does.
std::string server_name_key(const std::string* name) {
  if (!name) return std::string();
  return name->starts_with("*.") ? name->substr(1) : *name;
}

bool is_same_ip_or_loopback(const ConnectionFacts& facts) {
  return facts.source.address == facts.destination.address || facts.source.address.is_loopback();
}

}  // namespace

FilterChainIndex::FilterChainIndex() = default;
FilterChainIndex::~FilterChainIndex() = default;

template <typename Next>
Next& FilterChainIndex::ByPrefix<Next>::at(const IpPrefix* prefix) {
  if (!prefix) {
    if (!any) any = std::make_unique<Next>();
    return *any;
  }
  auto at = std::ranges::find_if(prefixes, [&](const auto& entry) { return entry.first.length <= prefix->length; });
  for (; at != prefixes.end() && at->first.length == prefix->length; ++at)
    if (at->first.contains(prefix->address)) return *at->second;
  return *prefixes.emplace(at, *prefix, std::make_unique<Next>())->second;
}

template <typename Next>
const Next* FilterChainIndex::ByPrefix<Next>::find(const IpAddress& address) const {
  for (const auto& [prefix, next] : prefixes)
    if (prefix.contains(address)) return next.get();
  return any.get();
}

template <typename Next>
Next& FilterChainIndex::ByName<Next>::at(const std::string& name) {
  std::unique_ptr<Next>& next = names[name];
  if (!next) next = std::make_unique<Next>();
  return *next;
}

template <typename Next>
const Next* FilterChainIndex::ByName<Next>::find(std::string_view name) const {
  auto found = names.find(absl::string_view(name.data(), name.size()));
  return found == names.end() ? nullptr : found->second.get();
}

bool FilterChainIndex::add_sources(BySourcePrefix& level, const FilterChainMatch& match, const FilterChain* chain) {
  return for_each_or_any(match.source_prefixes, [&](const IpPrefix* prefix) {
    BySourcePort& ports = level.at(prefix);
    return for_each_or_any(match.source_ports, [&](const std::uint16_t* port) {
      return ports.ports.try_emplace(port ? *port : 0, chain).second;
    });
  });
}

bool FilterChainIndex::add(const FilterChainMatch& match, const FilterChain* chain) {
  std::unique_ptr<ByDestination>& by_port = ports_[match.destination_port];
  if (!by_port) by_port = std::make_unique<ByDestination>();
  return for_each_or_any(match.destination_prefixes, [&](const IpPrefix* destination) {
    ByServerName& names = by_port->at(destination);
    return for_each_or_any(match.server_names, [&](const std::string* name) {
      ByApplicationProtocol& protocols = names.at(server_name_key(name)).at(match.transport_protocol);
      return for_each_or_any(match.application_protocols, [&](const std::string* protocol) {
        ByDirectSource& direct = protocols.at(name_key(protocol));
        return for_each_or_any(match.direct_source_prefixes, [&](const IpPrefix* source) {
          auto& type = direct.at(source).types[static_cast<std::size_t>(match.source_type)];
          if (!type) type = std::make_unique<BySourcePrefix>();
          return add_sources(*type, match, chain);
        });
      });
    });
  });
}

const FilterChainIndex::ByTransportProtocol* FilterChainIndex::find_server_name(const ByServerName& level,
                                                                                std::string_view name) {
  if (const auto* exact = level.find(name)) return exact;
  // "www.example.com": ".example.com", then ".com".
  for (std::size_t dot = name.find('.', 1); dot != name.npos && dot + 1 < name.size(); dot = name.find('.', dot + 1))
    if (const auto* suffix = level.find(name.substr(dot))) return suffix;
  return level.find("");
}

const FilterChainIndex::ByDirectSource* FilterChainIndex::find_protocol(const ByApplicationProtocol& level,
                                                                        const ConnectionFacts& facts) {
  for (std::string_view protocol : facts.application_protocols)
    if (const auto* found = protocol.empty() ? nullptr : level.find(protocol)) return found;
  return level.find("");
}

const FilterChain* FilterChainIndex::find_source(const ByDirectSource& level, const ConnectionFacts& facts) {
  const BySourceType* types = level.find(facts.source.address);
  if (!types) return nullptr;
  SourceType type = is_same_ip_or_loopback(facts) ? SourceType::kSameIpOrLoopback : SourceType::kExternal;
  const BySourcePrefix* prefixes = types->types[static_cast<std::size_t>(type)].get();
  if (!prefixes) prefixes = types->types[static_cast<std::size_t>(SourceType::kAny)].get();
  const BySourcePort* by_port = prefixes ? prefixes->find(facts.source.address) : nullptr;
  if (!by_port) return nullptr;
  for (std::uint16_t port : {facts.source.port, std::uint16_t{0}})
    if (auto found = by_port->ports.find(port); found != by_port->ports.end()) return found->second;
  return nullptr;
}

const FilterChain* FilterChainIndex::find(const ConnectionFacts& facts) const {
  auto by_port = ports_.find(facts.destination.port);
  if (by_port == ports_.end()) by_port = ports_.find(0);
  if (by_port == ports_.end()) return nullptr;
  const ByServerName* names = by_port->second->find(facts.destination.address);
  const ByTransportProtocol* transports = names ? find_server_name(*names, facts.server_name) : nullptr;
  if (!transports) return nullptr;
  const ByApplicationProtocol* protocols = transports->find(facts.tls ? "tls" : "raw_buffer");
  if (!protocols) protocols = transports->find("");
  const ByDirectSource* sources = protocols ? find_protocol(*protocols, facts) : nullptr;
  return sources ? find_source(*sources, facts) : nullptr;
}

}  // namespace weft::mesh
