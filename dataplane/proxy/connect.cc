// The server's leg: by which interface, from which address, under which limits, with or without TLS.
#include <algorithm>

#include "dataplane/net/owner.h"
#include "dataplane/proxy/proxy.h"
#include "dataplane/proxy/tls_settings.h"

namespace weft::proxy {

namespace {

// An address of the pod in the family of `like`, the client's own first.
std::optional<IpAddress> address_of(const mesh::PodSnapshot& pod, const IpAddress& own, const IpAddress& like) {
  if (own.is_v6() == like.is_v6()) return own;
  for (const IpAddress& address : pod.addresses) {
    if (address.is_v6() == like.is_v6()) return address;
  }
  return std::nullopt;
}

// An address that we answer for ourselves, where nobody serves TCP.
bool is_appliance(const net::Network& network, const IpAddress& address) {
  if (address == net::gateway_v4() || address == net::gateway_v6()) return true;
  return network.is_own_address(address) && !network.is_node_address(address);
}

}  // namespace

// interface and local address of a connection to stream.upstream; local.port 0: the engine chooses. nullopt: no route.
std::optional<net::FlowKey> Proxy::key_towards(const Stream& stream) const {
  const net::Network& network = stack_.network();
  const IpAddress& to = stream.upstream.address;
  net::FlowKey key;
  key.remote = stream.upstream;
  if (const net::Pod* pod = network.pod_with(to); pod != nullptr) {
    key.interface = pod->interface;
  } else if (network.is_node_address(to) && network.host() != nullptr) {
    key.interface = network.host()->id;
  } else if (const net::Route* route = network.route_to(to); route != nullptr) {
    key.interface = route->interface;
  } else {
    return std::nullopt;
  }
  if (stream.client_pod == kNoInterface) {  // inbound: the server sees the client itself
    key.local = stream.source;
  } else if (stream.client_pod == key.interface) {  // a pod that reaches itself: its kernel drops its own address
    const auto gateway = network.address_on(*network.interface(key.interface), to.is_v6());
    if (!gateway) return std::nullopt;
    key.local = {*gateway, 0};
  } else {
    const auto own = address_of(*view_->pod_on(stream.client_pod), stream.source.address, to);
    if (!own) return std::nullopt;
    key.local = {*own, stream.local ? stream.source.port : std::uint16_t{0}};
  }
  // The client's own port is kept where its flow is ours on the server's side too.
  if (key.local.port != 0 && net::owner_of(key.local, key.remote, options_.workers) != options_.worker) {
    key.local.port = 0;
  }
  return key;
}

void Proxy::connect(Time now, StreamId id, Stream& stream, const mesh::Cluster& cluster,
                    const mesh::TransportSocket& socket) {
  if (is_appliance(stack_.network(), stream.upstream.address)) return end(now, id, {.reason = EndReason::kLoop});
  const auto key = key_towards(stream);
  if (!key) return end(now, id, {.reason = EndReason::kNoRoute});
  if (!count_in(stream, cluster)) return end(now, id, {.reason = EndReason::kConnectionLimit});
  stream.stage = Stage::kConnecting;
  const auto* tls = std::get_if<mesh::UpstreamTls>(&socket);
  if (tls != nullptr && !stream.local && !start_server_tls(now, id, stream, *tls)) return;
  net::ConnectRequest request;
  request.key = *key;
  request.pod = request.account = stream.pass.pod;
  request.interception = stream.pass.direction == mesh::Direction::kOutbound ? net::Interception::kOutbound
                                                                            : net::Interception::kInbound;
  request.connect_timeout = cluster.connect_timeout;
  auto connection = tcp().connect(now, request);
  if (!connection && request.key.local.port != 0) {  // the client's own port is taken on this side: another one
    request.key.local.port = 0;
    connection = tcp().connect(now, request);
  }
  if (!connection) {
    return end(now, id, {.reason = EndReason::kConnectRefusedLocally,
                         .detail = std::string(net::to_string(connection.error()))});
  }
  stream.server.tcp = *connection;
  table_.bind(*connection, id, Side::kServer);
  // Envoy's connect_timeout spans the transport socket's handshake too.
  table_.set_deadline(id, stream.server.tls != nullptr ? now + cluster.connect_timeout : Time::never());
}

bool Proxy::start_server_tls(Time now, StreamId id, Stream& stream, const mesh::UpstreamTls& tls) {
  auto credentials = view_->credentials_of(view_->pod_on(stream.client_pod)->identity);
  if (credentials == nullptr || unix_seconds() >= credentials->not_after()) {
    const bool expired = credentials != nullptr;
    end(now, id, {.reason = expired ? EndReason::kCertificateExpired : EndReason::kNoCredentials});
    return false;
  }
  stream.expects_peer = ExpectedPeer::left_by_handshake(tls);
  crypto::TlsSettings settings = settings_of(tls, stream.upstream);
  if (!options_.session_tickets) settings.resumption_key.clear();
  stream.server.tls = tls::Session::client(std::move(credentials), settings, tls_, unix_seconds());
  return true;
}

// tcp_proxy's max_connect_attempts: the host did not accept, so a host is chosen anew. Two pods of
// one node have only the one host; there the first answer is the answer.
void Proxy::connect_again(Time now, StreamId id) {
  Stream& stream = *table_.find(id);
  count_out(stream);
  release(now, stream.server, true, false);
  stream.server = Leg{};
  if (!stream.local) return judge(now, id);
  end(now, id, {.reason = EndReason::kConnectFailed, .detail = "the pod did not accept"});
}

// Circuit breaker and load balancer: one more connection of the cluster, in the making.
bool Proxy::count_in(Stream& stream, const mesh::Cluster& cluster) {
  ClusterState& state = clusters_.at(stream.cluster);
  ClusterCounts& counts = *state.counts;
  if (counts.connections.fetch_add(1) >= cluster.limits.max_connections) {
    counts.connections.fetch_sub(1);
    return false;
  }
  if (counts.pending.fetch_add(1) >= cluster.limits.max_pending) {
    counts.pending.fetch_sub(1);
    counts.connections.fetch_sub(1);
    return false;
  }
  stream.shares[stream.counted++] = {stream.cluster, stream.upstream, true};
  ++state.streams;
  ++state.active[stream.upstream];
  return true;
}

void Proxy::count_out(Stream& stream) {
  for (; stream.counted > 0; --stream.counted) {
    const ClusterShare& share = stream.shares[stream.counted - 1];
    ClusterState& state = clusters_.at(share.cluster);
    if (share.pending) state.counts->pending.fetch_sub(1);
    state.counts->connections.fetch_sub(1);
    --state.streams;
    if (auto found = state.active.find(share.host); --found->second == 0) state.active.erase(found);
  }
}

// The server is there. From now on bytes flow.
void Proxy::open(Time now, StreamId id) {
  Stream& stream = *table_.find(id);
  for (ClusterShare& share : stream.shares) {
    if (std::exchange(share.pending, false)) clusters_.at(share.cluster).counts->pending.fetch_sub(1);
  }
  stream.stage = Stage::kOpen;
  stream.last_active = now;
  counters_.opened.add();
  table_.set_deadline(id, stream.idle_timeout > Duration() ? now + stream.idle_timeout : Time::never());
  pump(now, id);
}

}  // namespace weft::proxy
