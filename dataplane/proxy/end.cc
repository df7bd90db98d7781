// How streams end, what is told of them, and how a new configuration judges those that are open.
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "dataplane/proxy/proxy.h"

namespace weft::proxy {

namespace {

std::string_view direction_of(const Stream& stream) {
  if (stream.local) return "local";
  return stream.client_pod != kNoInterface ? "outbound" : "inbound";
}

std::string tls_of(const Stream& stream) {
  for (const Leg* leg : {&stream.client, &stream.server}) {
    if (leg->tls == nullptr || !leg->tls->is_open()) continue;
    const bool v13 = leg->tls->version() == crypto::TlsVersion::kTls13;
    return absl::StrCat(v13 ? "TLSv1.3 " : "TLSv1.2 ", std::string(leg->tls->cipher_suite()),
                        leg->tls->resumed() ? " resumed" : "");
  }
  return {};
}

std::vector<std::string> texts_of(const std::vector<std::string_view>& views) { return {views.begin(), views.end()}; }

}  // namespace

// Gives a leg's TCP connection up.
void Proxy::release(Time now, Leg& leg, bool accepted, bool graceful) {
  if (!leg.tcp) return;
  if (!accepted) {
    tcp().refuse_syn(now, leg.tcp);
  } else if (graceful) {
    return give_up_gracefully(now, leg);
  } else {
    tcp().abort(now, leg.tcp);
  }
  leg.tcp = {};
}

// What was queued, an alert above all, still arrives; then FIN.
void Proxy::give_up_gracefully(Time now, Leg& leg) {
  flush(now, leg);
  if (leg.tcp) tcp().close(now, leg.tcp);
  leg.tcp = {};
}

void Proxy::count_end(const Stream& stream, const Ending& ending) {
  counters_.ends.add(ending.reason);
  (stream.stage == Stage::kOpen ? counters_.closed : counters_.refused).add();
  if (ending.refusal != mesh::Refusal::kNone) counters_.refusals[static_cast<std::size_t>(ending.refusal)].add();
  if (ending.reason != EndReason::kTls) return;
  for (const Leg* leg : {&stream.client, &stream.server}) {
    if (leg->tls != nullptr && leg->tls->state() == tls::Session::State::kFailed) {
      counters_.tls_failures[static_cast<std::size_t>(leg->tls->failure())].add();
    }
  }
}

void Proxy::end(Time now, StreamId id, Ending&& ending) {
  Stream& stream = *table_.find(id);
  count_end(stream, ending);
  ConnectionRecord record = describe(now, id, stream);
  record.verdict = stream.stage == Stage::kOpen ? "closed" : "refused";
  record.reason = ending.reason;
  record.detail = std::move(ending.detail);
  if (ending.refusal != mesh::Refusal::kNone) {
    record.detail = absl::StrCat(std::string(mesh::to_string(ending.refusal)),
                                 record.detail.empty() ? "" : ": ", record.detail);
  }
  record.policy = ending.verdict.policy;
  record.considered = texts_of(ending.verdict.unmatched_allow);
  if (log_enabled(LogLevel::kInfo)) log_info("access", to_line(record));
  if (ending.reason != EndReason::kOrderly) decisions_.add(std::move(record));
  count_out(stream);
  release(now, stream.client, stream.accepted, ending.graceful);
  release(now, stream.server, true, ending.graceful);
  table_.remove(id);
}

ConnectionRecord Proxy::describe(Time now, StreamId id, const Stream& stream) const {
  ConnectionRecord record;
  record.unix_ms = options_.unix_ms();
  record.id = absl::StrCat(options_.worker, "/", id.index, ".", id.generation);
  record.pod = stream.pass.pod;
  record.direction = direction_of(stream);
  record.source = stream.source;
  record.destination = stream.destination;
  if (stream.stage >= Stage::kConnecting || stream.local) record.upstream = stream.upstream;
  record.listener = stream.listener;
  record.filter_chain = stream.filter_chain;
  if (stream.cluster != UINT32_MAX) record.cluster = clusters_.at(stream.cluster).name;
  record.source_identity = stream.peer.uri();
  record.destination_identity = stream.upstream_peer.uri();
  if (stream.peer && !stream.upstream_peer && view_ != nullptr) {
    if (const auto* pod = view_->pod_on(stream.server_pod)) record.destination_identity = pod->identity.uri();
  }
  if (stream.upstream_peer && !stream.peer && view_ != nullptr) {
    if (const auto* pod = view_->pod_on(stream.client_pod)) record.source_identity = pod->identity.uri();
  }
  record.stage = to_string(stream.stage);
  record.tls = tls_of(stream);
  record.bytes_sent = stream.from_client;
  record.bytes_received = stream.from_server;
  record.age_ms = (now - stream.started).ms();
  return record;
}

// A pass that the configuration allows. For `explain`; what becomes of the connection is another record.
void Proxy::note_allowed(Time now, StreamId id, const Stream& stream, const mesh::RbacVerdict& verdict) {
  ConnectionRecord record = describe(now, id, stream);
  record.verdict = "allowed";
  record.policy = verdict.policy;
  for (const std::string& denied : verdict.shadow_denied) {
    absl::StrAppend(&record.detail, record.detail.empty() ? "dry run would deny: " : ", ", denied);
  }
  decisions_.add(std::move(record));
}

std::size_t Proxy::session_memory(const Stream& stream) const {
  std::size_t sum = stream.held.memory();
  for (const Leg* leg : {&stream.client, &stream.server}) {
    if (leg->tls != nullptr) sum += leg->tls->memory();
  }
  if (stream.first_bytes != nullptr) sum += sizeof(FirstBytes);
  return sum;
}

std::vector<ConnectionRecord> Proxy::connections(Time now, InterfaceId pod, std::size_t limit) {
  std::vector<ConnectionRecord> records;
  table_.for_each([&](StreamId id, const Stream& stream) {
    const bool wanted = pod == kNoInterface || pod == stream.client_pod || pod == stream.server_pod;
    if (!wanted || records.size() >= limit) return;
    records.push_back(describe(now, id, stream));
    records.back().memory = sizeof(Stream) + session_memory(stream) + tcp().info(stream.client.tcp).memory;
    if (stream.server.tcp) records.back().memory += tcp().info(stream.server.tcp).memory;
  });
  return records;
}

std::size_t Proxy::memory() {
  std::size_t sum = table_.memory();
  table_.for_each([&](StreamId, const Stream& stream) { sum += session_memory(stream); });
  return sum;
}

bool Proxy::configuration_changed(const NodeView* before, InterfaceId pod) const {
  const mesh::PodSnapshot* old_pod = before == nullptr ? nullptr : before->pod_on(pod);
  const mesh::PodSnapshot* new_pod = view_->pod_on(pod);
  return old_pod == nullptr || new_pod == nullptr || old_pod->config != new_pod->config;
}

// Would the server's configuration let this connection in today? A change of route, endpoints or certificate closes
// nothing: only the pass into the server's pod is judged again (design: ztunnel's rule, not Envoy's draining).
void Proxy::rejudge(Time now, StreamId id, Stream& stream) {
  Ending ending{.reason = EndReason::kPolicyChanged};
  Chosen chosen = choose(stream);
  ending.refusal = chosen.refusal;
  if (chosen.refusal == mesh::Refusal::kNone) {
    static const FirstBytes kUnknown;
    const FirstBytes& first = stream.first_bytes != nullptr ? *stream.first_bytes : kUnknown;
    const std::vector<std::string_view> protocols(first.application_protocols.begin(),
                                                  first.application_protocols.end());
    const auto choice = mesh::choose_chain(
        *chosen.listener,
        {stream.pass_source, stream.pass_destination, first.tls, first.server_name, protocols});
    ending.refusal = choice.refusal;
    if (choice.refusal == mesh::Refusal::kNone) {
      mesh::PolicyChoice policy = policy_of(stream, *choice.chain);
      ending.refusal = policy.refusal;
      ending.verdict = std::move(policy.verdict);
    }
  }
  if (ending.refusal != mesh::Refusal::kNone) end(now, id, std::move(ending));
}

void Proxy::publish(Time now, std::shared_ptr<const NodeView> view) {
  const std::shared_ptr<const NodeView> before = std::exchange(view_, std::move(view));
  table_.for_each([&](StreamId id, Stream& stream) {
    for (const InterfaceId pod : {stream.client_pod, stream.server_pod}) {
      if (pod != kNoInterface && view_->pod_on(pod) == nullptr &&
          (before == nullptr || before->pod_on(pod) != nullptr)) {
        return end(now, id, {.reason = EndReason::kPodRemoved});
      }
    }
    if (stream.stage == Stage::kWaiting) return admit(now, id);
    // Bytes that it waits for may not be wanted any more.
    if (stream.stage == Stage::kInspecting && stream.client.established &&
        configuration_changed(before.get(), stream.pass.pod)) {
      return decide(now, id);
    }
    const bool decided = stream.stage == Stage::kConnecting || stream.stage == Stage::kOpen;
    if (decided && stream.server_pod != kNoInterface && configuration_changed(before.get(), stream.server_pod)) {
      rejudge(now, id, stream);
    }
  });
  if (before == nullptr) return;
  for (const mesh::PodSnapshot& pod : before->node().pods) {
    if (view_->pod_on(pod.interface) != nullptr) continue;
    tcp().abort_all_of(now, pod.interface);  // orphans and TIME-WAIT too: the next pod with its address starts clean
    clusters_.forget(pod.interface);
  }
}

}  // namespace weft::proxy
