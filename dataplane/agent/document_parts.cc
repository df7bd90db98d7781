#include "dataplane/agent/document_parts.h"

#include <cstdio>
#include <ctime>

namespace weft::agent {

using Json = nlohmann::json;

Json rfc3339(std::int64_t unix_seconds) {
  if (unix_seconds == 0) return nullptr;
  const auto time = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

namespace {

Json rfc3339_ms(std::int64_t unix_ms) {
  if (unix_ms < 1000) return nullptr;
  std::string text = rfc3339(unix_ms / 1000);
  char fraction[8];
  std::snprintf(fraction, sizeof fraction, ".%03d", static_cast<int>(unix_ms % 1000));
  return text.insert(text.size() - 1, fraction);
}

Json strings(const std::vector<IpAddress>& addresses) {
  Json out = Json::array();
  for (const IpAddress& address : addresses) out.push_back(address.to_string());
  return out;
}

Json stream_document(const PodReport& report) {
  Json out = {{"connected", report.stream.connected},
              {"since", rfc3339(report.stream.since)},
              {"last_error", report.stream.last_error},
              {"connects", report.stream.connects}};
  for (const auto& [type, name] : kXdsTitles) {
    const auto it = report.types.find(type);
    if (it == report.types.end()) continue;
    const XdsTypeStatus& status = it->second.status;
    out[name] = {{"held", it->second.resources.size()},
                 {"responses", status.responses},
                 {"rejected", status.rejected},
                 {"version", status.version},
                 {"refused", status.refused}};
  }
  return out;
}

}  // namespace

Json pod_document(const PodReport& report) {
  const PodView& view = report.pod.view;
  Json out = {{"namespace", view.attached.name.first},
              {"name", view.attached.name.second},
              {"uid", view.attached.uid},
              {"interface", view.attached.interface},
              {"container_id", view.attached.key.container_id},
              {"interface_name", view.attached.key.interface_name},
              {"netns", view.attached.netns},
              {"network", view.attached.network},
              {"mac", view.attached.mac},
              {"mtu", view.attached.mtu},
              {"addresses", strings(view.addresses)},
              {"in_mesh", view.in_mesh},
              {"ready", report.pod.lacks.empty()},
              {"lacks", report.pod.lacks},
              {"problems", view.problems},
              {"excluded_inbound_ports", view.excluded_inbound_ports},
              {"excluded_outbound_ports", view.excluded_outbound_ports}};
  if (view.object) out["service_account"] = view.object->service_account;
  if (view.in_mesh) {
    out["identity"] = view.identity;
    out["xds"] = stream_document(report);
  }
  return out;
}

Json connection_document(const ConnectionRecord& record) {
  return {{"worker", record.worker},
          {"id", record.id},
          {"direction", record.direction},
          {"source", record.source},
          {"destination", record.destination},
          {"upstream", record.upstream},
          {"state", record.state},
          {"cluster", record.cluster},
          {"source_identity", record.source_identity},
          {"destination_identity", record.destination_identity},
          {"tls", record.tls},
          {"bytes_sent", record.bytes_sent},
          {"bytes_received", record.bytes_received},
          {"memory", record.memory},
          {"age_ms", record.age_ms}};
}

Json decision_document(const DecisionRecord& record) {
  return {{"time", rfc3339_ms(record.unix_ms)},
          {"direction", record.direction},
          {"source", record.source},
          {"destination", record.destination},
          {"peer_identity", record.peer_identity},
          {"verdict", record.verdict},
          {"reason", record.reason},
          {"policy", record.policy},
          {"considered", record.considered},
          {"listener", record.listener},
          {"filter_chain", record.filter_chain},
          {"cluster", record.cluster},
          {"endpoint", record.endpoint},
          {"detail", record.detail}};
}

Json certificate_document(const CertificateStatus& status) {
  Json out = {{"identity", status.identity},     {"next_attempt", rfc3339(status.next_attempt)},
              {"last_error", status.last_error}, {"issued", status.issued},
              {"failures", status.failures},     {"serial", nullptr}};
  if (!status.credentials) return out;
  const crypto::CertificateInfo& leaf = status.credentials->certificate();
  out["serial"] = leaf.serial;
  out["issuer"] = leaf.issuer;
  out["not_before"] = rfc3339(leaf.not_before);
  out["not_after"] = rfc3339(leaf.not_after);
  out["expired"] = leaf.not_after < unix_now();
  out["roots"] = Json::array();
  for (const auto& [trust_domain, roots] : status.credentials->trust_bundles()) {
    for (const crypto::Certificate& root : roots) {
      out["roots"].push_back({{"trust_domain", trust_domain},
                              {"subject", root.info().subject},
                              {"serial", root.info().serial},
                              {"not_after", rfc3339(root.info().not_after)},
                              {"fingerprint", crypto::to_hex(root.info().fingerprint)}});
    }
  }
  return out;
}

}  // namespace weft::agent
