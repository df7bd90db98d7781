// Reads Envoy v3 resources for one pod and makes its PodConfig: accepts or NACKs each resource, warms clusters, shares
// equal resources between pods.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mesh/pod_config.h"

namespace weft::mesh {

// Resources interned by content: a hundred pods with the same serialized cluster keep one copy. Shared by all builders
// of a process; one thread at a time (the agent's). Weak: an entry dies with its last user.
class XdsCache {
 public:
  XdsCache();
  ~XdsCache();
  struct Tables;
  Tables& tables() { return *tables_; }
  // Entries alive, for status: 100 equal pods show the count of one.
  std::size_t live_clusters() const;
  std::size_t live_listeners() const;

 private:
  std::unique_ptr<Tables> tables_;
};

enum class XdsType : std::uint8_t { kListener, kCluster, kEndpoints };
// The type URLs of the three: "type.googleapis.com/envoy.config.listener.v3.Listener", ...
std::string_view type_url(XdsType type);
std::optional<XdsType> xds_type_of(std::string_view type_url);

class XdsPodConfigBuilder {
 public:
  explicit XdsPodConfigBuilder(std::shared_ptr<XdsCache> cache);
  ~XdsPodConfigBuilder();
  XdsPodConfigBuilder(XdsPodConfigBuilder&&) noexcept;
  XdsPodConfigBuilder& operator=(XdsPodConfigBuilder&&) noexcept;

  // One resource of a delta response: its name and the serialized message (the `value` of the Any).
  // nullopt: accepted. Else the reason for the NACK, naming resource and field; the last good version stays.
  // Within one response apply removals before upserts (Envoy's order; an address may move between listeners).
  [[nodiscard]] std::optional<std::string> upsert(XdsType type, std::string_view name, std::string_view serialized);
  // What is unknown is ignored. A removed cluster outlives its last referrer.
  void remove(XdsType type, std::string_view name);
  // The first response of a type was applied, even if it held nothing: wanted for readiness.
  void mark_received(XdsType type);

  // Names of ClusterLoadAssignments that accepted EDS clusters refer to, sorted: what to subscribe to. The endpoints of
  // a name that has left this list are forgotten: when it comes back it must be asked for without a version.
  std::vector<std::string> wanted_endpoints() const;

  // What the pod still waits for, in an operator's words: "listeners", "clusters", "endpoints of outbound|80||web".
  std::vector<std::string> lacks() const;
  // Has clusters, their endpoints, and both virtual listeners. A cluster that is added later and still waits for
  // its endpoints does not make a pod unready again.
  bool ready() const;

  // The latest version, or the previous object when nothing changed since. Clusters that wait for endpoints are left
  // out (or their predecessor is in). Whether it may serve is lacks()'s to say.
  std::shared_ptr<const PodConfig> build();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace weft::mesh
