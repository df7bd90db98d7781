#include "dataplane/introspection.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "dataplane/net/drop_reason.h"

namespace weft::dataplane {

namespace {

agent::ConnectionRecord to_connection(unsigned worker, const proxy::ConnectionRecord& from) {
  agent::ConnectionRecord to;
  to.worker = worker;
  to.id = from.id;
  to.pod = from.pod;
  to.direction = from.direction;
  to.source = from.source.to_string();
  to.destination = from.destination.to_string();
  if (from.upstream.port != 0) to.upstream = from.upstream.to_string();
  to.state = from.stage;
  to.cluster = from.cluster;
  to.source_identity = from.source_identity;
  to.destination_identity = from.destination_identity;
  to.tls = from.tls;
  to.bytes_sent = from.bytes_sent;
  to.bytes_received = from.bytes_received;
  to.memory = from.memory;
  to.age_ms = from.age_ms;
  return to;
}

agent::DecisionRecord to_decision(const proxy::ConnectionRecord& from) {
  agent::DecisionRecord to;
  to.unix_ms = from.unix_ms;
  to.pod = from.pod;
  to.direction = from.direction;
  to.source = from.source.to_string();
  to.destination = from.destination.to_string();
  to.peer_identity = from.source_identity;
  to.verdict = from.verdict;
  if (from.verdict != "allowed") to.reason = to_string(from.reason);
  to.policy = from.policy;
  to.considered = from.considered;
  to.listener = from.listener;
  to.filter_chain = from.filter_chain;
  to.cluster = from.cluster;
  if (from.upstream.port != 0) to.endpoint = from.upstream.to_string();
  to.detail = from.detail;
  return to;
}

// Of a flow that passes as packets, which no proxy sees.
agent::DecisionRecord to_decision(const net::BypassRecord& from, Time now, std::int64_t unix_ms) {
  const bool leaves = from.interface == from.pod;
  agent::DecisionRecord to;
  to.unix_ms = unix_ms - (now - from.time).ns() / 1'000'000;
  to.pod = from.pod;
  to.direction = leaves ? "outbound" : "inbound";
  to.source = from.tuple.source.to_string();
  to.destination = from.tuple.destination.to_string();
  to.verdict = from.host ? "host" : "excluded";
  to.detail = from.host ? "from the node's own address by the host port: outside mesh policy (host.probes)"
                        : "the pod's annotations exclude this port or address from the mesh";
  return to;
}

void add_metric(std::vector<agent::MetricRecord>* metrics, std::string name, std::string help, double value,
                std::vector<std::pair<std::string, std::string>> labels = {},
                agent::MetricKind kind = agent::MetricKind::kCounter) {
  metrics->push_back({std::move(name), std::move(help), kind, std::move(labels), value});
}

// Sums that need the workers' threads.
struct Totals {
  net::TcpStats tcp;
  net::StackCounters stack;
  net::DropCounters drops{};
  std::uint64_t connections = 0, time_wait = 0, tcp_memory = 0, proxy_memory = 0;
};

Totals gather(WorkerGroup& workers) {
  Totals totals;
  workers.ask([&](WorkerUnit& unit, Time) {
    const net::TcpStats& tcp = unit.stack->tcp().stats();
#define WEFT_ADD(name, text) totals.tcp.name += tcp.name;
    WEFT_TCP_STATS(WEFT_ADD)
#undef WEFT_ADD
    const net::StackCounters& stack = unit.stack->counters();
#define WEFT_ADD(name, text) totals.stack.name += stack.name;
    WEFT_STACK_COUNTERS(WEFT_ADD)
#undef WEFT_ADD
    for (std::size_t i = 0; i < totals.drops.size(); ++i) totals.drops[i] += unit.stack->drops().counters()[i];
    totals.connections += unit.stack->tcp().connections();
    totals.time_wait += unit.stack->tcp().time_wait_entries();
    totals.tcp_memory += unit.stack->tcp().memory();
    totals.proxy_memory += unit.proxy->memory();
  });
  return totals;
}

template <typename Get>
std::uint64_t sum(const WorkerGroup& workers, Get get) {
  std::uint64_t total = 0;
  for (const auto& unit : workers.units()) total += get(*unit);
  return total;
}

void add_proxy_metrics(const WorkerGroup& workers, std::vector<agent::MetricRecord>* metrics) {
  const auto of = [&](auto member) {
    return static_cast<double>(
        sum(workers, [&](const WorkerUnit& u) { return (u.proxy->counters().*member).value(); }));
  };
  using proxy::ProxyCounters;
  add_metric(metrics, "istio_tcp_connections_opened_total", "proxied connections that reached their server",
             of(&ProxyCounters::opened));
  add_metric(metrics, "istio_tcp_connections_closed_total", "of those, ended", of(&ProxyCounters::closed));
  add_metric(metrics, "istio_tcp_sent_bytes_total", "bytes sent to clients", of(&ProxyCounters::bytes_received));
  add_metric(metrics, "istio_tcp_received_bytes_total", "bytes received from clients", of(&ProxyCounters::bytes_sent));
  add_metric(metrics, "weft_tls_handshakes_total", "TLS handshakes done, either side", of(&ProxyCounters::handshakes));
  add_metric(metrics, "weft_tls_resumed_handshakes_total", "of those, resumed by a ticket of an earlier session",
             of(&ProxyCounters::resumed_handshakes));
  for (std::size_t i = 0; i < static_cast<std::size_t>(proxy::EndReason::kCount); ++i) {
    const auto reason = static_cast<proxy::EndReason>(i);
    add_metric(
        metrics, "weft_connection_ends_total", "proxied connections that ended, by reason",
        static_cast<double>(sum(
            workers, [&](const WorkerUnit& u) { return u.proxy->counters().ends.value(reason); })),
        {{"reason", std::string(proxy::to_name(reason))}});
  }
  for (std::size_t i = 1; i < mesh::kRefusalCount; ++i) {
    add_metric(
        metrics, "weft_connection_refusals_total",
        "connections that the configuration refused, by why",
        static_cast<double>(sum(
            workers, [&](const WorkerUnit& u) { return u.proxy->counters().refusals[i].value(); })),
        {{"refusal", std::string(mesh::to_name(static_cast<mesh::Refusal>(i)))}});
  }
  for (std::size_t i = 1; i < crypto::kTlsFailureCount; ++i) {
    add_metric(metrics, "weft_tls_failures_total", "TLS connections that failed, by why",
               static_cast<double>(sum(workers,
                                       [&](const WorkerUnit& u) {
                                         return u.proxy->counters().tls_failures[i].value();
                                       })),
               {{"failure", std::string(to_string(static_cast<crypto::TlsFailure>(i)))}});
  }
  add_metric(metrics, "weft_connections_refused_total", "connections that ended before they reached their server",
             of(&ProxyCounters::refused));
}

void add_worker_metrics(const worker::Worker& worker, std::vector<agent::MetricRecord>* metrics) {
  const worker::WorkerCounters& counters = worker.counters();
  const auto add = [&](const char* name, const char* help, double value) {
    add_metric(metrics, name, help, value, {{"worker", std::to_string(worker.index())}});
  };
  constexpr double kSecond = 1e-9;
  add("weft_worker_turns_total", "times round the loop", static_cast<double>(counters.turns.value()));
  add("weft_worker_sleeps_total", "times it slept", static_cast<double>(counters.sleeps.value()));
  add("weft_worker_busy_seconds_total", "time in turns that found work",
      static_cast<double>(counters.busy_ns.value()) * kSecond);
  add("weft_worker_idle_seconds_total", "time in turns that found none, and asleep",
      static_cast<double>(counters.idle_ns.value()) * kSecond);
  add("weft_worker_frames_received_total", "frames from links",
      static_cast<double>(counters.received.value()));
  add("weft_worker_frames_transmitted_total", "frames that links took",
      static_cast<double>(counters.transmitted.value()));
  add("weft_worker_frames_handed_over_total", "frames given to the worker that owns their flow",
      static_cast<double>(counters.handed_over.value()));
}

}  // namespace

std::vector<agent::ConnectionRecord> NodeIntrospection::connections(const agent::QueryLimits& limits) {
  std::vector<agent::ConnectionRecord> records;
  workers_.ask([&](WorkerUnit& unit, Time now) {
    const std::size_t room = limits.limit - std::min<std::size_t>(limits.limit, records.size());
    for (const auto& record : unit.proxy->connections(now, limits.pod, room)) {
      records.push_back(to_connection(unit.worker->index(), record));
    }
  });
  return records;
}

std::vector<agent::DecisionRecord> NodeIntrospection::decisions(const agent::QueryLimits& limits) {
  std::vector<agent::DecisionRecord> records;
  const auto wanted = [&](InterfaceId pod) { return limits.pod == kNoInterface || limits.pod == pod; };
  using namespace std::chrono;
  const std::int64_t unix_ms = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  workers_.ask([&](WorkerUnit& unit, Time now) {
    for (const auto& record : unit.proxy->decisions().records()) {
      if (wanted(record.pod)) records.push_back(to_decision(record));
    }
    for (const net::BypassRecord& record : unit.stack->bypass_flows().recent()) {
      if (wanted(record.pod)) records.push_back(to_decision(record, now, unix_ms));
    }
  });
  std::stable_sort(records.begin(), records.end(),
                   [](const auto& a, const auto& b) { return a.unix_ms > b.unix_ms; });
  if (records.size() > limits.limit) records.resize(limits.limit);
  return records;
}

std::vector<agent::DropRecord> NodeIntrospection::drops() {
  std::vector<agent::DropRecord> records;
  const Totals totals = gather(workers_);
  for (std::size_t i = 0; i < totals.drops.size(); ++i) {
    const auto reason = static_cast<net::Drop>(i);
    records.push_back({"net", std::string(net::to_string(reason)),
                       std::string(net::sentence_of(reason)), totals.drops[i]});
  }
  net::for_each_counter(totals.tcp, [&](const char* name, const char* text, std::uint64_t value) {
    if (std::string_view(name).starts_with("drop_")) records.push_back({"tcp", name + 5, text, value});
  });
  for (std::size_t i = 0; i < static_cast<std::size_t>(worker::WorkerDrop::kCount); ++i) {
    const auto reason = static_cast<worker::WorkerDrop>(i);
    const auto count = sum(workers_, [&](const WorkerUnit& u) { return u.worker->counters().drops.value(reason); });
    records.push_back({"worker", std::string(to_string(reason)), std::string(to_string(reason)), count});
  }
  const Devices::TapTotals taps = devices_.tap_totals();
  for (std::size_t i = 0; i < taps.drops.size(); ++i) {
    const auto text = std::string(nic::to_string(static_cast<nic::TapDrop>(i)));
    records.push_back({"tap", text, text, taps.drops[i]});
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(nic::PortDrop::kCount); ++i) {
    const auto reason = static_cast<nic::PortDrop>(i);
    std::uint64_t count = 0;
    for (unsigned queue = 0; queue < devices_.uplink().queues(); ++queue) {
      count += devices_.uplink().counters(queue).drops.value(reason);
    }
    records.push_back({"uplink", std::string(to_string(reason)), std::string(to_string(reason)), count});
  }
  return records;
}

std::vector<agent::MetricRecord> NodeIntrospection::metrics() {
  std::vector<agent::MetricRecord> metrics;
  add_proxy_metrics(workers_, &metrics);
  for (const auto& unit : workers_.units()) add_worker_metrics(*unit->worker, &metrics);
  const Totals totals = gather(workers_);
  net::for_each_counter(totals.tcp, [&](const char* name, const char* text, std::uint64_t value) {
    if (std::string_view(name).starts_with("drop_")) return;  // among the drops, with their layer
    add_metric(&metrics, absl::StrCat("weft_tcp_", name, "_total"), text, static_cast<double>(value));
  });
#define WEFT_METRIC(name, text) \
  add_metric(&metrics, "weft_stack_" #name "_total", text, static_cast<double>(totals.stack.name));
  WEFT_STACK_COUNTERS(WEFT_METRIC)
#undef WEFT_METRIC
  const auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
    add_metric(&metrics, name, help, static_cast<double>(value), {}, agent::MetricKind::kGauge);
  };
  gauge("weft_tcp_connections", "TCP connections held, both legs and orphans", totals.connections);
  gauge("weft_tcp_time_wait", "connections in TIME-WAIT", totals.time_wait);
  gauge("weft_tcp_memory_bytes", "TCP's own tables and control blocks", totals.tcp_memory);
  gauge("weft_proxy_memory_bytes", "streams and TLS sessions", totals.proxy_memory);
  gauge("weft_buffers_in_use", "2 KiB packet buffers in use", small_.in_use());
  gauge("weft_header_buffers_in_use", "buffers of headers in use", workers_.headers().in_use());
  gauge("weft_large_buffers_in_use", "large packet buffers in use", large_.in_use());
  return metrics;
}

std::vector<std::pair<std::string, std::string>> NodeIntrospection::status() {
  std::vector<std::pair<std::string, std::string>> rows;
  rows.emplace_back("record cipher", workers_.ciphers().describe());
  const nic::Port& uplink = devices_.uplink();
  rows.emplace_back(
      "uplink",
      absl::StrCat(uplink.driver(), ", ", uplink.queues(), " queues, MAC ",
                   uplink.mac().to_string(), uplink.capabilities().tso ? ", TSO" : "",
                   uplink.has_rss() ? ", RSS" : "", uplink.link_up() ? "" : ", link down"));
  const Totals totals = gather(workers_);
  rows.emplace_back("streams", absl::StrCat(sum(workers_, [](const WorkerUnit& u) {
                      return u.proxy->counters().opened.value() -
                             u.proxy->counters().closed.value();
                    })));
  rows.emplace_back("TCP connections", absl::StrCat(totals.connections, ", in TIME-WAIT ", totals.time_wait));
  rows.emplace_back("buffers", absl::StrCat(small_.in_use(), " of ", small_.size(), ", large ",
                                            large_.in_use(), " of ", large_.size()));
  rows.emplace_back("memory of connections",
                    absl::StrCat(totals.tcp_memory + totals.proxy_memory, " bytes beside buffers"));
  for (const auto& unit : workers_.units()) {
    const worker::WorkerCounters& counters = unit->worker->counters();
    const double busy = static_cast<double>(counters.busy_ns.value());
    const double all = busy + static_cast<double>(counters.idle_ns.value());
    rows.emplace_back(
        absl::StrCat("worker ", unit->worker->index()),
        absl::StrCat(all > 0 ? static_cast<int>(100 * busy / all) : 0, " % busy, ",
                     counters.turns.value(), " turns, ", counters.sleeps.value(), " sleeps"));
  }
  return rows;
}

}  // namespace weft::dataplane
