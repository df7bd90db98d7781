// A little mesh PKI for tests: a root, and workloads with SPIFFE certificates of it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "crypto/certificate.h"
#include "crypto/credentials.h"

namespace weft::crypto {

// Any failure in here is a broken test: value() throws.
class TestMesh {
 public:
  static constexpr std::int64_t kNow = 1'800'000'000;  // unix_seconds; leaves live an hour around it

  explicit TestMesh(std::string trust_domain = "cluster.local", std::int64_t now = kNow);

  struct Workload {
    PrivateKey key;
    Certificate certificate;
  };
  // The ordinary one: spiffe://<domain>/ns/default/sa/<account>.
  Workload workload(const std::string& account) const;
  Workload workload(LeafTemplate leaf) const;
  LeafTemplate leaf(const std::string& account) const;
  std::string spiffe_id(const std::string& account) const;

  // Trusts this mesh's root under its trust domain, unless other bundles are given.
  std::shared_ptr<const Credentials> credentials(const Workload& workload,
                                                 std::map<std::string, std::string> bundles = {}) const;
  std::shared_ptr<const Credentials> credentials(const std::string& account) const;

  const Certificate& root() const { return root_; }
  const PrivateKey& root_key() const { return root_key_; }
  const std::string& trust_domain() const { return trust_domain_; }

 private:
  std::string trust_domain_;
  std::int64_t now_;
  PrivateKey root_key_;
  Certificate root_;
};

}  // namespace weft::crypto
