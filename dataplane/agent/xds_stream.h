// One delta ADS stream over gRPC, asynchronously: neither thread nor lock of the user is held.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/agent/in_flight.h"
#include "dataplane/agent/xds_session.h"

namespace grpc {
class Channel;
}

namespace weft::agent {

class XdsStream {
 public:
  struct Handlers {
    // From threads of gRPC, one call at a time. After a response, no further one until next() is called.
    std::function<void(const std::shared_ptr<DeltaResponse>&)> received;
    std::function<void(std::string why)> ended;  // the last call
  };
  // `in_flight` counts this stream until `ended` has been called.
  static std::unique_ptr<XdsStream> start(const std::shared_ptr<grpc::Channel>& channel, Handlers handlers,
                                          InFlight& in_flight);
  ~XdsStream();  // cancels; handlers may still be called once

  void send(const DeltaRequest& request);
  void next();

 private:
  class Reactor;
  explicit XdsStream(Reactor* reactor) : reactor_(reactor) {}
  Reactor* reactor_;  // lives until it has ended and this is gone
};

}  // namespace weft::agent
