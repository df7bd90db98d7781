// One node of a simulated mesh: its workers' stacks and proxies, between its pods' devices and its uplink.
#pragma once

#include <memory>
#include <vector>

#include "base/random.h"
#include "dataplane/net/stack.h"
#include "dataplane/proxy/proxy.h"
#include "tests/sim/kernel.h"

namespace weft::sim {

struct NodeOptions {
  unsigned number = 0;      // 10.99.0.<number + 1>, fd99::<number + 1>
  unsigned workers = 1;
  std::uint64_t seed = 1;
  net::TcpOptions tcp;
  proxy::ProxyOptions proxy;
  bool one_queue = false;   // the uplink's frames all reach worker 0
};

inline constexpr InterfaceId kUplink = 1;
net::MacAddress uplink_mac(unsigned node);
net::MacAddress gateway_mac(InterfaceId pod);  // our end of a pod's device
net::MacAddress pod_mac(InterfaceId pod);

class MeshNode {
 public:
  explicit MeshNode(const NodeOptions& options);
  ~MeshNode();

  // Pods and Services are in `spec`; interfaces and routes are added here.
  void publish(Time now, net::NetworkSpec spec, const std::vector<InterfaceId>& pods,
               std::shared_ptr<const proxy::NodeView> view);
  // A frame from a device, to a worker of the device's choice.
  void receive(Time now, InterfaceId from, const Frame& frame);
  // What there is to do. True: something was done.
  bool turn(Time now);
  bool poll_frame(InterfaceId* to, Frame* frame);
  Time deadline() const;

  unsigned workers() const { return static_cast<unsigned>(workers_.size()); }
  net::Stack& stack(unsigned worker) { return *workers_[worker]->stack; }
  proxy::Proxy& proxy(unsigned worker) { return *workers_[worker]->proxy; }
  std::size_t streams() const;
  std::size_t connections() const;  // TCP, orphans and TIME-WAIT included
  std::size_t buffers() const { return headers_.outstanding() + frames_.outstanding(); }
  std::size_t buffer_memory() const {
    return headers_.outstanding() * headers_.buffer_capacity() + frames_.outstanding() * frames_.buffer_capacity();
  }
  std::uint64_t ends(proxy::EndReason reason) const;
  std::uint64_t refusals(mesh::Refusal refusal) const;
  std::uint64_t handed_over() const;

 private:
  struct Worker {
    std::unique_ptr<net::Stack> stack;
    std::unique_ptr<crypto::KeyScheduleCache> keys;
    tls::InlineHandshakeExecutor handshakes;
    std::unique_ptr<proxy::Proxy> proxy;
  };
  bool turn_of(Time now, Worker& worker);

  NodeOptions options_;
  Random random_;
  HeapBufferPool headers_{2304}, frames_{2304};
  proxy::ClusterRegistry clusters_;
  std::vector<std::unique_ptr<Worker>> workers_;
  struct Out {
    InterfaceId to;
    Frame frame;
  };
  std::deque<Out> out_;
};

}  // namespace weft::sim
