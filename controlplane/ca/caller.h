// Whom the control plane has found its caller to be.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

namespace grpc {
class ServerContextBase;
}

namespace weft::controlplane {

struct Caller {
  enum class Proof { kCertificate, kToken } proof = Proof::kCertificate;
  std::string trust_domain;  // of the certificate; a token has none
  std::string name_space;
  std::string service_account;
  // A token's binding; empty in a certificate.
  std::string pod_name, pod_uid, node_name;

  std::string account() const { return name_space + "/" + service_account; }
};

// nullopt: on a plaintext connection, where nobody needs to prove anything and nothing secret is
// served. An error is for the log and the caller.
using Authenticate = std::function<std::expected<std::optional<Caller>, std::string>(const grpc::ServerContextBase&)>;

}  // namespace weft::controlplane
