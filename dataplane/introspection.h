// What the workers and devices know, gathered for the operator.
#pragma once

#include "dataplane/agent/introspection.h"
#include "dataplane/devices.h"
#include "dataplane/worker_group.h"

namespace weft::dataplane {

// Every call asks each worker in its own thread and waits for a turn of it.
class NodeIntrospection final : public agent::Introspection {
 public:
  NodeIntrospection(WorkerGroup& workers, const Devices& devices, const nic::MbufPool& small,
                    const nic::MbufPool& large)
      : workers_(workers), devices_(devices), small_(small), large_(large) {}

  std::vector<agent::ConnectionRecord> connections(const agent::QueryLimits& limits) override;
  std::vector<agent::DecisionRecord> decisions(const agent::QueryLimits& limits) override;
  std::vector<agent::DropRecord> drops() override;
  std::vector<agent::MetricRecord> metrics() override;
  std::vector<std::pair<std::string, std::string>> status() override;

 private:
  WorkerGroup& workers_;
  const Devices& devices_;
  const nic::MbufPool& small_;
  const nic::MbufPool& large_;
};

}  // namespace weft::dataplane
