// The xDS streams of this node's mesh pods: one a pod, over one channel a service account, resumed after failures.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/packet.h"
#include "base/random.h"
#include "crypto/credentials.h"
#include "dataplane/agent/backoff.h"
#include "dataplane/agent/bootstrap.h"
#include "dataplane/agent/event_loop.h"
#include "dataplane/agent/in_flight.h"
#include "dataplane/agent/xds_session.h"

namespace grpc {
class Channel;
}

namespace weft::agent {

class XdsStream;

struct XdsPod {
  std::string identity;  // whose certificate authenticates the stream
  std::string node;      // serialized Node
  bool operator==(const XdsPod&) const = default;
};

struct XdsStreamStatus {
  bool connected = false;      // a response has come on this stream
  std::int64_t since = 0;      // unix seconds of the last change of `connected`
  std::string last_error;      // of the last stream that ended; empty: none did
  std::uint64_t connects = 0;  // streams started
};

// Lives on the loop's thread.
class XdsClient {
 public:
  // `changed`: what session() or status() answer for some pod.
  XdsClient(EventLoop& loop, const XdsOptions& options, Random random, std::function<void()> changed);
  ~XdsClient();  // ends all streams and waits for their last callback
  XdsClient(const XdsClient&) = delete;
  XdsClient& operator=(const XdsClient&) = delete;

  // What the identity's channels authenticate with from now on. Streams that are open stay as they are.
  void set_credentials(const std::string& identity, const crypto::CredentialsPem& pem);
  // The pods to serve from now on; identities without credentials are not in it. A pod whose node changed gets a new
  // stream and keeps its resources, a pod whose identity changed starts from nothing.
  void set_pods(const std::map<InterfaceId, XdsPod>& pods);

  // nullptr: no such pod.
  XdsSession* session(InterfaceId pod);
  const XdsStreamStatus* status(InterfaceId pod) const;

 private:
  struct Account;
  struct Pod;

  void start(InterfaceId id, Pod& pod);
  void retry(InterfaceId id, Pod& pod, const std::string& why);
  void received(InterfaceId id, std::uint64_t stream, const DeltaResponse& response);
  void ended(InterfaceId id, std::uint64_t stream, const std::string& why);
  void disconnect(Pod& pod);
  std::shared_ptr<grpc::Channel> channel_of(const std::string& identity, std::string& why);

  EventLoop& loop_;
  XdsOptions options_;
  Random random_;
  std::function<void()> changed_;
  XdsCaches caches_;
  std::map<std::string, Account> accounts_;
  std::map<InterfaceId, std::unique_ptr<Pod>> pods_;
  std::uint64_t last_stream_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what a late callback asks
  InFlight in_flight_;
};

}  // namespace weft::agent
