#include "controlplane/ca/ca_service.h"

#include <security/v1alpha1/ca.grpc.pb.h>

#include <ctime>

#include "base/log.h"

namespace weft::controlplane {
namespace {

using istio::v1::auth::IstioCertificateRequest;
using istio::v1::auth::IstioCertificateResponse;
using istio::v1::auth::IstioCertificateService;

grpc::StatusCode status_of(CaRefusal refusal) {
  constexpr grpc::StatusCode kCodes[] = {
#define WEFT_CA_REFUSAL(name, status, text) grpc::StatusCode::status,
      WEFT_CA_REFUSALS(WEFT_CA_REFUSAL)
#undef WEFT_CA_REFUSAL
  };
  return kCodes[static_cast<std::size_t>(refusal)];
}

class CaService final : public IstioCertificateService::CallbackService {
 public:
  CaService(Authenticate authenticate, Signer& signer, CaEvents events)
      : authenticate_(std::move(authenticate)), signer_(signer), events_(std::move(events)) {}

  grpc::ServerUnaryReactor* CreateCertificate(grpc::CallbackServerContext* context,
                                              const IstioCertificateRequest* request,
                                              IstioCertificateResponse* response) override {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(create(*context, *request, response));
    return reactor;
  }

 private:
  grpc::Status create(const grpc::ServerContextBase& context, const IstioCertificateRequest& request,
                      IstioCertificateResponse* response) {
    events_.on_request();
    auto caller = authenticate_(context);
    if (!caller || !*caller) {
      events_.on_unauthenticated();
      const std::string why = caller ? "certificates are issued over TLS only" : caller.error();
      log_warning("ca", "caller at " + context.peer() + " refused: " + why);
      return {grpc::StatusCode::UNAUTHENTICATED, why};
    }
    SignRequest wanted{request.csr(), request.validity_duration(), {}};
    const auto& metadata = request.metadata().fields();
    const auto impersonated = metadata.find("ImpersonatedIdentity");
    if (impersonated != metadata.end()) wanted.impersonated_identity = impersonated->second.string_value();
    auto chain = signer_.sign(**caller, wanted, std::time(nullptr));
    if (!chain) return refuse(**caller, chain.error());
    for (std::string& pem : chain->pems) response->add_cert_chain(std::move(pem));
    events_.on_issued();
    log_info("ca", "issued " + chain->identity + " to " + (*caller)->account());
    return grpc::Status::OK;
  }

  grpc::Status refuse(const Caller& caller, const CaError& error) {
    events_.on_refused(error.refusal);
    log_warning("ca", "request of " + caller.account() + " refused: " + error.message);
    return {status_of(error.refusal), error.message};
  }

  Authenticate authenticate_;
  Signer& signer_;
  CaEvents events_;
};

}  // namespace

std::unique_ptr<grpc::Service> make_ca_service(Authenticate authenticate, Signer& signer, CaEvents events) {
  return std::make_unique<CaService>(std::move(authenticate), signer, std::move(events));
}

}  // namespace weft::controlplane
