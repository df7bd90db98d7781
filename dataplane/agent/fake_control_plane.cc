#include "dataplane/agent/fake_control_plane.h"

#include <grpcpp/server_builder.h>

#include <chrono>
#include <ctime>
#include <stdexcept>

namespace weft::agent {
namespace {

namespace discovery = envoy::service::discovery::v3;
namespace istio = ::istio::v1::auth;

template <typename T>
T must(std::expected<T, std::string> value) {
  if (!value) throw std::runtime_error(value.error());
  return std::move(*value);
}

std::int64_t now() { return static_cast<std::int64_t>(std::time(nullptr)); }

}  // namespace

struct FakeControlPlane::Stream {
  grpc::ServerReaderWriter<Response, Request>* io = nullptr;
  grpc::ServerContext* context = nullptr;
  std::map<std::string, std::map<std::string, bool>> subscribed;   // type URL -> names ("*")
  std::map<std::string, std::map<std::string, std::string>> sent;  // type URL -> name -> version
};

class FakeControlPlane::Ca final : public istio::IstioCertificateService::Service {
 public:
  explicit Ca(FakeControlPlane& owner) : owner_(owner) {}

  grpc::Status CreateCertificate(grpc::ServerContext* context, const istio::IstioCertificateRequest* in,
                                 istio::IstioCertificateResponse* out) override {
    const std::lock_guard lock(owner_.mutex_);
    const auto& metadata = context->client_metadata();
    const auto bearer = metadata.find("authorization");
    std::string identity = in->metadata().fields().at("ImpersonatedIdentity").string_value();
    owner_.orders_.push_back(
        {bearer == metadata.end() ? "" : std::string(bearer->second.data(), bearer->second.size()), identity});
    if (!owner_.refusal_.empty()) return {grpc::StatusCode::UNAUTHENTICATED, owner_.refusal_};
    if (!owner_.sign_for_.empty()) identity = owner_.sign_for_;
    const auto request = crypto::CertificateRequest::from_pem(in->csr());
    if (!request) return {grpc::StatusCode::INVALID_ARGUMENT, request.error()};
    crypto::LeafTemplate leaf{};
    leaf.uri_sans = {identity};
    leaf.not_before = now() - 120;
    leaf.not_after = now() + owner_.lifetime_;
    const auto signed_leaf = crypto::sign_certificate(owner_.root_, owner_.root_key_, request->public_key(), leaf);
    if (!signed_leaf) return {grpc::StatusCode::INTERNAL, signed_leaf.error()};
    out->add_cert_chain(signed_leaf->pem());
    out->add_cert_chain(owner_.root_pem_);
    return grpc::Status::OK;
  }

 private:
  FakeControlPlane& owner_;
};

class FakeControlPlane::Ads final : public discovery::AggregatedDiscoveryService::Service {
 public:
  explicit Ads(FakeControlPlane& owner) : owner_(owner) {}

  grpc::Status DeltaAggregatedResources(grpc::ServerContext* context,
                                        grpc::ServerReaderWriter<Response, Request>* io) override {
    Stream stream;
    stream.io = io;
    stream.context = context;
    std::string peer;
    for (const auto& name : context->auth_context()->FindPropertyValues("peer_spiffe_id")) {
      peer = std::string(name.data(), name.size());
    }
    {
      const std::lock_guard lock(owner_.mutex_);
      owner_.streams_.push_back(&stream);
    }
    Request request;
    while (io->Read(&request)) {
      const std::lock_guard lock(owner_.mutex_);
      owner_.requests_.push_back({peer, request});
      owner_.changed_.notify_all();
      answer(stream, request);
    }
    const std::lock_guard lock(owner_.mutex_);
    std::erase(owner_.streams_, &stream);
    return grpc::Status::OK;
  }

