// Bytes from one leg to the other. Nothing is read that the other leg has no room for: a slow reader holds its writer
// back by TCP's own window.
#include <algorithm>

#include "dataplane/proxy/proxy.h"

namespace weft::proxy {

// Ciphertext that a session wants sent: handshake, alerts, key updates, sealed records.
void Proxy::flush(Time now, Leg& leg) {
  if (leg.tls == nullptr) return;
  if (ByteChain bytes = leg.tls->take_ciphertext(); !bytes.empty()) tcp().send(now, leg.tcp, std::move(bytes));
}

// The next plaintext from a leg, about `space` bytes of it. False: there is none now.
bool Proxy::read_some(Time now, Stream& stream, Side from, std::size_t space, ByteChain* bytes) {
  Leg& leg = stream.leg(from);
  if (from == Side::kClient && leg.tls == nullptr && !stream.held.empty()) {
    *bytes = std::move(stream.held);
    return true;
  }
  const std::size_t n = std::min(tcp().readable(leg.tcp), space);
  if (leg.tls == nullptr) {
    if (n == 0) return false;
    *bytes = tcp().receive(now, leg.tcp, n);
    return true;
  }
  if (leg.tls->queued_plaintext() == 0) {
    if (n == 0) return false;
    leg.tls->on_ciphertext(tcp().receive(now, leg.tcp, n));
    flush(now, leg);  // an answer to a key update, or an alert
  }
  *bytes = leg.tls->take_plaintext();
  return true;  // perhaps of no bytes: a part of a record, or one that carries none
}

void Proxy::transfer(Time now, Stream& stream, Side from) {
  Leg& source = stream.leg(from);
  Leg& sink = stream.leg(other(from));
  if (source.read_done) return;
  for (;;) {
    const std::size_t space = tcp().send_space(sink.tcp);
    if (space == 0 && !sink.gone) return;  // kWritable brings us back
    ByteChain bytes;
    if (!read_some(now, stream, from, sink.gone ? kInspectedBytesMax : space, &bytes)) break;
    if (bytes.empty()) continue;
    stream.last_active = now;
    (from == Side::kClient ? stream.from_client : stream.from_server) += bytes.size();
    (from == Side::kClient ? counters_.bytes_sent : counters_.bytes_received).add(bytes.size());
    if (sink.tls == nullptr) {
      tcp().send(now, sink.tcp, std::move(bytes));
    } else {
      sink.tls->seal(std::move(bytes));
      flush(now, sink);
    }
  }
  finish(now, stream, from);
}

// Everything that came has been passed on: has its end come too? Then the other leg learns it.
void Proxy::finish(Time now, Stream& stream, Side from) {
  Leg& source = stream.leg(from);
  Leg& sink = stream.leg(other(from));
  if (source.tls != nullptr) {
    if (source.peer_closed && source.tls->state() == tls::Session::State::kOpen) source.tls->on_ciphertext_end();
    if (source.tls->state() != tls::Session::State::kPeerClosed) return;
  } else if (!source.peer_closed) {
    return;
  }
  source.read_done = true;
  if (sink.tls != nullptr) {
    sink.tls->close_notify();
    flush(now, sink);
  }
  tcp().shutdown_send(now, sink.tcp);
  sink.write_done = true;
}

void Proxy::pump(Time now, StreamId id) {
  Stream& stream = *table_.find(id);
  transfer(now, stream, Side::kClient);
  transfer(now, stream, Side::kServer);
  if (stream.server.tls != nullptr) submit_jobs(id, Side::kServer, *stream.server.tls);  // tickets
  for (const Side side : {Side::kClient, Side::kServer}) {
    const Leg& leg = stream.leg(side);
    if (leg.tls == nullptr || leg.tls->state() != tls::Session::State::kFailed) continue;
    flush(now, stream.leg(side));
    Ending ending;
    ending.reason = EndReason::kTls;
    ending.detail = std::string(side == Side::kClient ? "from the client: " : "to the server: ") +
                    std::string(leg.tls->error());
    return end(now, id, std::move(ending));
  }
  if (stream.client.read_done && stream.server.read_done) end(now, id, {.graceful = true});
}

}  // namespace weft::proxy
