#include "controlplane/xds/metrics.h"

#include <absl/strings/str_format.h>

#include <array>

namespace weft::controlplane {
namespace {

struct Row {
  const char* name;
  const char* type;
  const char* sentence;
};
constexpr Row kRows[] = {
#define WEFT_METRIC_ROW(name, text, type, sentence) {text, type, sentence},
    WEFT_CONTROL_METRICS(WEFT_METRIC_ROW)
#undef WEFT_METRIC_ROW
};
constexpr std::array<double, 10> kBuckets{0.01, 0.05, 0.1, 0.5, 1, 3, 5, 10, 20, 30};  // seconds

const Row& row(Metric metric) { return kRows[static_cast<std::size_t>(metric)]; }

}  // namespace

void Metrics::add(Metric metric, double by, std::string_view labels) {
  const std::lock_guard lock(mutex_);
  series_[metric][std::string(labels)].value += by;
}

void Metrics::set(Metric metric, double value, std::string_view labels) {
  const std::lock_guard lock(mutex_);
  series_[metric][std::string(labels)].value = value;
}

void Metrics::observe(Metric metric, double seconds) {
  const std::lock_guard lock(mutex_);
  Series& series = series_[metric][""];
  series.value += seconds;
  ++series.count;
  for (const double bound : kBuckets) series.buckets[bound] += seconds <= bound;
}

double Metrics::value(Metric metric, std::string_view labels) const {
  const std::lock_guard lock(mutex_);
  const auto family = series_.find(metric);
  if (family == series_.end()) return 0;
  const auto it = family->second.find(labels);
  return it == family->second.end() ? 0 : it->second.value;
}

std::string Metrics::render() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [metric, family] : series_) {
    const Row& r = row(metric);
    absl::StrAppendFormat(&out, "# HELP %s %s\n# TYPE %s %s\n", r.name, r.sentence, r.name, r.type);
    for (const auto& [labels, series] : family) {
      if (series.count) {
        for (const auto& [bound, count] : series.buckets) {
          absl::StrAppendFormat(&out, "%s_bucket{le=\"%g\"} %d\n", r.name, bound, count);
        }
        absl::StrAppendFormat(&out, "%s_bucket{le=\"+Inf\"} %d\n%s_sum %.6f\n%s_count %d\n", r.name, series.count,
                              r.name, series.value, r.name, series.count);
      } else {
        const std::string braces = labels.empty() ? "" : "{" + labels + "}";
        absl::StrAppendFormat(&out, "%s%s %.16g\n", r.name, braces, series.value);
      }
    }
  }
  return out;
}

}  // namespace weft::controlplane
