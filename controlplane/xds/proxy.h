// Who a stream speaks for: a pod's proxy, as its node message and metadata describe it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "controlplane/registry/index.h"

namespace envoy::config::core::v3 {
class Node;
}

namespace weft::controlplane {

struct Proxy {
  std::string id;               // "sidecar~10.0.0.1~pod.ns~ns.svc.cluster.local"
  std::vector<IpAddress> addresses;  // INSTANCE_IPS, else the id's; the primary first
  std::string name;             // of the pod
  std::string name_space;
  std::string service_account;  // empty: the metadata does not say
  std::string node_name;
  std::string dns_domain;       // "ns.svc.cluster.local"
  Labels labels;                // metadata LABELS; the index's own are preferred where it knows the pod
  bool dns_capture = false;     // wants the name table

  bool is_own(const IpAddress& address) const;
  bool has_v4() const;
  bool has_v6() const;
};

// Error: a sentence; the stream ends with INVALID_ARGUMENT.
std::expected<Proxy, std::string> proxy_of_node(const envoy::config::core::v3::Node& node);

// The proxy of a pod of the index, as its node agent would describe it.
Proxy proxy_of_workload(const Workload& workload, const IndexOptions& options);

}  // namespace weft::controlplane
