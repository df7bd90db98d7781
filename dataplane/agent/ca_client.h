// Certificates for the identities of this node's pods: asked for by the node's own token on their behalf, renewed in
// good time, never dropped because a renewal failed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "crypto/credentials.h"
#include "dataplane/agent/backoff.h"
#include "dataplane/agent/bootstrap.h"
#include "dataplane/agent/ca_transport.h"
#include "dataplane/agent/event_loop.h"

namespace weft::agent {

// How an identity stands, for the operator. Times in unix seconds, 0: none.
struct CertificateStatus {
  std::string identity;
  std::shared_ptr<const crypto::Credentials> credentials;  // null: none yet
  std::int64_t next_attempt = 0;                           // renewal, or the next try after a failure
  std::string last_error;                                  // of the last attempt; empty: it succeeded
  std::uint64_t issued = 0, failures = 0;
};

// Lives on the loop's thread.
class CaClient {
 public:
  using Changed = std::function<void(const std::string& identity)>;

  // `changed`: an identity has new credentials, an expired certificate, or a new error.
  CaClient(EventLoop& loop, const CaOptions& options, const MeshOptions& mesh, Random random, Changed changed);
  // Cancels what is under way and waits for it.
  ~CaClient();
  CaClient(const CaClient&) = delete;
  CaClient& operator=(const CaClient&) = delete;

  // The identities to hold from now on: new ones are asked for at once, others are dropped with their keys.
  void want(const std::set<std::string>& identities);

  // Null: none, never had one. An expired one is still returned: peers refuse it.
  std::shared_ptr<const crypto::Credentials> credentials(const std::string& identity) const;
  // The same as PEM, for channels. nullptr: none.
  const crypto::CredentialsPem* pem(const std::string& identity) const;
  // What this identity's pods lack; empty: nothing.
  std::string lacks(const std::string& identity) const;
  std::vector<CertificateStatus> status() const;

 private:
  struct Entry;

  void ask(Entry& entry);
  void answered(const std::string& identity, std::uint64_t request,
                const std::expected<std::vector<std::string>, std::string>& chain);
  std::expected<void, std::string> accept(Entry& entry, const std::vector<std::string>& chain);
  void schedule(Entry& entry, Duration delay);
  void watch_expiry(Entry& entry);
  void drop(Entry& entry);
  Duration renewal_delay(const crypto::Credentials& credentials);

  EventLoop& loop_;
  CaOptions options_;
  MeshOptions mesh_;
  Random random_;
  Changed changed_;
  std::map<std::string, std::unique_ptr<Entry>> entries_;
  std::uint64_t last_request_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what an answer asks that comes late
  CaTransport transport_;
};

}  // namespace weft::agent
