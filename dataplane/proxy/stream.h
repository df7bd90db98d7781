// One proxied connection: the client's leg, the server's leg, and how far it has come. Ids and values only: nothing in
// it points into a snapshot, so that configuration may change under it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_chain.h"
#include "base/clock.h"
#include "base/ip_address.h"
#include "base/packet.h"
#include "dataplane/net/tcp_types.h"
#include "dataplane/proxy/tls_settings.h"
#include "dataplane/tls/client_hello.h"
#include "dataplane/tls/session.h"
#include "mesh/filter_chain.h"
#include "mesh/identity.h"

namespace weft::proxy {

enum class Side : std::uint8_t { kClient, kServer };
constexpr Side other(Side side) { return side == Side::kClient ? Side::kServer : Side::kClient; }

struct Leg {
  net::ConnectionId tcp;
  std::unique_ptr<tls::Session> tls;  // null: plaintext
  bool established = false;
  bool peer_closed = false;   // its FIN came
  bool read_done = false;     // everything it sent has been passed on, and its end told to the other leg
  bool write_done = false;    // we have told it that no more comes
  bool gone = false;          // kClosed came
};

// How a stream goes through its life. In kWaiting the client's SYN is unanswered.
enum class Stage : std::uint8_t {
  kFree,
  kWaiting,      // for a pod to become ready
  kInspecting,   // for first bytes
  kHandshaking,  // with the client
  kConnecting,   // TCP to the server, and TLS where it is wanted
  kOpen,
  kCount,
};
std::string_view to_string(Stage stage);

// What the first bytes said, or what the client side of a local pair would have said on a wire. Kept while the stream
// lives, to judge it again when the configuration changes.
struct FirstBytes {
  bool tls = false;
  std::string server_name;
  std::vector<std::string> application_protocols;
};

// One pass through a pod's configuration. A connection between two pods of this node makes two: out of the one, into
// the other, with the identity passed as a value.
struct Pass {
  InterfaceId pod = kNoInterface;
  mesh::Direction direction = mesh::Direction::kOutbound;
};

// A stream's part in a cluster's counts: ClusterCounts and ClusterState::active.
struct ClusterShare {
  std::uint32_t cluster = UINT32_MAX;  // index into ClusterStates
  Endpoint host;
  bool pending = false;                // in ClusterCounts::pending too
};

struct Inspection {
  tls::ClientHelloPeek hello;
  bool timed_out = false;
};

struct Stream {
  std::uint32_t generation = 0;
  Stage stage = Stage::kFree;
  bool local = false;             // both pods are on this node
  bool accepted = false;          // the client's SYN was answered
  bool tls_on_wire = false;       // for records, after sessions are gone
  Pass pass;                      // the one that is being decided, or was last
  InterfaceId client_pod = kNoInterface;  // of an outbound or local stream
  InterfaceId server_pod = kNoInterface;  // of an inbound or local stream
  Leg client, server;
  Endpoint source, destination;   // as the client sees them
  Endpoint pass_source, pass_destination;  // as the present pass sees them
  Endpoint upstream;
  mesh::Identity peer;            // the client's identity, as proven to the server's side
  mesh::Identity upstream_peer;   // the server's, as proven to the client's side
  std::uint32_t cluster = UINT32_MAX;  // index into ClusterStates; of the present pass
  std::array<ClusterShare, 2> shares;  // of both passes of a local pair
  std::uint8_t counted = 0;            // how many of them
  std::uint8_t attempts = 0, attempts_left = 0;  // of connecting
  std::unique_ptr<const ExpectedPeer> expects_peer;  // what is left to judge of the server after its handshake
  std::unique_ptr<FirstBytes> first_bytes;
  std::unique_ptr<Inspection> inspection;
  ByteChain held;                 // client's bytes that were inspected and not yet passed on
  std::string listener, filter_chain;  // names, for records
  Time started, deadline = Time::never(), last_active;
  Duration idle_timeout;
  std::uint64_t from_client = 0, from_server = 0;

  Leg& leg(Side side) { return side == Side::kClient ? client : server; }
  const Leg& leg(Side side) const { return side == Side::kClient ? client : server; }
};

// Names a stream outside its table; stale ones are noticed.
struct StreamId {
  std::uint32_t index = UINT32_MAX;
  std::uint32_t generation = 0;
  bool operator==(const StreamId&) const = default;
};

}  // namespace weft::proxy
