// One CreateCertificate call to the CA, asynchronously. Split from CaClient so that gRPC stays in one file.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/agent/bootstrap.h"
#include "dataplane/agent/in_flight.h"

namespace weft::agent {

struct CertificateOrder {
  std::string csr;       // PEM
  std::string identity;  // SPIFFE id, sent as ImpersonatedIdentity
  Duration lifetime;
};

class CaTransport {
 public:
  // Certificates as PEM: leaf, intermediates, roots last. Called from any thread, once for each order.
  using Answer = std::function<void(std::expected<std::vector<std::string>, std::string>)>;

  CaTransport(const CaOptions& options, const MeshOptions& mesh);
  ~CaTransport();  // cancels, waits for the answers

  // Reads token and roots from their files. One thread at a time.
  void order(const CertificateOrder& order, Answer answer);

 private:
  struct Call;
  std::expected<void, std::string> connect();

  CaOptions options_;
  std::string cluster_id_;
  std::string roots_;
  struct Connection;
  std::unique_ptr<Connection> connection_;
  struct Calls;
  std::shared_ptr<Calls> calls_;
};

}  // namespace weft::agent
