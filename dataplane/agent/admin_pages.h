// The pages of the admin port: Prometheus metrics and readiness. Pure text.
#pragma once

#include <string>

#include "dataplane/agent/introspection.h"
#include "dataplane/agent/report.h"

namespace weft::agent {

// Prometheus text format 0.0.4.
std::string metrics_page(const AgentReport& report, Introspection& introspection);

// One line for each mesh pod that is not served and what it lacks; empty: everything is in place.
std::string unready_lines(const AgentReport& report);

}  // namespace weft::agent
