// istio.v1.auth.IstioCertificateService over the signer.
#pragma once

#include <memory>

#include "controlplane/ca/signer.h"
#include "controlplane/xds/caller.h"
#include "controlplane/xds/metrics.h"

namespace grpc {
class Service;
}

namespace weft::controlplane {

// REQUIRES: signer and metrics outlive the service.
std::unique_ptr<grpc::Service> make_ca_service(Authenticate authenticate, Signer& signer, Metrics& metrics);

}  // namespace weft::controlplane
