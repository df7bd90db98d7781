// One version of what the node serves, indexed for the packet workers. Immutable; made once by whoever publishes and
// shared by all workers.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "crypto/credentials.h"
#include "mesh/node.h"

namespace weft::proxy {

using CredentialsMap = std::map<std::string, std::shared_ptr<const crypto::Credentials>>;

class NodeView {
 public:
  // REQUIRES: neither is null.
  NodeView(std::shared_ptr<const mesh::NodeSnapshot> node, std::shared_ptr<const CredentialsMap> credentials);

  // nullptr: no such pod. Pointers live as long as the view.
  const mesh::PodSnapshot* pod_on(InterfaceId interface) const;
  const mesh::PodSnapshot* pod_at(const IpAddress& address) const;
  // nullptr: the identity has no certificate.
  std::shared_ptr<const crypto::Credentials> credentials_of(const mesh::Identity& identity) const;
  const mesh::NodeSnapshot& node() const { return *node_; }

 private:
  std::shared_ptr<const mesh::NodeSnapshot> node_;
  std::shared_ptr<const CredentialsMap> credentials_;
  absl::flat_hash_map<InterfaceId, const mesh::PodSnapshot*> by_interface_;
  absl::flat_hash_map<IpAddress, const mesh::PodSnapshot*> by_address_;
};

}  // namespace weft::proxy
