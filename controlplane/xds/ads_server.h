// The ADS service: one reactor a stream, worked off by a few threads. A stream that is busy or slow merges what comes
// meanwhile and keeps nobody waiting.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/ca/caller.h"
#include "controlplane/xds/metrics.h"
#include "controlplane/xds/session.h"
#include "controlplane/xds/world.h"

namespace grpc {
class Service;
}

namespace weft::controlplane {

struct AdsOptions {
  Authenticate authenticate;
  Metrics* metrics = nullptr;  // REQUIRES: outlives the server
  unsigned threads = 2;
};

class AdsServer {
 public:
  explicit AdsServer(AdsOptions options);
  ~AdsServer();  // REQUIRES: the gRPC server that served it has shut down

  grpc::Service* service();
  // Makes `world` what every stream answers from. Until the first one streams are refused as unavailable.
  // `changed`: when the change behind it was noticed.
  void publish(std::shared_ptr<const World> world, std::chrono::steady_clock::time_point changed);
  // Ends all streams with UNAVAILABLE; clients reconnect elsewhere or later.
  void end_streams();

  struct StreamInfo {
    std::string proxy;  // empty: not identified yet
    std::uint64_t world = 0;
    std::array<Session::TypeStatus, kXdsTypeCount> types;
  };
  std::vector<StreamInfo> streams() const;

  class Core;

 private:
  std::shared_ptr<Core> core_;
  std::unique_ptr<grpc::Service> service_;
};

}  // namespace weft::controlplane