 private:
  void answer(Stream& stream, const Request& request) {
    auto& names = stream.subscribed[request.type_url()];
    for (const auto& name : request.resource_names_subscribe()) names[name] = true;
    for (const auto& name : request.resource_names_unsubscribe()) names.erase(name);
    for (const auto& [name, version] : request.initial_resource_versions()) {
      stream.sent[request.type_url()][name] = version;
    }
    if (request.response_nonce().empty()) owner_.push(stream, request.type_url());
  }
  FakeControlPlane& owner_;
};

FakeControlPlane::FakeControlPlane()
    : root_key_(must(crypto::PrivateKey::generate_p256())),
      root_(must(crypto::self_signed_root(root_key_, {"fake", now() - 3600, now() + 100'000}))),
      root_pem_(root_.pem()),
      ca_(std::make_unique<Ca>(*this)),
      ads_(std::make_unique<Ads>(*this)) {
  start();
}

FakeControlPlane::~FakeControlPlane() { stop(); }

void FakeControlPlane::start() {
  const auto key = must(crypto::PrivateKey::generate_p256());
  crypto::LeafTemplate leaf{};
  leaf.dns_sans = {"istiod.istio-system.svc"};
  leaf.not_before = now() - 60;
  leaf.not_after = now() + 90'000;
  const auto certificate = must(crypto::sign_certificate(root_, root_key_, key.public_key(), leaf));
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = root_pem_;
  tls.pem_key_cert_pairs.push_back({key.pem(), certificate.pem()});
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port_), grpc::SslServerCredentials(tls), &port_);
  builder.RegisterService(ca_.get());
  builder.RegisterService(ads_.get());
  server_ = builder.BuildAndStart();
  if (!server_) throw std::runtime_error("fake control plane: cannot listen");
}

void FakeControlPlane::stop() {
  if (server_) server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

void FakeControlPlane::refuse(std::string refusal) {
  const std::lock_guard lock(mutex_);
  refusal_ = std::move(refusal);
}

void FakeControlPlane::set_lifetime(std::int64_t seconds) {
  const std::lock_guard lock(mutex_);
  lifetime_ = seconds;
}

void FakeControlPlane::sign_for(std::string identity) {
  const std::lock_guard lock(mutex_);
  sign_for_ = std::move(identity);
}

std::vector<FakeControlPlane::Order> FakeControlPlane::orders() {
  const std::lock_guard lock(mutex_);
  return orders_;
}

void FakeControlPlane::push(Stream& stream, const std::string& type_url) {
  const auto& names = stream.subscribed[type_url];
  const bool all = names.contains("*");
  auto& sent = stream.sent[type_url];
  Response response;
  response.set_type_url(type_url);
  response.set_nonce("nonce-" + std::to_string(++version_));
  response.set_system_version_info(std::to_string(version_));
  for (const auto& [name, resource] : resources_[type_url]) {
    if ((!all && !names.contains(name)) || sent[name] == resource.version) continue;
    sent[name] = resource.version;
    auto& out = *response.add_resources();
    out.set_name(name);
    out.set_version(resource.version);
    *out.mutable_resource() = resource.any;
  }
  std::erase_if(sent, [&](const auto& item) {
    if (resources_[type_url].contains(item.first)) return false;
    response.add_removed_resources(item.first);
    return true;
  });
  stream.io->Write(response);
}

void FakeControlPlane::set(const std::string& name, const google::protobuf::Message& resource) {
  const std::lock_guard lock(mutex_);
  google::protobuf::Any any;
  any.PackFrom(resource);
  resources_[any.type_url()][name] = {std::to_string(++version_), any};
  for (Stream* stream : streams_) {
    if (stream->subscribed.contains(any.type_url())) push(*stream, any.type_url());
  }
}

void FakeControlPlane::remove(const std::string& type_url, const std::string& name) {
  const std::lock_guard lock(mutex_);
  resources_[type_url].erase(name);
  for (Stream* stream : streams_) {
    if (stream->subscribed.contains(type_url)) push(*stream, type_url);
  }
}

std::vector<FakeControlPlane::Received> FakeControlPlane::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::optional<FakeControlPlane::Received> FakeControlPlane::wait_for(const std::function<bool(const Received&)>& test) {
  std::unique_lock lock(mutex_);
  std::optional<Received> found;
  changed_.wait_for(lock, std::chrono::seconds(10), [&] {
    for (const Received& received : requests_) {
      if (test(received)) found = received;
    }
    return found.has_value();
  });
  return found;
}

void FakeControlPlane::forget_requests() {
  const std::lock_guard lock(mutex_);
  requests_.clear();
}

}  // namespace weft::agent
