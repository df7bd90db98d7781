// The control plane's counters in Prometheus' text format, under istiod's names. Any thread; a lock a call, which is
// nothing at the rate of pushes.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace weft::controlplane {

// X(enumerator, name, type, sentence)
#define WEFT_CONTROL_METRICS(X)                                                                             \
  X(kXds, "pilot_xds", "gauge", "Connected xDS streams")                                                    \
  X(kXdsPushes, "pilot_xds_pushes", "counter", "Responses sent, by type")                                   \
  X(kTotalXdsRejects, "pilot_total_xds_rejects", "counter", "Responses that a proxy rejected")              \
  X(kCdsReject, "pilot_xds_cds_reject", "counter", "Clusters that a proxy rejected")                        \
  X(kEdsReject, "pilot_xds_eds_reject", "counter", "Endpoints that a proxy rejected")                       \
  X(kLdsReject, "pilot_xds_lds_reject", "counter", "Listeners that a proxy rejected")                       \
  X(kRdsReject, "pilot_xds_rds_reject", "counter", "Routes that a proxy rejected")                          \
  X(kExpiredNonce, "pilot_xds_expired_nonce", "counter", "Answers to a response that was not the last")     \
  X(kStreamRefusals, "weft_xds_stream_refusals", "counter", "Streams that were refused, by status")         \
  X(kConvergence, "pilot_proxy_convergence_time", "histogram", "Seconds from a change to a proxy's push")   \
  X(kDebounce, "pilot_debounce_time", "histogram", "Seconds from a burst's first change to its push")       \
  X(kPushTriggers, "pilot_push_triggers", "counter", "Pushes by what caused them")                          \
  X(kInboundUpdates, "pilot_inbound_updates", "counter", "Changes that the configuration source brought")   \
  X(kServices, "pilot_services", "gauge", "Services known")                                                 \
  X(kConfigProblems, "weft_config_problems", "gauge", "Problems with the configuration, by severity")       \
  X(kCsrCount, "citadel_server_csr_count", "counter", "Signing requests received")                          \
  X(kIssued, "citadel_server_success_cert_issuance_count", "counter", "Certificates issued")                \
  X(kAuthenticationFailures, "citadel_server_authentication_failure_count", "counter", "Callers refused")   \
  X(kCsrParsing, "citadel_server_csr_parsing_err_count", "counter", "Requests that do not parse")           \
  X(kCsrSigning, "citadel_server_csr_sign_err_count", "counter", "Requests that could not be signed")       \
  X(kCsrRefusals, "weft_ca_refusals", "counter", "Signing requests refused, by reason")                     \
  X(kRootExpiry, "citadel_server_root_cert_expiry_timestamp", "gauge", "When the root expires, Unix seconds") \
  X(kChainExpiry, "citadel_server_cert_chain_expiry_timestamp", "gauge", "When the CA's own certificate expires") \
  X(kInfo, "pilot_info", "gauge", "Version")                                                                \
  X(kUptime, "istiod_uptime_seconds", "gauge", "Seconds since the start")

enum class Metric : std::uint8_t {
#define WEFT_METRIC(name, ...) name,
  WEFT_CONTROL_METRICS(WEFT_METRIC)
#undef WEFT_METRIC
};

class Metrics {
 public:
  // `labels`: `type="cds"`, or empty.
  void add(Metric metric, double by = 1, std::string_view labels = {});
  void set(Metric metric, double value, std::string_view labels = {});
  void observe(Metric metric, double seconds);
  double value(Metric metric, std::string_view labels = {}) const;
  std::string render() const;

 private:
  struct Series {
    double value = 0;
    std::uint64_t count = 0;
    std::map<double, std::uint64_t> buckets;
  };
  mutable std::mutex mutex_;
  std::map<Metric, std::map<std::string, Series, std::less<>>> series_;
};

}  // namespace weft::controlplane
