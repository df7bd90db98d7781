#include "dataplane/agent/admin_pages.h"

#include <cstdio>
#include <map>

namespace weft::agent {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.15g", value);
  return text;
}

// Gathers samples by metric, since Prometheus wants those of one name together.
class Metrics {
 public:
  void add(const MetricRecord& record) {
    Family& family = families_[record.name];
    family.help = record.help;
    family.kind = record.kind;
    std::string labels;
    for (const auto& [name, value] : record.labels) {
      labels += (labels.empty() ? "" : ",") + name + "=\"" + escaped(value) + "\"";
    }
    family.samples += record.name + (labels.empty() ? "" : "{" + labels + "}") + " " + number(record.value) + "\n";
  }

  std::string text() const {
    std::string out;
    for (const auto& [name, family] : families_) {
      out += "# HELP " + name + " " + family.help + "\n# TYPE " + name +
             (family.kind == MetricKind::kCounter ? " counter\n" : " gauge\n") + family.samples;
    }
    return out;
  }

 private:
  struct Family {
    std::string help;
    MetricKind kind = MetricKind::kCounter;
    std::string samples;
  };
  std::map<std::string, Family> families_;
};

const char* name_of(mesh::XdsType type) {
  switch (type) {
    case mesh::XdsType::kCluster:
      return "cds";
    case mesh::XdsType::kEndpoints:
      return "eds";
    case mesh::XdsType::kListener:
      return "lds";
  }
  return "";
}

void add_pod(Metrics& out, const PodReport& report) {
  const PodView& view = report.pod.view;
  const std::vector<std::pair<std::string, std::string>> pod = {{"namespace", view.attached.name.first},
                                                                {"pod", view.attached.name.second}};
  const bool ready = report.pod.lacks.empty();
  out.add({"weft_pod_ready", "1 when the pod is served.", MetricKind::kGauge, pod, ready ? 1.0 : 0.0});
  if (!view.in_mesh) return;
  out.add({"envoy_control_plane_connected_state", "1 while the pod's xDS stream is up.", MetricKind::kGauge, pod,
           report.stream.connected ? 1.0 : 0.0});
  out.add({"weft_xds_streams_total", "xDS streams started for the pod.", MetricKind::kCounter, pod,
           static_cast<double>(report.stream.connects)});
  for (const auto& [type, state] : report.types) {
    auto labels = pod;
    labels.emplace_back("type", name_of(type));
    out.add({"weft_xds_responses_total", "xDS responses received.", MetricKind::kCounter, labels,
             static_cast<double>(state.status.responses)});
    out.add({"weft_xds_rejects_total", "xDS responses answered with a NACK.", MetricKind::kCounter, labels,
             static_cast<double>(state.status.rejected)});
    out.add({"weft_xds_resources", "xDS resources held.", MetricKind::kGauge, labels,
             static_cast<double>(state.resources.size())});
  }
}

void add_certificate(Metrics& out, const CertificateStatus& status) {
  const std::vector<std::pair<std::string, std::string>> identity = {{"resource_name", "default"},
                                                                     {"identity", status.identity}};
  out.add({"istio_agent_num_outgoing_requests", "Certificate requests.", MetricKind::kCounter, identity,
           static_cast<double>(status.issued + status.failures)});
  out.add({"istio_agent_num_failed_outgoing_requests", "Certificate requests that failed.", MetricKind::kCounter,
           identity, static_cast<double>(status.failures)});
  if (!status.credentials) return;
  out.add({"istio_agent_cert_expiry_seconds", "Seconds until the certificate expires; negative: since.",
           MetricKind::kGauge, identity, static_cast<double>(status.credentials->not_after() - unix_now())});
}

}  // namespace

std::string metrics_page(const AgentReport& report, Introspection& introspection) {
  Metrics out;
  out.add({"weft_build_info", "The program.", MetricKind::kGauge, {{"version", "0.1.0"}}, 1});
  out.add({"process_start_time_seconds",
           "Unix time of the start.",
           MetricKind::kGauge,
           {},
           static_cast<double>(report.started)});
  out.add({"weft_configuration_problems",
           "Files and annotations that cannot be read.",
           MetricKind::kGauge,
           {},
           static_cast<double>(report.problems.size())});
  for (const PodReport& pod : report.pods) add_pod(out, pod);
  for (const CertificateStatus& status : report.certificates) add_certificate(out, status);
  for (const DropRecord& drop : introspection.drops()) {
    out.add({"weft_drops_total",
             "Packets and connections that died, by named reason.",
             MetricKind::kCounter,
             {{"layer", drop.layer}, {"reason", drop.name}},
             static_cast<double>(drop.count)});
  }
  for (const MetricRecord& record : introspection.metrics()) out.add(record);
  return out.text();
}

std::string unready_lines(const AgentReport& report) {
  std::string out;
  for (const PodReport& pod : report.pods) {
    if (!pod.pod.view.in_mesh || pod.pod.lacks.empty()) continue;
    std::string lacks;
    for (const std::string& what : pod.pod.lacks) lacks += (lacks.empty() ? "" : ", ") + what;
    out += pod.pod.view.attached.name.first + "/" + pod.pod.view.attached.name.second + " lacks " + lacks + "\n";
  }
  return out;
}

}  // namespace weft::agent
