// What TCP, the handshake threads and the clock say, and which step it means for the stream.
#include "dataplane/proxy/proxy.h"
#include "dataplane/proxy/tls_settings.h"

namespace weft::proxy {

namespace {

// A session's name on the handshake threads: generation (31 bits, see StreamTable), slot, side.
std::uint64_t session_name(StreamId id, Side side) {
  return std::uint64_t{id.generation} << 33 | std::uint64_t{id.index} << 1 | (side == Side::kServer ? 1u : 0u);
}

StreamId stream_of(std::uint64_t name) {
  return {static_cast<std::uint32_t>(name >> 1), static_cast<std::uint32_t>(name >> 33)};
}

Side side_of(std::uint64_t name) { return (name & 1) != 0 ? Side::kServer : Side::kClient; }

}  // namespace

Proxy::Proxy(const ProxyOptions& options, net::Stack& stack, const tls::SessionContext& tls,
             tls::HandshakeExecutor& handshakes, ClusterRegistry& clusters, Random random)
    : options_(options), stack_(stack), tls_(tls), handshakes_(handshakes), clusters_(clusters), random_(random),
      decisions_(options.decisions_kept) {}

Proxy::~Proxy() = default;

bool Proxy::run(Time now) {
  bool worked = false;
  for (tls::HandshakeResult result; handshakes_.poll(&result); worked = true) {
    on_handshake_result(now, std::move(result));
  }
  for (net::TcpEvent event; tcp().poll_event(&event); worked = true) on_event(now, event);
  while (auto due = table_.pop_due(now)) {
    on_deadline(now, *due);
    worked = true;
  }
  return worked;
}

Time Proxy::deadline() { return table_.deadline(); }

void Proxy::on_event(Time now, const net::TcpEvent& event) {
  if (event.kind == net::TcpEventKind::kSyn) return on_syn(now, event.id);
  const auto owner = table_.owner(event.id);
  if (!owner) return;  // of a stream that has ended in this turn
  switch (event.kind) {
    case net::TcpEventKind::kEstablished: return on_established(now, owner->stream, owner->side);
    case net::TcpEventKind::kPeerClosed:
      table_.find(owner->stream)->leg(owner->side).peer_closed = true;
      return on_bytes(now, owner->stream, owner->side);
    case net::TcpEventKind::kReadable:
    case net::TcpEventKind::kWritable: return on_bytes(now, owner->stream, owner->side);
    case net::TcpEventKind::kClosed: return on_closed(now, owner->stream, owner->side, event.reason);
    case net::TcpEventKind::kSyn: return;
  }
}

void Proxy::on_syn(Time now, net::ConnectionId connection) {
  const StreamId id = table_.add();
  Stream& stream = *table_.find(id);
  const net::FlowKey& key = tcp().key(connection);
  stream.client.tcp = connection;
  stream.source = stream.pass_source = key.remote;
  stream.destination = stream.pass_destination = key.local;
  stream.started = stream.last_active = now;
  const bool outbound = tcp().interception(connection) == net::Interception::kOutbound;
  stream.pass = {tcp().pod(connection), outbound ? mesh::Direction::kOutbound : mesh::Direction::kInbound};
  (outbound ? stream.client_pod : stream.server_pod) = stream.pass.pod;
  table_.bind(connection, id, Side::kClient);
  admit(now, id);
}

void Proxy::on_established(Time now, StreamId id, Side side) {
  Stream& stream = *table_.find(id);
  stream.leg(side).established = true;
  if (side == Side::kClient) return decide(now, id);
  if (stream.server.tls == nullptr) return open(now, id);
  drive_handshake(now, id, Side::kServer);
}

void Proxy::on_closed(Time now, StreamId id, Side side, net::CloseReason reason) {
  Stream& stream = *table_.find(id);
  stream.leg(side).gone = true;
  if (side == Side::kServer && stream.stage == Stage::kConnecting && stream.attempts_left > 0) {
    return connect_again(now, id);
  }
  if (stream.stage == Stage::kOpen && reason == net::CloseReason::kOrderly) return pump(now, id);
  Ending ending;
  ending.detail = net::to_string(reason);
  if (side == Side::kClient) {
    ending.reason = EndReason::kClientReset;
  } else {
    ending.reason = stream.stage == Stage::kOpen ? EndReason::kServerReset : EndReason::kConnectFailed;
  }
  end(now, id, std::move(ending));
}

// Bytes came, room came, or the peer's end came.
void Proxy::on_bytes(Time now, StreamId id, Side side) {
  const Stream& stream = *table_.find(id);
  switch (stream.stage) {
    case Stage::kInspecting:
      if (side == Side::kClient) decide(now, id);
      return;
    case Stage::kHandshaking: return drive_handshake(now, id, side);
    case Stage::kConnecting:
      if (side == Side::kServer && stream.server.tls != nullptr && stream.server.established) {
        drive_handshake(now, id, side);
      }
      return;
    case Stage::kOpen: return pump(now, id);
    case Stage::kWaiting:
    case Stage::kFree:
    case Stage::kCount: return;
  }
}

void Proxy::on_deadline(Time now, StreamId id) {
  Stream& stream = *table_.find(id);
  Ending ending;
  switch (stream.stage) {
    case Stage::kWaiting: {
      ending.reason = EndReason::kNotReady;
      const mesh::PodSnapshot* pod = view_ == nullptr ? nullptr : view_->pod_on(stream.pass.pod);
      if (pod != nullptr) {
        for (const std::string& lack : pod->lacks) ending.detail += (ending.detail.empty() ? "lacks " : ", ") + lack;
      }
      break;
    }
    case Stage::kInspecting:
      stream.inspection->timed_out = true;
      return decide(now, id);
    case Stage::kHandshaking: ending.reason = EndReason::kHandshakeTimeout; break;
    case Stage::kConnecting:
      ending.reason = EndReason::kConnectFailed;
      ending.detail = stream.server.established ? "TLS handshake timed out" : "connect timed out";
      break;
    case Stage::kOpen:
      if (stream.last_active + stream.idle_timeout > now) {
        return table_.set_deadline(id, stream.last_active + stream.idle_timeout);
      }
      ending.reason = EndReason::kIdleTimeout;
      break;
    case Stage::kFree:
    case Stage::kCount: return;
  }
  end(now, id, std::move(ending));
}

void Proxy::on_handshake_result(Time now, tls::HandshakeResult&& result) {
  const StreamId id = stream_of(result.session);
  const Side side = side_of(result.session);
  Stream* stream = table_.find(id);
  if (stream == nullptr || stream->leg(side).tls == nullptr) return;  // it ended meanwhile
  tls::Session& session = *stream->leg(side).tls;
  const bool tickets = session.handshake_done();
  session.on_handshake_result(std::move(result));
  if (tickets) return;
  drive_handshake(now, id, side);
}

void Proxy::submit_jobs(StreamId id, Side side, tls::Session& session) {
  for (tls::HandshakeJob job; session.poll_handshake_job(&job); job = {}) {
    job.session = session_name(id, side);
    handshakes_.submit(std::move(job));
  }
}

// Feeds a handshake with what came, sends what it answers, and goes on when it is done. Both sides.
void Proxy::drive_handshake(Time now, StreamId id, Side side) {
  Stream& stream = *table_.find(id);
  Leg& leg = stream.leg(side);
  if (leg.tls == nullptr) return;
  if (const std::size_t n = tcp().readable(leg.tcp); n > 0 && leg.tls->queued_ciphertext() < kInspectedBytesMax) {
    leg.tls->on_ciphertext(tcp().receive(now, leg.tcp, n));
  }
  if (leg.peer_closed && tcp().readable(leg.tcp) == 0) leg.tls->on_ciphertext_end();
  submit_jobs(id, side, *leg.tls);
  flush(now, leg);
  if (leg.tls->state() == tls::Session::State::kFailed) {
    Ending ending;
    ending.reason = EndReason::kTls;
    ending.detail = std::string(side == Side::kClient ? "from the client: " : "to the server: ") +
                    std::string(leg.tls->error());
    give_up_gracefully(now, leg);
    return end(now, id, std::move(ending));
  }
  if (!leg.tls->is_open()) return;
  counters_.handshakes.add();
  if (leg.tls->resumed()) counters_.resumed_handshakes.add();
  stream.tls_on_wire = true;
  const mesh::Identity peer = mesh::Identity::intern(leg.tls->peer().uri_san);
  (side == Side::kClient ? stream.peer : stream.upstream_peer) = peer;
  if (side == Side::kClient) return judge(now, id);
  if (!stream.expects_peer || stream.expects_peer->matches(leg.tls->peer())) return open(now, id);
  end(now, id,
      {.reason = EndReason::kTls,
       .detail = "to the server: " + leg.tls->peer().uri_san +
                 " is not an identity that the cluster expects"});
}

}  // namespace weft::proxy
