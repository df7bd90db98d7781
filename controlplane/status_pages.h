// What the control plane shows at 15014 and 8080.
#pragma once

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

// The store logs the problems; this counts those that there are now.
void count_problems(const Snapshot& snapshot, Metrics& metrics);

}  // namespace weft::controlplane
