#include "dataplane/agent/ca_transport.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <chrono>
#include <mutex>
#include <set>

#include "dataplane/agent/control_channel.h"
#include "security/v1alpha1/ca.grpc.pb.h"

namespace weft::agent {
namespace {

namespace istio = ::istio::v1::auth;

constexpr std::chrono::seconds kDeadline{10};

std::string trimmed(std::string text) {
  const char* const blank = " \t\r\n";
  text.erase(text.find_last_not_of(blank) + 1);
  text.erase(0, text.find_first_not_of(blank));
  return text;
}

}  // namespace

struct CaTransport::Call {
  grpc::ClientContext context;
  istio::IstioCertificateRequest request;
  istio::IstioCertificateResponse response;
  Answer answer;
};

// The calls under way, shared with their callbacks.
struct CaTransport::Calls {
  InFlight in_flight;
  std::mutex mutex;
  std::set<Call*> running;  // guarded by mutex
};

struct CaTransport::Connection {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<istio::IstioCertificateService::Stub> stub;
};

CaTransport::CaTransport(const CaOptions& options, const MeshOptions& mesh)
    : options_(options), cluster_id_(mesh.cluster_id), calls_(std::make_shared<Calls>()) {}

CaTransport::~CaTransport() {
  {
    const std::lock_guard lock(calls_->mutex);
    for (Call* call : calls_->running) call->context.TryCancel();
  }
  calls_->in_flight.wait();
}

// A root file that changed means a new channel; calls under way keep the old one.
std::expected<void, std::string> CaTransport::connect() {
  auto roots = read_file(options_.root_ca);
  if (!roots) return std::unexpected("ca.root_ca " + roots.error());
  if (connection_ && *roots == roots_) return {};
  roots_ = std::move(*roots);
  auto channel = make_control_channel({.address = options_.address,
                                       .roots = roots_,
                                       .server_name = options_.server_name,
                                       .private_key = {},
                                       .certificate_chain = {},
                                       .reconnect = options_.backoff_min});
  connection_ = std::make_unique<Connection>();
  connection_->stub = istio::IstioCertificateService::NewStub(channel);
  connection_->channel = std::move(channel);
  return {};
}

void CaTransport::order(const CertificateOrder& order, Answer answer) {
  const auto token = read_file(options_.token_file);
  if (!token) return answer(std::unexpected("ca.token_file " + token.error()));
  if (auto connected = connect(); !connected) return answer(std::unexpected(connected.error()));
  auto call = std::make_shared<Call>();
  call->answer = std::move(answer);
  call->context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  call->context.AddMetadata("authorization", "Bearer " + trimmed(*token));
  call->context.AddMetadata("clusterid", cluster_id_);
  call->request.set_csr(order.csr);
  call->request.set_validity_duration(order.lifetime.ms() / 1000);
  (*call->request.mutable_metadata()->mutable_fields())["ImpersonatedIdentity"].set_string_value(order.identity);
  calls_->in_flight.begin();
  {
    const std::lock_guard lock(calls_->mutex);
    calls_->running.insert(call.get());
  }
  connection_->stub->async()->CreateCertificate(
      &call->context, &call->request, &call->response, [call, calls = calls_](const grpc::Status& status) {
        {
          const std::lock_guard lock(calls->mutex);
          calls->running.erase(call.get());
        }
        if (status.ok()) {
          const auto& chain = call->response.cert_chain();
          call->answer(std::vector<std::string>(chain.begin(), chain.end()));
        } else {
          call->answer(
              std::unexpected("CA: " + status.error_message() + " (code " + std::to_string(status.error_code()) + ")"));
        }
        calls->in_flight.end();
      });
}

}  // namespace weft::agent
