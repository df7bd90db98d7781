// All workers of the process: their stacks, proxies and threads, and the ways to tell and to ask them something.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/agent/bootstrap.h"
#include "dataplane/net/stack.h"
#include "dataplane/nic/pool.h"
#include "dataplane/proxy/proxy.h"
#include "dataplane/tls/handshake_executor.h"
#include "dataplane/worker/stack_engine.h"
#include "dataplane/worker/worker.h"

namespace weft::dataplane {

// A worker with everything on it. Only its own thread touches stack and proxy once it runs.
struct WorkerUnit {
  std::unique_ptr<net::Stack> stack;
  std::unique_ptr<crypto::KeyScheduleCache> keys;
  std::unique_ptr<tls::HandshakeExecutor> handshakes;
  std::unique_ptr<proxy::Proxy> proxy;
  std::unique_ptr<worker::Application> application;
  std::unique_ptr<worker::StackEngine> engine;
  std::unique_ptr<worker::Worker> worker;
  std::jthread thread;
};

class WorkerGroup {
 public:
  // Builds the workers; they do not run yet. Pools outlive the group.
  WorkerGroup(const agent::Bootstrap& config, nic::MbufPool& small, nic::MbufPool& large, nic::MbufPool& headers);
  ~WorkerGroup();  // stops
  const nic::MbufPool& headers() const { return headers_; }

  std::vector<worker::Worker*> workers() const;
  void start();
  void stop();

  // Any thread: every worker takes the new version within its next turn, the packet layer first.
  void publish(std::shared_ptr<const net::Network> network, std::shared_ptr<const proxy::NodeView> view);
  // Any thread but a worker's: runs `ask` in each worker's thread, one after the other, and waits. False: a worker did
  // not answer within two seconds, or the group is stopping.
  bool ask(const std::function<void(WorkerUnit& unit, Time now)>& ask);

  const std::vector<std::unique_ptr<WorkerUnit>>& units() const { return units_; }
  const crypto::CipherChoice& ciphers() const { return ciphers_; }

 private:
  std::unique_ptr<WorkerUnit> make_unit(unsigned index, const agent::Bootstrap& config);

  nic::MbufPool& small_;
  nic::MbufPool& large_;
  nic::MbufPool& headers_;
  crypto::CipherChoice ciphers_;
  tls::HandshakePool handshake_pool_;
  proxy::ClusterRegistry clusters_;
  std::vector<std::unique_ptr<WorkerUnit>> units_;
  bool running_ = false;
};

}  // namespace weft::dataplane
