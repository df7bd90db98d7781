// The node's agent: everything of the data plane that is not packets. Knows the cluster, keeps attached pods, gets
// certificates and configuration for each, serves CNI, the operator and metrics, and hands immutable snapshots out.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "dataplane/agent/bootstrap.h"
#include "dataplane/agent/introspection.h"
#include "dataplane/agent/pod_ports.h"

namespace weft::crypto {
class Credentials;
}
namespace weft::mesh {
struct NodeSnapshot;
}

namespace weft::agent {

// SPIFFE id -> what its pods handshake with. Only identities that have a certificate.
using CredentialsMap = std::map<std::string, std::shared_ptr<const crypto::Credentials>>;

struct Publication {
  std::shared_ptr<const mesh::NodeSnapshot> node;     // never null
  std::shared_ptr<const CredentialsMap> credentials;  // never null
};
// Called from the agent's thread whenever something changed (bursts merge); must not block for long.
using Publish = std::function<void(const Publication&)>;

class Agent {
 public:
  Agent();
  ~Agent();  // stops

  // Starts threads, reopens the pods of the state file, listens. `ports` and `introspection` outlive the agent.
  // Error: what cannot be started and why (socket path, admin port, directory, files that are not there).
  std::expected<void, std::string> start(const Bootstrap& config, PodPorts& ports, Introspection& introspection,
                                         Publish publish);
  // Stops threads and listeners; pod devices stay.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::agent
