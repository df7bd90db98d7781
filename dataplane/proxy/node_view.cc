#include "dataplane/proxy/node_view.h"

namespace weft::proxy {

namespace {

template <typename Map, typename Key>
const mesh::PodSnapshot* find(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : found->second;
}

}  // namespace

NodeView::NodeView(std::shared_ptr<const mesh::NodeSnapshot> node, std::shared_ptr<const CredentialsMap> credentials)
    : node_(std::move(node)), credentials_(std::move(credentials)) {
  for (const mesh::PodSnapshot& pod : node_->pods) {
    by_interface_[pod.interface] = &pod;
    for (const IpAddress& address : pod.addresses) by_address_[address] = &pod;
  }
}

const mesh::PodSnapshot* NodeView::pod_on(InterfaceId interface) const { return find(by_interface_, interface); }
const mesh::PodSnapshot* NodeView::pod_at(const IpAddress& address) const { return find(by_address_, address); }

std::shared_ptr<const crypto::Credentials> NodeView::credentials_of(const mesh::Identity& identity) const {
  const auto found = credentials_->find(std::string(identity.uri()));
  return found == credentials_->end() ? nullptr : found->second;
}

}  // namespace weft::proxy
