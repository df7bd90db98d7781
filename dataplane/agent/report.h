// The agent's state as plain values, gathered on its thread for whoever asks: the operator, metrics, readiness.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dataplane/agent/ca_client.h"
#include "dataplane/agent/node_snapshot.h"
#include "dataplane/agent/xds_client.h"

namespace weft::agent {

struct PodReport {
  ServedPod pod;
  XdsStreamStatus stream;
  struct Type {
    XdsTypeStatus status;
    std::map<std::string, XdsResource> resources;  // accepted; contents are shared
  };
  std::map<mesh::XdsType, Type> types;  // empty: no stream was ever started
};

struct AgentReport {
  std::string node_name, trust_domain, xds_address, ca_address;
  std::int64_t started = 0;  // unix seconds
  std::uint64_t snapshot_version = 0;
  std::vector<PodReport> pods;
  std::vector<CertificateStatus> certificates;
  std::vector<std::string> problems;  // of the cluster's files and the pods' annotations
  std::size_t nodes = 0, services = 0;
};

}  // namespace weft::agent
