#include "dataplane/agent/documents.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "dataplane/agent/document_parts.h"
#include "dataplane/agent/proto_json.h"

namespace weft::agent {
namespace {

using Json = nlohmann::json;
using Answer = std::expected<Json, std::string>;

struct Query {
  const QueryArguments& arguments;
  const AgentReport& report;
  Introspection& introspection;

  std::string at(const std::string& name) const {
    const auto it = arguments.find(name);
    return it == arguments.end() ? std::string() : it->second;
  }
};

bool matches(const Query& query, const PodReport& report) {
  const auto& [name_space, name] = report.pod.view.attached.name;
  const std::string wanted_space = query.at("namespace"), wanted_name = query.at("pod");
  return (wanted_space.empty() || wanted_space == name_space) && (wanted_name.empty() || wanted_name == name);
}

// The pods that the arguments name; a named pod that is not there is an error.
std::expected<std::vector<const PodReport*>, std::string> select(const Query& query) {
  std::vector<const PodReport*> out;
  for (const PodReport& pod : query.report.pods) {
    if (matches(query, pod)) out.push_back(&pod);
  }
  if (!out.empty() || query.at("pod").empty()) return out;
  const std::string name_space = query.at("namespace");
  return std::unexpected("no pod " + (name_space.empty() ? "" : name_space + "/") + query.at("pod") +
                         " is attached to this node");
}

std::expected<QueryLimits, std::string> limits_of(const Query& query) {
  QueryLimits limits;
  if (const std::string text = query.at("limit"); !text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limits.limit);
    if (error != std::errc() || end != text.data() + text.size() || limits.limit == 0) {
      return std::unexpected("argument limit: '" + text + "' is not a positive number");
    }
  }
  return limits;
}

void add_pod_name(Json& out, const Query& query, InterfaceId interface) {
  for (const PodReport& pod : query.report.pods) {
    if (pod.pod.view.attached.interface != interface) continue;
    out["namespace"] = pod.pod.view.attached.name.first;
    out["pod"] = pod.pod.view.attached.name.second;
  }
}

Answer pods_document(const Query& query) {
  const auto selected = select(query);
  if (!selected) return std::unexpected(selected.error());
  Json pods = Json::array();
  for (const PodReport* pod : *selected) pods.push_back(pod_document(*pod));
  return Json{{"pods", pods}};
}

Answer status_document(const Query& query) {
  const AgentReport& report = query.report;
  std::size_t in_mesh = 0, ready = 0, streams = 0;
  for (const PodReport& pod : report.pods) {
    in_mesh += pod.pod.view.in_mesh;
    ready += pod.pod.lacks.empty();
    streams += pod.stream.connected;
  }
  Json dataplane = Json::object();
  for (const auto& [name, value] : query.introspection.status()) dataplane[name] = value;
  return Json{
      {"node", report.node_name},
      {"version", "0.1.0"},
      {"trust_domain", report.trust_domain},
      {"started", rfc3339(report.started)},
      {"snapshot_version", report.snapshot_version},
      {"control_plane", {{"xds", report.xds_address}, {"ca", report.ca_address}, {"streams_connected", streams}}},
      {"pods", {{"attached", report.pods.size()}, {"in_mesh", in_mesh}, {"ready", ready}}},
      {"cluster", {{"nodes", report.nodes}, {"service_ports", report.services}}},
      {"dataplane", dataplane},
      {"problems", report.problems}};
}

// Records of all pods, or of each selected one, through `ask`.
template <typename Ask, typename Print>
Answer records_document(const Query& query, const char* key, Ask ask, Print print) {
  auto limits = limits_of(query);
  if (!limits) return std::unexpected(limits.error());
  Json out = Json::array();
  const auto add = [&] {
    for (const auto& record : ask(*limits)) {
      if (out.size() == limits->limit) return;
      out.push_back(print(record));
      add_pod_name(out.back(), query, record.pod);
    }
  };
  if (query.at("pod").empty() && query.at("namespace").empty()) {
    add();
    return Json{{key, out}};
  }
  const auto selected = select(query);
  if (!selected) return std::unexpected(selected.error());
  for (const PodReport* pod : *selected) {
    limits->pod = pod->pod.view.attached.interface;
    add();
  }
  return Json{{key, out}};
}

Answer connections_document(const Query& query) {
  return records_document(
      query, "connections", [&](const QueryLimits& limits) { return query.introspection.connections(limits); },
      connection_document);
}

Answer explain_document(const Query& query) {
  return records_document(
      query, "decisions", [&](const QueryLimits& limits) { return query.introspection.decisions(limits); },
      decision_document);
}

Answer config_document(const Query& query) {
  const std::string wanted_type = query.at("type"), wanted_name = query.at("name");
  const auto known = [&](const auto& type) { return wanted_type == type.second; };
  if (!wanted_type.empty() && std::none_of(std::begin(kXdsTitles), std::end(kXdsTitles), known)) {
    return std::unexpected("argument type: '" + wanted_type + "' is none of: clusters, endpoints, listeners");
  }
  const auto selected = select(query);
  if (!selected) return std::unexpected(selected.error());
  Json pods = Json::array();
  for (const PodReport* pod : *selected) {
    if (!pod->pod.view.in_mesh) continue;
    Json out = {{"namespace", pod->pod.view.attached.name.first}, {"name", pod->pod.view.attached.name.second}};
    for (const auto& [type, title] : kXdsTitles) {
      if (!wanted_type.empty() && wanted_type != title) continue;
      out[title] = Json::array();
      const auto held = pod->types.find(type);
      if (held == pod->types.end()) continue;
      for (const auto& [name, resource] : held->second.resources) {
        if (!wanted_name.empty() && wanted_name != name) continue;
        out[title].push_back(resource_to_json(resource.type_url, *resource.serialized));
      }
    }
    pods.push_back(std::move(out));
  }
  return Json{{"pods", pods}};
}

Answer certs_document(const Query& query) {
  Json out = Json::array();
  for (const CertificateStatus& status : query.report.certificates) out.push_back(certificate_document(status));
  return Json{{"certificates", out}};
}

Answer drops_document(const Query& query) {
  Json out = Json::array();
  for (const DropRecord& drop : query.introspection.drops()) {
    if (drop.count == 0 && query.at("all") != "true") continue;
    out.push_back({{"layer", drop.layer}, {"name", drop.name}, {"text", drop.text}, {"count", drop.count}});
  }
  return Json{{"drops", out}};
}

struct Topic {
  const char* name;
  Answer (*answer)(const Query&);
  std::set<std::string> arguments;
};

const Topic kTopics[] = {
    {"status", status_document, {}},
    {"pods", pods_document, {"namespace", "pod"}},
    {"connections", connections_document, {"namespace", "pod", "limit"}},
    {"config", config_document, {"namespace", "pod", "type", "name"}},
    {"certs", certs_document, {}},
    {"explain", explain_document, {"namespace", "pod", "limit"}},
    {"drops", drops_document, {"all"}},
};

}  // namespace

std::expected<nlohmann::json, std::string> answer_query(const std::string& topic, const QueryArguments& arguments,
                                                        const AgentReport& report, Introspection& introspection) {
  std::string names;
  for (const Topic& known : kTopics) {
    names += (names.empty() ? "" : ", ") + std::string(known.name);
    if (topic != known.name) continue;
    for (const auto& [name, value] : arguments) {
      if (!known.arguments.contains(name)) return std::unexpected("topic " + topic + " has no argument '" + name + "'");
    }
    return known.answer({arguments, report, introspection});
  }
  return std::unexpected("unknown topic '" + topic + "'; topics are " + names);
}

}  // namespace weft::agent
