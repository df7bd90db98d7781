// Envoy's filter chain matching as a tree that is made once: a level for each criterion, in Envoy's order. The most
// specific entry of a level is taken and never left again: when nothing below it matches, nothing matches.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "mesh/filter_chain.h"

namespace weft::mesh {

class FilterChainIndex {
 public:
  FilterChainIndex();
  ~FilterChainIndex();

  // Owns nothing: `chain` must outlive the index. False: another chain has a matching rule in common (Envoy rejects).
  bool add(const FilterChainMatch& match, const FilterChain* chain);
  // nullptr: no chain; the caller knows the default chain.
  const FilterChain* find(const ConnectionFacts& facts) const;

 private:
  // From the last criterion to the first.
  struct BySourcePort {
    absl::flat_hash_map<std::uint16_t, const FilterChain*> ports;  // 0: any
  };
  // Longest prefix first; `any` is what no prefix asked for.
  template <typename Next>
  struct ByPrefix {
    std::vector<std::pair<IpPrefix, std::unique_ptr<Next>>> prefixes;
    std::unique_ptr<Next> any;
    Next& at(const IpPrefix* prefix);
    const Next* find(const IpAddress& address) const;
  };
  template <typename Next>
  struct ByName {
    absl::flat_hash_map<std::string, std::unique_ptr<Next>> names;  // "": any
    Next& at(const std::string& name);
    const Next* find(std::string_view name) const;
  };
  using BySourcePrefix = ByPrefix<BySourcePort>;
  struct BySourceType {
    std::array<std::unique_ptr<BySourcePrefix>, 3> types;
  };
  using ByDirectSource = ByPrefix<BySourceType>;
  using ByApplicationProtocol = ByName<ByDirectSource>;
  using ByTransportProtocol = ByName<ByApplicationProtocol>;
  using ByServerName = ByName<ByTransportProtocol>;
  using ByDestination = ByPrefix<ByServerName>;

  static bool add_sources(BySourcePrefix& level, const FilterChainMatch& match, const FilterChain* chain);
  static const FilterChain* find_source(const ByDirectSource& level, const ConnectionFacts& facts);
  static const ByTransportProtocol* find_server_name(const ByServerName& level, std::string_view name);
  static const ByDirectSource* find_protocol(const ByApplicationProtocol& level, const ConnectionFacts& facts);

  absl::flat_hash_map<std::uint16_t, std::unique_ptr<ByDestination>> ports_;  // 0: any
};

}  // namespace weft::mesh
