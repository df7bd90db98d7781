// What the control plane shows at 15014 and 8080, and what it logs about its configuration.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/get_server.h"
#include "controlplane/config/store.h"
#include "controlplane/xds/ads_server.h"
#include "controlplane/xds/metrics.h"

namespace weft::controlplane {

inline constexpr std::string_view kVersion = "0.1.0";

// /metrics, /version, /debug/syncz.
GetResponse monitoring_page(std::string_view path, Metrics& metrics, const AdsServer& ads);
// /ready: 200, or 503 and why.
GetResponse ready_page(std::string_view path, bool ready, const Snapshot& snapshot);

// Logs each problem when it appears and when it is gone, and counts them. One thread at a time.
class ProblemLog {
 public:
  void note(const Snapshot& snapshot, Metrics& metrics);

 private:
  std::set<std::string> known_;
};

}  // namespace weft::controlplane
