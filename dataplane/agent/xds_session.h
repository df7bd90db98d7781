// The delta protocol of one pod's ADS stream, without the stream: what to send when it opens, what a response means.
// Outlives streams, so that a new one resumes where the old one ended.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "mesh/xds_pod_config_builder.h"

namespace envoy::service::discovery::v3 {
class DeltaDiscoveryRequest;
class DeltaDiscoveryResponse;
}  // namespace envoy::service::discovery::v3

namespace weft::agent {

using DeltaRequest = envoy::service::discovery::v3::DeltaDiscoveryRequest;
using DeltaResponse = envoy::service::discovery::v3::DeltaDiscoveryResponse;

// Serialized resources by content: equal ones of many pods are one string.
class ContentCache {
 public:
  std::shared_ptr<const std::string> intern(const std::string& content);

 private:
  std::unordered_multimap<std::size_t, std::weak_ptr<const std::string>> entries_;
  std::size_t sweep_at_ = 1024;
};

struct XdsCaches {
  std::shared_ptr<mesh::XdsCache> parsed = std::make_shared<mesh::XdsCache>();
  ContentCache raw;
};

// One accepted resource.
struct XdsResource {
  std::string version;
  std::string type_url;
  std::shared_ptr<const std::string> serialized;  // the Any's value
};

struct XdsTypeStatus {
  std::uint64_t responses = 0, rejected = 0;
  std::string version;                         // system_version_info of the last response
  std::map<std::string, std::string> refused;  // resource -> reason, until a good version comes
};

class XdsSession {
 public:
  explicit XdsSession(XdsCaches& caches);
  ~XdsSession();

  // A stream has opened: its first requests, with what is held already. `node` is a serialized Node.
  std::vector<DeltaRequest> open(const std::string& node);
  // Applies a response; what to send back: an ACK or NACK, then changed subscriptions.
  std::vector<DeltaRequest> receive(const DeltaResponse& response);

  // A pod that was ready stays so while a new cluster waits for its endpoints. build() first.
  bool ready() const { return builder_.ready(); }
  std::vector<std::string> lacks() const { return builder_.lacks(); }
  std::shared_ptr<const mesh::PodConfig> build() { return builder_.build(); }
  const std::map<std::string, XdsResource>& resources(mesh::XdsType type) const;
  const XdsTypeStatus& status(mesh::XdsType type) const;

 private:
  struct Type {
    std::map<std::string, XdsResource> held;
    XdsTypeStatus status;
  };
  // Reasons for a NACK; empty: all is well.
  std::string apply(mesh::XdsType type, const DeltaResponse& response);
  void forget(mesh::XdsType type, const std::string& name);
  DeltaRequest first_request(mesh::XdsType type, const std::vector<std::string>& names) const;
  void follow_endpoints(std::vector<DeltaRequest>& out);

  XdsCaches& caches_;
  mesh::XdsPodConfigBuilder builder_;
  std::map<mesh::XdsType, Type> types_;
  std::set<std::string> endpoints_asked_;  // on this stream
  bool endpoints_opened_ = false;          // the type's first request was sent on this stream
};

}  // namespace weft::agent
