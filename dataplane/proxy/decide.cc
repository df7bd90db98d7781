// From a connection to a place: the steps of mesh/decision.h, taken as their inputs arrive.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dataplane/proxy/load_balancer.h"
#include "dataplane/proxy/proxy.h"
#include "dataplane/proxy/tls_settings.h"
#include "mesh/http_inspector.h"

namespace weft::proxy {

namespace {

mesh::HttpInspection inspect_http(const ByteChain& held) {
  if (held.slices() == 1) return mesh::http_inspect(held.front().bytes());
  std::vector<std::uint8_t> flat(std::min(held.size(), kInspectedBytesMax));
  held.copy_to(0, flat);
  return mesh::http_inspect(flat);
}

std::vector<std::string_view> views_of(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

// Does what goes to this port of the pod pass through the pod's configuration?
bool intercepts(const mesh::PodSnapshot& pod, std::uint16_t port) {
  const auto& excluded = pod.excluded_inbound_ports;
  return pod.in_mesh && std::find(excluded.begin(), excluded.end(), port) == excluded.end();
}

}  // namespace

// Is the pod of the present pass ready to be asked? If not, the stream waits, and publish() looks again.
bool Proxy::wait_until_ready(Time now, StreamId id, Stream& stream) {
  const mesh::PodSnapshot* pod = view_ == nullptr ? nullptr : view_->pod_on(stream.pass.pod);
  if (pod != nullptr && pod->ready && pod->config != nullptr) return false;
  if (stream.stage == Stage::kWaiting && !stream.deadline.is_never()) return true;
  stream.stage = Stage::kWaiting;
  table_.set_deadline(id, now + options_.ready_timeout);
  return true;
}

// A waiting stream: answer its SYN, or, if that was done, go on where it stopped.
void Proxy::admit(Time now, StreamId id) {
  Stream& stream = *table_.find(id);
  if (wait_until_ready(now, id, stream)) return;
  table_.set_deadline(id, Time::never());
  stream.stage = Stage::kInspecting;
  if (stream.accepted) return decide(now, id);
  stream.accepted = true;
  tcp().accept_syn(now, stream.client.tcp, stream.pass.pod);
}

Proxy::Chosen Proxy::choose(const Stream& stream) const {
  Chosen chosen;
  chosen.pod = view_ == nullptr ? nullptr : view_->pod_on(stream.pass.pod);
  if (chosen.pod == nullptr || chosen.pod->config == nullptr) {
    chosen.refusal = mesh::Refusal::kNoListener;
    return chosen;
  }
  const auto choice = mesh::choose_listener(*chosen.pod->config, stream.pass.direction, stream.pass_destination);
  chosen.listener = choice.listener;
  chosen.inspection = choice.inspection;
  chosen.refusal = choice.refusal;
  return chosen;
}

// Steps 1 and 2: listener, first bytes, filter chain. Comes back here whenever more bytes or time have come.
void Proxy::decide(Time now, StreamId id) {
  Stream& stream = *table_.find(id);
  stream.stage = Stage::kInspecting;
  Chosen chosen = choose(stream);
  if (chosen.refusal != mesh::Refusal::kNone) {
    return end(now, id, {.reason = EndReason::kConfiguration, .refusal = chosen.refusal});
  }
  stream.listener = chosen.listener->name;
  if (chosen.inspection.any() && stream.first_bytes == nullptr && !look_at_first_bytes(now, id, stream, chosen)) {
    return;
  }
  judge(now, id);
}

// True: what can be known of the first bytes is in stream.first_bytes. False: it waits for more, or has ended.
bool Proxy::look_at_first_bytes(Time now, StreamId id, Stream& stream, const Chosen& chosen) {
  if (stream.inspection == nullptr) {
    stream.inspection = std::make_unique<Inspection>();
    if (chosen.inspection.timeout > Duration()) table_.set_deadline(id, now + chosen.inspection.timeout);
  }
  if (const std::size_t n = tcp().readable(stream.client.tcp); n > 0 && stream.held.size() < kInspectedBytesMax) {
    stream.held.append(tcp().receive(now, stream.client.tcp, std::min(n, kInspectedBytesMax - stream.held.size())));
  }
  auto found = std::make_unique<FirstBytes>();
  bool more = false;
  if (chosen.inspection.tls) {
    using Verdict = tls::ClientHelloPeek::Verdict;
    const Verdict verdict = stream.inspection->hello.look(stream.held);
    if (verdict == Verdict::kMalformed) {
      end(now, id, {.reason = EndReason::kTls, .detail = "from the client: malformed ClientHello"});
      return false;
    }
    more = verdict == Verdict::kNeedMore;
    if (verdict == Verdict::kComplete) {
      found->tls = true;
      found->server_name = stream.inspection->hello.hello().server_name;
      found->application_protocols = stream.inspection->hello.hello().application_protocols;
    }
  }
  if (chosen.inspection.http && !found->tls && !more) {
    const mesh::HttpInspection http = stream.held.empty() ? mesh::HttpInspection::kNeedMore : inspect_http(stream.held);
    more = http == mesh::HttpInspection::kNeedMore;
    if (!mesh::application_protocol(http).empty()) {
      found->application_protocols.emplace_back(mesh::application_protocol(http));
    }
  }
  const bool full = stream.held.size() >= kInspectedBytesMax;
  if (more && !full && !stream.client.peer_closed) {
    if (!stream.inspection->timed_out) return false;
    if (!chosen.inspection.continue_on_timeout) {
      end(now, id, {.reason = EndReason::kFirstBytesTimeout, .refusal = mesh::Refusal::kFirstBytesTimeout});
      return false;
    }
  }
  table_.set_deadline(id, Time::never());
  stream.inspection = nullptr;
  stream.first_bytes = std::move(found);
  return true;
}

void Proxy::start_client_tls(Time now, StreamId id, Stream& stream, const Chosen& chosen) {
  auto credentials = view_->credentials_of(chosen.pod->identity);
  if (credentials == nullptr) return end(now, id, {.reason = EndReason::kNoCredentials});
  crypto::TlsSettings settings = settings_of(*chosen.chain->tls);
  settings.session_tickets = settings.session_tickets && options_.session_tickets;
  stream.client.tls = tls::Session::server(std::move(credentials), settings, tls_, unix_seconds());
  stream.client.tls->on_ciphertext(std::move(stream.held));
  stream.stage = Stage::kHandshaking;
  const Duration timeout = chosen.chain->handshake_timeout > Duration()
                               ? std::min(chosen.chain->handshake_timeout, options_.handshake_timeout)
                               : options_.handshake_timeout;
  table_.set_deadline(id, now + timeout);
  drive_handshake(now, id, Side::kClient);
}

mesh::PolicyChoice Proxy::policy_of(const Stream& stream, const mesh::FilterChain& chain) const {
  const std::string_view uri = stream.peer.uri();
  mesh::PeerFacts facts;
  facts.tls = chain.tls.has_value();
  if (!uri.empty()) facts.uri_sans = {&uri, 1};
  facts.source = stream.pass_source;
  facts.destination = stream.pass_destination;
  if (stream.first_bytes != nullptr) facts.server_name = stream.first_bytes->server_name;
  if (chain.tls) {
    if (const mesh::Refusal refusal = mesh::check_peer(*chain.tls, facts); refusal != mesh::Refusal::kNone) {
      return {refusal, {}};
    }
  }
  return mesh::choose_policy(chain, facts);
}

// Step 2 with everything known, then TLS where the chain wants it, then step 3. The configuration may have changed
// since the first bytes came: each step asks the present one.
void Proxy::judge(Time now, StreamId id) {
  Stream& stream = *table_.find(id);
  Chosen chosen = choose(stream);
  mesh::ChainChoice choice;
  if (chosen.refusal == mesh::Refusal::kNone) {
    static const FirstBytes kUnknown;
    const FirstBytes& first = stream.first_bytes != nullptr ? *stream.first_bytes : kUnknown;
    const auto protocols = views_of(first.application_protocols);
    choice = mesh::choose_chain(*chosen.listener, {stream.pass_source, stream.pass_destination, first.tls,
                                                   first.server_name, protocols});
    chosen.refusal = choice.refusal;
    chosen.chain = choice.chain;
  }
  if (chosen.chain != nullptr) stream.filter_chain = chosen.chain->name;
  if (chosen.refusal != mesh::Refusal::kNone) {
    return end(now, id, {.reason = EndReason::kConfiguration, .refusal = chosen.refusal});
  }
  const bool by_value = stream.local && stream.pass.direction == mesh::Direction::kInbound;
  if (chosen.chain->tls && !by_value && stream.client.tls == nullptr) return start_client_tls(now, id, stream, chosen);
  if (!chosen.chain->tls && stream.client.tls != nullptr) {
    return end(now, id, {.reason = EndReason::kPolicyChanged, .detail = "the filter chain no longer takes TLS"});
  }
  mesh::PolicyChoice policy = policy_of(stream, *chosen.chain);
  if (policy.refusal != mesh::Refusal::kNone) {
    return end(now, id,
               {.reason = EndReason::kPolicy,
                .refusal = policy.refusal,
                .verdict = std::move(policy.verdict)});
  }
  note_allowed(now, id, stream, policy.verdict);
  route(now, id, stream, chosen);
}

// Step 4: the cluster, its host, and whether that host is a pod of this node.
void Proxy::route(Time now, StreamId id, Stream& stream, const Chosen& chosen) {
  const auto choice = mesh::choose_cluster(*chosen.pod->config, *chosen.chain, random_.next());
  stream.cluster = clusters_.find_or_add(stream.pass.pod, choice.cluster_name);
  if (choice.refusal != mesh::Refusal::kNone) {
    return end(now, id, {.reason = EndReason::kConfiguration, .refusal = choice.refusal});
  }
  if (const auto* proxy = std::get_if<mesh::TcpProxy>(&chosen.chain->terminal)) {
    stream.idle_timeout = proxy->idle_timeout;
    if (stream.attempts++ == 0)
      stream.attempts_left = static_cast<std::uint8_t>(std::min(proxy->max_connect_attempts, 255u));
    if (stream.attempts_left > 0) --stream.attempts_left;
  }
  const mesh::Cluster& cluster = *choice.cluster;
  std::uint16_t socket = cluster.original_dst_socket;
  stream.upstream = stream.pass_destination;
  if (cluster.type == mesh::ClusterType::kOriginalDst) {
    if (cluster.original_dst_port) stream.upstream.port = *cluster.original_dst_port;
  } else {
    const bool v6 = stream.destination.address.is_v6();
    const mesh::UpstreamHost* host = choose_host(cluster, clusters_.at(stream.cluster), random_, v6);
    if (host == nullptr || host->needs_hbone) {
      return end(now, id, {.reason = EndReason::kConfiguration,
                           .refusal = host == nullptr ? mesh::Refusal::kNoEndpoints : mesh::Refusal::kNeedsHbone});
    }
    stream.upstream = host->address_for(v6);
    socket = host->transport_socket;
  }
  static const mesh::TransportSocket kRaw = mesh::RawBuffer{};
  const mesh::TransportSocket& dress =
      socket < cluster.transport_sockets.size() ? cluster.transport_sockets[socket] : kRaw;
  if (std::holds_alternative<mesh::InternalUpstream>(dress)) {
    return end(now, id, {.reason = EndReason::kConfiguration, .refusal = mesh::Refusal::kNeedsHbone});
  }
  if (stream.pass.direction == mesh::Direction::kInbound) {
    if (stream.upstream.address.is_loopback()) stream.upstream.address = stream.pass_destination.address;
  } else if (const mesh::PodSnapshot* pod = view_->pod_at(stream.upstream.address);
             pod != nullptr && intercepts(*pod, stream.upstream.port)) {
    if (!count_in(stream, cluster)) return end(now, id, {.reason = EndReason::kConnectionLimit});
    return pass_into(now, id, stream, *pod, dress);
  }
  connect(now, id, stream, cluster, dress);
}

// Both pods are here: the server's configuration is asked as though the client's transport socket had come by wire.
void Proxy::pass_into(Time now, StreamId id, Stream& stream, const mesh::PodSnapshot& pod,
                      const mesh::TransportSocket& socket) {
  stream.local = true;
  stream.server_pod = pod.interface;
  stream.pass = {pod.interface, mesh::Direction::kInbound};
  stream.pass_destination = stream.upstream;
  if (const auto* tls = std::get_if<mesh::UpstreamTls>(&socket)) {
    if (auto refused = check_local_identity(stream)) return end(now, id, std::move(*refused));
    stream.peer = view_->pod_on(stream.client_pod)->identity;
    stream.upstream_peer = pod.identity;
    crypto::PeerCertificate server;
    server.uri_san = pod.identity.uri();
    if (!peer_matches(tls->san_matchers, server)) {
      return end(now, id,
                 {.reason = EndReason::kTls,
                  .detail = absl::StrCat("to the server: ", server.uri_san,
                                         " is not an identity that the cluster expects")});
    }
    stream.first_bytes = std::make_unique<FirstBytes>(FirstBytes{true, tls->sni, tls->alpn});
  } else {
    stream.first_bytes = nullptr;  // the client's real ones, which are in `held` if anyone has looked
  }
  if (wait_until_ready(now, id, stream)) return;
  decide(now, id);
}

// What a handshake would have found out: both certificates exist, are valid now, and are of one trust domain's bundle.
std::optional<Proxy::Ending> Proxy::check_local_identity(const Stream& stream) const {
  const auto client = view_->credentials_of(view_->pod_on(stream.client_pod)->identity);
  const auto server = view_->credentials_of(view_->pod_on(stream.server_pod)->identity);
  if (client == nullptr || server == nullptr) return Ending{.reason = EndReason::kNoCredentials};
  const std::int64_t now = unix_seconds();
  for (const auto& [credentials, whose] : {std::pair{client, "client"}, std::pair{server, "server"}}) {
    if (now >= credentials->not_after()) {
      return Ending{.reason = EndReason::kCertificateExpired, .detail = absl::StrCat("of the ", whose)};
    }
  }
  const auto trusts = [](const crypto::Credentials& who, const crypto::Credentials& whom) {
    return who.trust_bundles().contains(crypto::trust_domain_of(whom.identity()));
  };
  if (!trusts(*client, *server) || !trusts(*server, *client)) {
    return Ending{.reason = EndReason::kTls, .detail = "certificate of another trust domain"};
  }
  return std::nullopt;
}

}  // namespace weft::proxy
