// istio.v1.auth.IstioCertificateService over the signer.
#pragma once

#include <functional>
#include <memory>

#include "controlplane/ca/signer.h"
#include "controlplane/ca/caller.h"

namespace grpc {
class Service;
}

namespace weft::controlplane {

// What happens to requests; main counts it. Called on gRPC's threads.
struct CaEvents {
  std::function<void()> on_request = [] {};
  std::function<void()> on_unauthenticated = [] {};
  std::function<void(CaRefusal)> on_refused = [](CaRefusal) {};
  std::function<void()> on_issued = [] {};
};

// REQUIRES: the signer outlives the service.
std::unique_ptr<grpc::Service> make_ca_service(Authenticate authenticate, Signer& signer, CaEvents events);

}  // namespace weft::controlplane
