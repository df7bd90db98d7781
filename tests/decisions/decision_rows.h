// The groups of rows that make the decision table, and the words that begin a row.
#pragma once

#include <string>
#include <vector>

#include "tests/decisions/decision_table.h"

namespace weft::tests {

Row outbound(std::string scenario, std::string pod, std::string destination);
Row inbound(std::string scenario, std::string pod, std::string destination);

inline const std::vector<std::string> kIstio = {"istio-peer-exchange", "istio"};
inline const std::vector<std::string> kIstioHttp = {"istio-http/1.1", "istio", "http/1.1"};

std::vector<Row> outbound_service_rows();
std::vector<Row> outbound_other_rows();
std::vector<Row> outbound_headless_rows();
std::vector<Row> permissive_rows();
std::vector<Row> permissive_http_rows();
std::vector<Row> mtls_mode_rows();
std::vector<Row> mtls_by_port_rows();
std::vector<Row> allow_rows();
std::vector<Row> deny_rows();

}  // namespace weft::tests
