// The control plane's own server certificate, issued by its own CA and renewed while it runs, as
// files that gRPC watches.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "controlplane/ca/authority.h"

namespace weft::controlplane {

class ServingCertificate {
 public:
  // `directory`: private; the key is made once and kept. REQUIRES: the authority outlives this.
  static std::expected<ServingCertificate, std::string> issue(const Authority& authority, std::string directory,
                                                              std::vector<std::string> names,
                                                              std::int64_t unix_seconds);
  // Issues anew when half of the lifetime is over. Error: the old one stays in use.
  std::expected<void, std::string> renew_if_due(std::int64_t unix_seconds);

  std::string key_file() const { return directory_ + "/tls.key"; }
  std::string certificate_file() const { return directory_ + "/tls.crt"; }
  std::string roots_file() const { return directory_ + "/roots.pem"; }

 private:
  ServingCertificate(const Authority& authority, std::string directory, std::vector<std::string> names,
                     crypto::PrivateKey key);
  std::expected<void, std::string> write(std::int64_t unix_seconds);

  const Authority* authority_;
  std::string directory_;
  std::vector<std::string> names_;
  crypto::PrivateKey key_;
  std::int64_t renew_at_ = 0;  // unix_seconds
};

// istiod.NS.svc and what else istiod's certificate carries, then `more`.
std::vector<std::string> server_names(const std::string& system_namespace, const std::vector<std::string>& more);

}  // namespace weft::controlplane
