// What a workload is in TLS: its certificate chain, its key, and whom it trusts. Immutable, shared by all threads.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/certificate.h"

namespace weft::crypto {

struct CredentialsPem {
  std::string certificate_chain;                     // leaf first, then intermediates
  std::string private_key;
  std::map<std::string, std::string> trust_bundles;  // trust domain -> PEM roots
};

// "cluster.local" of "spiffe://cluster.local/ns/x/sa/y"; empty when it is no SPIFFE ID.
std::string_view trust_domain_of(std::string_view uri);

class Credentials {
 public:
  // Errors: what does not parse, a key that is not the leaf's, no trust root at all, no SPIFFE URI SAN in the leaf.
  // An expired leaf is no error here: peers judge it, and the caller sees not_after().
  static std::expected<std::shared_ptr<const Credentials>, std::string> from_pem(const CredentialsPem& pem);
  ~Credentials();
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  const std::string& identity() const { return chain_.front().info().uri_sans.front(); }  // SPIFFE ID
  const CertificateInfo& certificate() const { return chain_.front().info(); }
  std::int64_t not_before() const { return certificate().not_before; }  // unix_seconds
  std::int64_t not_after() const { return certificate().not_after; }
  const std::vector<Certificate>& chain() const { return chain_; }
  const std::map<std::string, std::vector<Certificate>, std::less<>>& trust_bundles() const { return bundles_; }

  // Made once, for code of this room: what handshakes work with, and what peers are judged by.
  struct Contexts;
  struct Trust;
  const Contexts& contexts() const { return *contexts_; }
  const Trust& trust() const { return *trust_; }

 private:
  Credentials();

  std::vector<Certificate> chain_;
  std::map<std::string, std::vector<Certificate>, std::less<>> bundles_;
  std::shared_ptr<const Contexts> contexts_;
  std::shared_ptr<const Trust> trust_;
};

}  // namespace weft::crypto
