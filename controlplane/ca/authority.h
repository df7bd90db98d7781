// The certificate authority's key and certificates: a self-signed root that we keep on disk, or a plugged-in
// intermediate as Istio's `cacerts`. Signs what it is told to; who may have which identity is ca_service's question.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "crypto/certificate.h"

namespace weft::controlplane {

struct AuthorityOptions {
  // Holds ca-cert.pem, ca-key.pem, cert-chain.pem, root-cert.pem. Made with a new self-signed root (directory 0700, key
  // 0600) where it is absent or empty; half a set of files is an error, never repaired.
  std::string directory;
  // Istio's `cacerts`: the same four files from elsewhere, only read. Empty: none.
  std::string plugged_in;
  std::string organization = "cluster.local";  // of a new root: the trust domain
  std::int64_t root_seconds = 10LL * 365 * 24 * 3600;
};

class Authority {
 public:
  static std::expected<Authority, std::string> open(const AuthorityOptions& options, std::int64_t unix_seconds);

  // A leaf for one SPIFFE ID, valid from a little before now (clocks differ) for `seconds`, but never beyond the CA.
  std::expected<crypto::Certificate, std::string> sign_workload(const crypto::PublicKey& key,
                                                                const std::string& spiffe_id, std::int64_t seconds,
                                                                std::int64_t unix_seconds) const;
  // The control plane's own server certificate.
  std::expected<crypto::Certificate, std::string> sign_server(const crypto::PublicKey& key,
                                                              const std::vector<std::string>& dns_names,
                                                              std::int64_t seconds, std::int64_t unix_seconds) const;

  // What stands between a leaf and the root bundle; empty when the root itself signs.
  const std::vector<crypto::Certificate>& intermediates() const { return intermediates_; }
  const std::vector<crypto::Certificate>& roots() const { return roots_; }
  const crypto::Certificate& certificate() const { return certificate_; }  // the signing one
  std::string root_bundle_pem() const;

 private:
  Authority(crypto::Certificate certificate, crypto::PrivateKey key, std::vector<crypto::Certificate> intermediates,
            std::vector<crypto::Certificate> roots);
  static std::expected<Authority, std::string> load(const std::string& directory, std::int64_t unix_seconds);
  static std::expected<void, std::string> create(const AuthorityOptions& options, std::int64_t unix_seconds);

  crypto::Certificate certificate_;
  crypto::PrivateKey key_;
  std::vector<crypto::Certificate> intermediates_;
  std::vector<crypto::Certificate> roots_;
};

}  // namespace weft::controlplane
