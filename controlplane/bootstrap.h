// The control plane's configuration file: strict YAML, every key documented in configs/controlplane.yaml.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"
#include "base/log.h"

namespace weft::controlplane {

struct Bootstrap {
  struct Config {
    std::string directory;                          // of the YAML files that stand for the cluster
    std::string system_namespace = "istio-system";  // where the ConfigMap `istio` lives
  } config;
  struct Cluster {
    std::string id = "Kubernetes";
    std::string domain = "cluster.local";
  } cluster;
  struct Ca {
    std::string directory = "/var/lib/weft/ca";
    std::string plugged_in;  // Istio's cacerts; empty: self-signed
    Duration workload_ttl = Duration::seconds(24 * 3600);
    Duration max_workload_ttl;  // zero: as workload_ttl
    Duration unknown_pod_grace = Duration::seconds(30);
    std::vector<std::string> trusted_node_accounts{"istio-system/ztunnel", "weft-system/weft-dataplane"};
    std::vector<std::string> server_names;  // beside istiod.<ns>.svc and its kin
  } ca;
  struct Listen {
    Endpoint secure{IpAddress(), 15012};
    Endpoint plaintext{IpAddress(), 15010};
    Endpoint monitoring{IpAddress(), 15014};
    Endpoint ready{IpAddress(), 8080};
  } listen;
  struct Push {
    Duration quiet = Duration::milliseconds(100);
    Duration at_most = Duration::seconds(10);
    std::uint32_t threads = 2;
  } push;
  struct Log {
    LogLevel level = LogLevel::kInfo;
    bool json = false;
  } log;
};

// Reads `text` over the defaults. Error: one problem a line, "FILE:LINE:COLUMN: KEY: what is wrong".
std::expected<Bootstrap, std::string> parse_bootstrap(std::string_view file, std::string_view text);
std::expected<Bootstrap, std::string> load_bootstrap(const std::string& file);

// "100ms", "5s", "2m", "24h": a number with its unit. Error: what was expected.
std::expected<Duration, std::string> parse_duration(std::string_view text);

}  // namespace weft::controlplane
