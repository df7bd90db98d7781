// The plugin's line to the node's appliance: PodService over its UNIX socket.
#pragma once

#include <memory>
#include <string>

#include "cni/error.h"
#include "cni/request.h"
#include "cni/result.h"

namespace weft::cni {

class Appliance {
 public:
  // Does not connect yet. Every call ends within 30 s; an absent appliance is kTryAgainLater at once.
  explicit Appliance(const std::string& socket);
  ~Appliance();

  // The attachment as it is known under this container and interface. kUnknownContainer: it is not; kInternal: it
  // differs from the request.
  Result<Attachment> check(const Request& request, const std::vector<IpAddress>& addresses);
  Result<Attachment> add(const Request& request, const std::vector<IpAddress>& addresses);
  Result<void> del(const Request& request);
  // (container, interface) of what was collected.
  Result<std::vector<std::pair<std::string, std::string>>> collect(const Request& request);
  Result<void> status();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::cni
