#include "crypto/test_mesh.h"

namespace weft::crypto {

TestMesh::TestMesh(std::string trust_domain, std::int64_t now)
    : trust_domain_(std::move(trust_domain)),
      now_(now),
      root_key_(PrivateKey::generate_p256().value()),
      root_(self_signed_root(root_key_, {trust_domain_, now - 86'400, now + 86'400 * 365}).value()) {}

std::string TestMesh::spiffe_id(const std::string& account) const {
  return "spiffe://" + trust_domain_ + "/ns/default/sa/" + account;
}

LeafTemplate TestMesh::leaf(const std::string& account) const {
  LeafTemplate leaf;
  leaf.uri_sans = {spiffe_id(account)};
  leaf.not_before = now_ - 1800;
  leaf.not_after = now_ + 1800;
  return leaf;
}

TestMesh::Workload TestMesh::workload(const std::string& account) const { return workload(leaf(account)); }

TestMesh::Workload TestMesh::workload(LeafTemplate leaf) const {
  PrivateKey key = PrivateKey::generate_p256().value();
  Certificate certificate = sign_certificate(root_, root_key_, key.public_key(), leaf).value();
  return {std::move(key), std::move(certificate)};
}

std::shared_ptr<const Credentials> TestMesh::credentials(const Workload& workload,
                                                         std::map<std::string, std::string> bundles) const {
  if (bundles.empty()) bundles = {{trust_domain_, root_.pem()}};
  return Credentials::from_pem({workload.certificate.pem(), workload.key.pem(), std::move(bundles)}).value();
}

std::shared_ptr<const Credentials> TestMesh::credentials(const std::string& account) const {
  return credentials(workload(account));
}

}  // namespace weft::crypto
