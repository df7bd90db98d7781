// Reads envoy.config.cluster.v3.Cluster and envoy.config.endpoint.v3.ClusterLoadAssignment, and puts the two together.
// Only mesh/xds_*.cc include this.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "mesh/cluster.h"

namespace weft::mesh {

// filter_metadata["envoy.transport_socket_match"]: keys with value_key() of their values, sorted by key.
using MatchCriteria = std::vector<std::pair<std::string, std::string>>;

// A ClusterLoadAssignment before its cluster says what the metadata mean.
struct EndpointSet {
  struct Host {
    UpstreamHost host;  // transport_socket is not known yet
    MatchCriteria metadata;
  };
  struct Group {  // one LocalityLbEndpoints
    std::uint32_t priority = 0;
    LocalityEndpoints locality;
    MatchCriteria metadata;
    std::vector<Host> hosts;
  };
  std::uint64_t id = 0;  // given by the cache: another object, another id
  std::vector<Group> groups;
  std::uint32_t overprovisioning_percent = 140;
};

struct ClusterDefinition {
  struct SocketMatch {
    MatchCriteria criteria;
    std::uint16_t socket = 0;
  };
  std::uint64_t id = 0;  // given by the cache
  Cluster cluster;       // all but its endpoints
  std::vector<SocketMatch> matches;
  std::uint16_t default_socket = 0;
  double panic_threshold_percent = 50;
  std::optional<std::string> eds_name;   // set: endpoints come by EDS under this name
  EndpointSet own_endpoints;             // of `load_assignment`
};

// Throw Nack.
std::shared_ptr<ClusterDefinition> read_cluster(const envoy::config::cluster::v3::Cluster& message);
// `names_allowed`: hosts may have names; one that has makes `needs_dns` true and is left out.
EndpointSet read_endpoints(const envoy::config::endpoint::v3::ClusterLoadAssignment& message, std::string_view path,
                           bool names_allowed, bool* needs_dns);

std::shared_ptr<const Cluster> make_cluster(const ClusterDefinition& definition, const EndpointSet& endpoints);

}  // namespace weft::mesh
