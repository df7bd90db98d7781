#include "dataplane/agent/pod_view.h"

#include <algorithm>
#include <charconv>

#include "mesh/identity.h"

namespace weft::agent {
namespace {

constexpr std::string_view kTlsModeLabel = "security.istio.io/tlsMode";
constexpr std::string_view kExcludeInbound = "traffic.sidecar.istio.io/excludeInboundPorts";
constexpr std::string_view kExcludeOutbound = "traffic.sidecar.istio.io/excludeOutboundPorts";

const std::string* value_of(const Labels& labels, std::string_view key) {
  const auto it = labels.find(std::string(key));
  return it == labels.end() ? nullptr : &it->second;
}

// "22, 8080". What is no port is reported and excludes nothing.
std::vector<std::uint16_t> read_ports(const PodObject& pod, std::string_view annotation,
                                      std::vector<std::string>& problems) {
  std::vector<std::uint16_t> out;
  const std::string* const value = value_of(pod.annotations, annotation);
  if (value == nullptr) return out;
  for (std::size_t start = 0; start <= value->size();) {
    const std::size_t end = std::min(value->find(',', start), value->size());
    std::string_view item = std::string_view(*value).substr(start, end - start);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    std::uint16_t port = 0;
    const auto [last, error] = std::from_chars(item.data(), item.data() + item.size(), port);
    if (error == std::errc() && last == item.data() + item.size() && port != 0) {
      out.push_back(port);
    } else if (!item.empty()) {
      problems.push_back("annotation " + std::string(annotation) + ": '" + std::string(item) + "' is not a port");
    }
    start = end + 1;
  }
  std::sort(out.begin(), out.end());
  return out;
}

// The Pod object that describes this attachment, or why there is none. A uid that differs means a predecessor or a
// successor with the same name, whose account and labels are not this pod's.
const PodObject* find_object(const AttachedPod& attached, const Cluster& cluster, const NodeOptions& node,
                             std::string& why) {
  const auto it = cluster.pods.find(attached.name);
  if (it == cluster.pods.end()) {
    why = "Pod object";
    return nullptr;
  }
  const PodObject& pod = it->second;
  if (!attached.uid.empty() && !pod.uid.empty() && attached.uid != pod.uid) {
    why = "Pod object with uid " + attached.uid + " (there is one with " + pod.uid + ")";
    return nullptr;
  }
  if (!pod.node.empty() && pod.node != node.name) {
    why = "Pod object on this node (it says " + pod.node + ")";
    return nullptr;
  }
  return &pod;
}

}  // namespace

PodView view_pod(const AttachedPod& attached, const Cluster& cluster, const NodeOptions& node,
                 const MeshOptions& mesh) {
  PodView view;
  view.attached = attached;
  view.addresses = attached.addresses;
  std::string why;
  const PodObject* const pod = find_object(attached, cluster, node, why);
  if (pod == nullptr) {
    view.lacks.push_back(why);
    return view;
  }
  view.object = *pod;
  if (view.addresses.empty()) view.addresses = pod->addresses;
  const std::string* const tls_mode = value_of(pod->labels, kTlsModeLabel);
  view.in_mesh = tls_mode != nullptr && *tls_mode == "istio";
  if (view.addresses.empty()) view.lacks.push_back("address");
  if (!view.in_mesh) return view;
  view.identity = mesh::SpiffeId{mesh.trust_domain, pod->name.first, pod->service_account}.to_uri();
  view.excluded_inbound_ports = read_ports(*pod, kExcludeInbound, view.problems);
  view.excluded_outbound_ports = read_ports(*pod, kExcludeOutbound, view.problems);
  return view;
}

}  // namespace weft::agent
