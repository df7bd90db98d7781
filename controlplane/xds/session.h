// The server's side of one ADS stream, delta or state of the world, without any I/O: requests and worlds in, responses
// out. istiod's rules of nonce, subscription and order. One stream's thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controlplane/xds/proxy.h"
#include "controlplane/xds/resource.h"
#include "controlplane/xds/world.h"

namespace envoy::service::discovery::v3 {
class DeltaDiscoveryRequest;
class DeltaDiscoveryResponse;
class DiscoveryRequest;
class DiscoveryResponse;
}  // namespace envoy::service::discovery::v3

namespace weft::controlplane {

enum class StreamErrorCode : std::uint8_t { kInvalidArgument, kPermissionDenied };
struct StreamError {
  StreamErrorCode code;
  std::string message;
};

// What happens on streams; the server counts it.
struct SessionEvents {
  std::function<void(XdsType)> on_push = [](XdsType) {};
  std::function<void(XdsType, std::string_view message)> on_reject = [](XdsType, std::string_view) {};
  std::function<void()> on_stale_nonce = [] {};
};

// Which proxy a stream may speak for. nullopt: all is well.
using ProxyCheck = std::function<std::optional<StreamError>(const Proxy&)>;

// What both protocols share: the proxy, its view, and when each type last went out.
class Session {
 public:
  Session(std::shared_ptr<const World> world, ProxyCheck check, SessionEvents events);
  virtual ~Session() = default;

  const Proxy* proxy() const { return view_ ? &view_->proxy() : nullptr; }
  std::uint64_t world_version() const { return world_->version(); }
  // A newer world; what it changed waits for poll_response().
  void on_world(std::shared_ptr<const World> world);

  struct TypeStatus {
    bool watched = false;
    std::string sent_nonce, acked_nonce;
    std::string error;  // the last NACK's; empty: accepted
  };
  const TypeStatus& status(XdsType type) const { return statuses_[static_cast<std::size_t>(type)]; }

 protected:
  using Names = std::array<std::set<std::string>, kXdsTypeCount>;

  virtual void mark(XdsType type, const std::set<std::string>& names) = 0;
  // The first request must say who asks.
  std::optional<StreamError> identify(const envoy::config::core::v3::Node* node);
  std::string next_nonce(XdsType type);
  std::string system_version() const;
  // False: an answer to something older than what was sent last.
  bool note_answer(XdsType type, const std::string& nonce, const std::string* error);
  TypeStatus& status_of(XdsType type) { return statuses_[static_cast<std::size_t>(type)]; }

  std::optional<ProxyView> view_;
  SessionEvents events_;

 private:
  std::shared_ptr<const World> world_;
  ProxyCheck check_;
  std::array<TypeStatus, kXdsTypeCount> statuses_;
  std::uint64_t nonces_ = 0;
};

class DeltaSession : public Session {
 public:
  using Request = envoy::service::discovery::v3::DeltaDiscoveryRequest;
  using Response = envoy::service::discovery::v3::DeltaDiscoveryResponse;

  using Session::Session;
  // An error ends the stream.
  std::optional<StreamError> on_request(const Request& request);
  // The next response in the order of a push; false: nothing to say now. At most about 1 MB of resources at a time.
  bool poll_response(Response* out);

 private:
  struct Watch {
    bool wildcard = false;
    bool answer = false;                       // answer even if there is nothing to send
    std::set<std::string> names;               // subscribed by name
    std::unordered_map<std::string, std::string> sent;  // versions the client has; "": it knows there is none
    std::set<std::string> due;                 // to be compared
  };
  void mark(XdsType type, const std::set<std::string>& names) override;
  void subscribe_first(XdsType type, Watch& watch, const Request& request);
  void subscribe(XdsType type, Watch& watch, const Request& request);
  void start_wildcard(XdsType type, Watch& watch);
  void drop(Watch& watch, const std::string& name);
  bool respond(XdsType type, Watch& watch, Response* out);
  void resend_endpoints(const std::string& cluster);

  std::array<Watch, kXdsTypeCount> watches_;
};

class SotwSession : public Session {
 public:
  using Request = envoy::service::discovery::v3::DiscoveryRequest;
  using Response = envoy::service::discovery::v3::DiscoveryResponse;

  using Session::Session;
  std::optional<StreamError> on_request(const Request& request);
  bool poll_response(Response* out);

 private:
  struct Watch {
    bool due = false;
    std::set<std::string> names;  // not for wildcard types
    std::set<std::string> only;   // endpoints: these alone; empty: all
  };
  void mark(XdsType type, const std::set<std::string>& names) override;
  void respond(XdsType type, Watch& watch, Response* out);

  std::array<Watch, kXdsTypeCount> watches_;
};

}  // namespace weft::controlplane
