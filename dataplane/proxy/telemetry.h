// A worker's counters of proxied connections and its memory of recent decisions.
#pragma once

#include <array>
#include <cstdint>
#include <deque>

#include "base/counters.h"
#include "crypto/tls_failure.h"
#include "dataplane/proxy/record.h"
#include "mesh/decision.h"

namespace weft::proxy {

// Written by the worker, readable by any thread.
struct ProxyCounters {
  Counter opened;            // streams that reached their server
  Counter closed;            // of those, ended
  Counter refused;           // streams that ended before they reached it
  Counter bytes_sent;        // by clients
  Counter bytes_received;    // by clients
  Counter handshakes;        // TLS handshakes done, either side
  Counter resumed_handshakes;  // of those, resumed by a ticket
  ReasonCounters<EndReason> ends;
  std::array<Counter, mesh::kRefusalCount> refusals;            // of kConfiguration, kPolicy and kPolicyChanged
  std::array<Counter, crypto::kTlsFailureCount> tls_failures;   // of kTls
};

// The last decisions, newest at the back. One thread.
class DecisionLog {
 public:
  explicit DecisionLog(std::size_t kept) : kept_(kept) {}
  void add(ConnectionRecord&& record) {
    records_.push_back(std::move(record));
    if (records_.size() > kept_) records_.pop_front();
  }
  const std::deque<ConnectionRecord>& records() const { return records_; }

 private:
  std::size_t kept_;
  std::deque<ConnectionRecord> records_;
};

}  // namespace weft::proxy
