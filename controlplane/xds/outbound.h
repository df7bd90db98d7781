// What every proxy needs to reach one Service: clusters, endpoints and listeners, the same for all proxies.
#pragma once

#include <vector>

#include "controlplane/registry/index.h"
#include "controlplane/xds/resource.h"

namespace weft::controlplane {

struct OutboundListener {
  ResourcePtr resource;
  IpAddress bind;         // a pod's address for a headless Service
  bool headless = false;  // left out for the pod whose own address it is
};

struct ServiceResources {
  std::vector<ResourcePtr> clusters;
  std::vector<ResourcePtr> endpoints;  // of those clusters that take them from EDS
  std::vector<OutboundListener> listeners;
};

std::vector<ResourcePtr> service_clusters(const Index& index, const Service& service);
// `node`: only endpoints on that node, for a Service with internalTrafficPolicy Local; nullptr: all.
std::vector<ResourcePtr> service_endpoints(const Index& index, const Service& service, const std::string* node);
std::vector<OutboundListener> service_listeners(const Index& index, const Service& service);

std::string outbound_cluster_name(const Service& service, std::uint16_t port);  // "outbound|80||web.x.svc..."

// Where connections go that no listener of a Service takes.
ResourcePtr passthrough_cluster(const MeshConfig& mesh);
ResourcePtr black_hole_cluster(const MeshConfig& mesh);

}  // namespace weft::controlplane
