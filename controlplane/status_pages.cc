#include "controlplane/status_pages.h"

#include <chrono>

namespace weft::controlplane {
namespace {

const auto kStart = std::chrono::steady_clock::now();

GetResponse not_found() { return {404, "text/plain; charset=utf-8", "no such page\n"}; }

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

// One object a stream: which version it has, and per type what was sent and acknowledged last.
std::string syncz(const AdsServer& ads) {
  std::string out = "[";
  for (const AdsServer::StreamInfo& stream : ads.streams()) {
    if (out.size() > 1) out += ",";
    out += "\n{\"proxy\": " + json_text(stream.proxy) + ", \"version\": " + std::to_string(stream.world);
    for (std::size_t i = 0; i < kXdsTypeCount; ++i) {
      const Session::TypeStatus& type = stream.types[i];
      if (!type.watched) continue;
      out += ", " + json_text(short_name(static_cast<XdsType>(i))) + ": {\"sent\": " + json_text(type.sent_nonce) +
             ", \"acked\": " + json_text(type.acked_nonce) + ", \"error\": " + json_text(type.error) + "}";
    }
    out += "}";
  }
  return out + "]\n";
}

}  // namespace

GetResponse monitoring_page(std::string_view path, Metrics& metrics, const AdsServer& ads) {
  if (path == "/metrics") {
    const std::chrono::duration<double> up = std::chrono::steady_clock::now() - kStart;
    metrics.set(Metric::kUptime, up.count());
    return {200, "text/plain; version=0.0.4; charset=utf-8", metrics.render()};
  }
  if (path == "/version") return {200, "text/plain; charset=utf-8", std::string(kVersion) + "-weft\n"};
  if (path == "/debug/syncz") return {200, "application/json", syncz(ads)};
  return not_found();
}

GetResponse ready_page(std::string_view path, bool ready, const Snapshot& snapshot) {
  if (path != "/ready") return not_found();
  if (ready) return {200, "text/plain; charset=utf-8", "ready\n"};
  std::string why = snapshot.synced() ? "" : "the configuration is not read completely yet\n";
  for (const Problem& problem : snapshot.blocking()) why += problem.to_string() + "\n";
  return {503, "text/plain; charset=utf-8", why.empty() ? "not ready\n" : why};
}

void count_problems(const Snapshot& snapshot, Metrics& metrics) {
  double warnings = 0, errors = 0;
  for (const Problem& problem : snapshot.problems()) {
    (severity_of(problem.code) == Severity::kError ? errors : warnings) += 1;
  }
  metrics.set(Metric::kConfigProblems, warnings, "severity=\"warning\"");
  metrics.set(Metric::kConfigProblems, errors, "severity=\"error\"");
}

}  // namespace weft::controlplane
