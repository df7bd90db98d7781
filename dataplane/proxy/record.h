// What is told of a connection: to the log when it ends, to `weftctl explain` when it was decided, to
// `weftctl connections` while it lives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/packet.h"
#include "dataplane/proxy/end_reason.h"

namespace weft::proxy {

struct ConnectionRecord {
  std::int64_t unix_ms = 0;
  std::string id;                         // "worker/index.generation"
  InterfaceId pod = kNoInterface;         // whose configuration decided
  std::string direction;                  // "outbound", "inbound", "local"
  Endpoint source, destination, upstream; // upstream.port 0: none
  std::string source_identity, destination_identity;
  std::string listener, filter_chain, cluster;
  std::string verdict;                    // "allowed", "refused", "waiting", "closed"
  EndReason reason = EndReason::kOrderly; // of "refused" and "closed"
  std::string detail;                     // the words of who decided
  std::string policy;                     // DENY or ALLOW policy and rule
  std::vector<std::string> considered;    // ALLOW policies that apply and did not match
  std::string stage;                      // of a living one
  std::string tls;                        // "TLSv1.3 TLS_AES_128_GCM_SHA256", " resumed"; empty: plaintext on the wire
  std::uint64_t bytes_sent = 0, bytes_received = 0;  // by and to the client
  std::uint64_t memory = 0;
  std::int64_t age_ms = 0;
};

// "10.0.0.1:5 -> 10.96.0.1:80 outbound ... refused by policy: ..." for the log.
std::string to_line(const ConnectionRecord& record);

}  // namespace weft::proxy
