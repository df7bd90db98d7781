// Every way a proxied connection ends, by name: for the log, `weftctl explain`, and the counters.
#pragma once

#include "base/counters.h"

namespace weft::proxy {

// X(enumerator, text). Where a lower room decided (configuration, TLS, TCP) the record's detail holds its own words.
#define WEFT_PROXY_ENDS(X)                                                      \
  X(kOrderly, "orderly")                                                        \
  X(kNotReady, "pod not ready")                                                 \
  X(kPodRemoved, "pod removed")                                                 \
  X(kConfiguration, "refused by configuration")                                 \
  X(kPolicy, "refused by policy")                                               \
  X(kPolicyChanged, "closed: a new configuration denies it")                    \
  X(kFirstBytesTimeout, "no first bytes came in time")                          \
  X(kNoCredentials, "the pod has no certificate")                               \
  X(kCertificateExpired, "certificate expired")                                 \
  X(kTls, "TLS failed")                                                         \
  X(kHandshakeTimeout, "TLS handshake timed out")                               \
  X(kConnectionLimit, "circuit breaker: too many connections")                  \
  X(kNoRoute, "no route to the destination")                                    \
  X(kConnectRefusedLocally, "no connection could be opened")                    \
  X(kConnectFailed, "the destination did not accept")                           \
  X(kClientReset, "reset by the client")                                        \
  X(kServerReset, "reset by the server")                                        \
  X(kLoop, "the destination is the appliance itself")                           \
  X(kIdleTimeout, "idle timeout")

WEFT_REASONS(EndReason, WEFT_PROXY_ENDS)

// The enumerator as a stable metric label: "kNotReady" -> "not_ready".
std::string_view to_name(EndReason reason);

}  // namespace weft::proxy
