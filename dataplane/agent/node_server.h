// The node's gRPC services on a UNIX socket: PodService for CNI, OperatorService for weftctl.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "dataplane/agent/event_loop.h"
#include "dataplane/agent/introspection.h"
#include "dataplane/agent/pod_registry.h"
#include "dataplane/agent/report.h"

namespace weft::agent {

// Handlers run on gRPC's threads and enter the loop for what they need.
class NodeServer {
 public:
  struct Services {
    EventLoop& loop;
    PodRegistry& pods;
    Introspection& introspection;
    std::function<AgentReport()> report;  // called on the loop's thread
  };

  // Error: the socket cannot be made, or another process serves it. A socket that a dead process left is replaced.
  static std::expected<std::unique_ptr<NodeServer>, std::string> listen(const std::string& socket, Services services);
  // Waits for calls under way. REQUIRES: the loop still runs.
  ~NodeServer();
  NodeServer(const NodeServer&) = delete;
  NodeServer& operator=(const NodeServer&) = delete;

 private:
  class Pods;
  class Operator;
  struct Parts;
  explicit NodeServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace weft::agent
