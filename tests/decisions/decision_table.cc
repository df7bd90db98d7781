#include "tests/decisions/decision_rows.h"

namespace weft::tests {

namespace {

Row row(mesh::Direction direction, std::string scenario, std::string pod, std::string destination) {
  Row made;
  made.scenario = std::move(scenario);
  made.pod = std::move(pod);
  made.direction = direction;
  made.source = "10.244.1.16:41000";
  made.destination = std::move(destination);
  return made;
}

}  // namespace

Row outbound(std::string scenario, std::string pod, std::string destination) {
  return row(mesh::Direction::kOutbound, std::move(scenario), std::move(pod), std::move(destination));
}
Row inbound(std::string scenario, std::string pod, std::string destination) {
  return row(mesh::Direction::kInbound, std::move(scenario), std::move(pod), std::move(destination));
}

const std::vector<Row>& decision_table() {
  static const std::vector<Row> table = [] {
    std::vector<Row> all;
    for (auto* part : {outbound_service_rows, outbound_other_rows, outbound_headless_rows, permissive_rows, 
                       permissive_http_rows, mtls_mode_rows, mtls_by_port_rows, allow_rows, deny_rows}) {
      std::vector<Row> rows = part();
      all.insert(all.end(), rows.begin(), rows.end());
    }
    return all;
  }();
  return table;
}

}  // namespace weft::tests
