// The control plane of a simulated mesh: Kubernetes objects in, what each node serves out. The way is the real one:
// objects -> index -> generated Envoy resources -> mesh tables, with real certificates beside it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/packet.h"
#include "dataplane/net/network.h"
#include "dataplane/proxy/node_view.h"

namespace weft::sim {

// A pod of namespace "shop"; its account and its label "app" are `account` and `app`.
struct PodSpec {
  std::string name;
  unsigned node = 0;
  bool in_mesh = true;
  std::string account = {};  // empty: the name
  std::string app = {};      // empty: the name
  bool ready = true;         // has its configuration
  unsigned number = 0;       // 10.244.<node + 1>.<number>; 0: the next free one
  std::vector<std::uint16_t> excluded_inbound_ports = {};
};

class MeshCluster {
 public:
  MeshCluster();
  ~MeshCluster();

  // A file of YAML documents; "" removes it.
  void put(const std::string& file, std::string_view yaml);
  // A Service of the pods labelled `app`, on its own address; server_port is the pods'.
  void add_service(const std::string& name, const std::string& app, std::uint16_t port, std::uint16_t server_port);
  InterfaceId add_pod(PodSpec spec);
  void remove_pod(const std::string& name);
  PodSpec& pod(const std::string& name) { return pods_.at(name).spec; }
  const std::vector<IpAddress>& addresses_of(const std::string& name) const { return pods_.at(name).addresses; }
  InterfaceId interface_of(const std::string& name) const { return pods_.at(name).interface; }
  std::vector<std::string> pods_of(unsigned node) const;
  Endpoint service(const std::string& name, bool v6 = false) const;

  // Everything applied so far, as one version. The pods' own configuration is made anew where it changed.
  void build();
  std::shared_ptr<const proxy::NodeView> view_of(unsigned node);
  // The packet layer's side of the same; interfaces and routes are the node's.
  void fill(unsigned node, net::NetworkSpec* spec) const;

  // What no Kubernetes object of ours can say yet (limits, HBONE) is said to the pod's clusters themselves.
  void tune(const std::string& pod, std::function<void(mesh::Cluster&)> change) { tuned_[pod] = std::move(change); }

  // Another lifetime for an account's certificate, from the next view_of() on.
  void set_lifetime(const std::string& account, std::int64_t not_before, std::int64_t not_after);
  void take_certificate(const std::string& account) { lifetimes_[account] = {0, 0}; }

 private:
  struct Pod;
  struct Service {
    std::string app;
    std::uint16_t port, server_port;
    unsigned number;
  };
  struct Lifetime {
    std::int64_t not_before, not_after;
    auto operator<=>(const Lifetime&) const = default;
  };
  struct Objects;  // the control plane's types stay out of this header

  std::string pod_yaml(const Pod& pod) const;
  std::string slices_yaml(const std::string& name, const Service& service) const;
  void configure(Pod& pod);
  std::shared_ptr<const mesh::PodConfig> config_of(const Pod& pod) const;
  std::shared_ptr<const crypto::Credentials> credentials_of(const std::string& account) const;

  struct Pod {
    PodSpec spec;
    InterfaceId interface = kNoInterface;
    std::vector<IpAddress> addresses;
    std::shared_ptr<const mesh::PodConfig> config;
  };
  std::unique_ptr<Objects> objects_;
  std::map<std::string, Pod> pods_;
  std::map<std::string, Service> services_;
  std::map<std::string, Lifetime> lifetimes_;
  mutable std::map<std::tuple<std::string, std::int64_t, std::int64_t>, std::shared_ptr<const crypto::Credentials>>
      credentials_;
  std::map<std::string, std::function<void(mesh::Cluster&)>> tuned_;
  InterfaceId next_interface_ = 16;
  unsigned next_number_[2] = {10, 10};
  std::uint64_t version_ = 0;
};

std::shared_ptr<const crypto::Credentials> credentials_for(const std::string& account);  // that live a day

std::string identity_of(const std::string& account);  // "spiffe://cluster.local/ns/shop/sa/..."

// YAML of the policies that tests apply.
std::string peer_authentication(std::string_view mode, std::string_view app = {});  // of an app, or of the whole mesh
std::string authorization_policy(std::string_view name, std::string_view action, std::string_view app,
                                 const std::vector<std::string>& accounts);

}  // namespace weft::sim
