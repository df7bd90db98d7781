#include "controlplane/server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <condition_variable>
#include <ctime>
#include <mutex>
#include <thread>

#include "base/get_server.h"
#include "base/log.h"
#include "controlplane/ca/authenticator.h"
#include "controlplane/ca/ca_service.h"
#include "controlplane/ca/files.h"
#include "controlplane/config/source_files.h"
#include "controlplane/registry/registry.h"
#include "controlplane/serving_certificate.h"
#include "controlplane/status_pages.h"
#include "controlplane/xds/ads_server.h"
#include "controlplane/xds/pusher.h"
#include "crypto/service_account_token.h"

namespace weft::controlplane {
namespace {

std::int64_t unix_now() { return std::time(nullptr); }

CertificateLifetimes lifetimes_of(const Bootstrap& bootstrap) {
  return {bootstrap.ca.workload_ttl.ms() / 1000, bootstrap.ca.max_workload_ttl.ms() / 1000};
}

// Clients verify the control plane; it asks for their certificate and verifies one that comes, but none need come.
std::shared_ptr<grpc::ServerCredentials> tls_credentials(const ServingCertificate& certificate) {
  using grpc::experimental::FileWatcherCertificateProvider;
  auto provider = std::make_shared<FileWatcherCertificateProvider>(
      certificate.key_file(), certificate.certificate_file(), certificate.roots_file(), 10 /* seconds */);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

void set_limits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(4 << 20);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1'000);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 100'000);
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second control plane must notice the first
}

}  // namespace

class Server::Impl {
 public:
  explicit Impl(const Bootstrap& bootstrap)
      : bootstrap_(bootstrap),
        store_(StoreOptions{bootstrap.config.system_namespace, "istio", {}}),
        registry_(store_, {bootstrap.cluster.domain, bootstrap.cluster.id}),
        source_({bootstrap.config.directory, Duration::milliseconds(10), 64u << 20}) {}

  ~Impl() {
    stop_chores();
    if (ads_) ads_->end_streams();
    const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(2);
    for (auto* server : {secure_.get(), plaintext_.get()}) {
      if (server) server->Shutdown(deadline);
    }
    ready_.reset();
    monitoring_.reset();
    if (source_started_) source_.stop();
    pusher_.reset();
  }

  std::expected<void, std::string> start() {
    if (auto opened = open_ca(); !opened) return opened;
    if (auto served = serve_grpc(); !served) return served;
    if (auto served = serve_pages(); !served) return served;
    return start_source();
  }

  void apply(const Bootstrap& bootstrap) { signer_->set_lifetimes(lifetimes_of(bootstrap)); }

  Endpoint at(const Endpoint& asked, int port) const {
    return {asked.address, static_cast<std::uint16_t>(port)};
  }

  Bootstrap bootstrap_;
  Metrics metrics_;
  Store store_;
  Registry registry_;
  FileSource source_;
  bool source_started_ = false;
  std::optional<Authority> authority_;
  std::optional<ServingCertificate> certificate_;
  std::unique_ptr<Signer> signer_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<AdsServer> ads_;
  std::unique_ptr<grpc::Service> ca_;
  std::unique_ptr<Pusher> pusher_;
  std::unique_ptr<grpc::Server> secure_, plaintext_;
  int secure_port_ = 0, plaintext_port_ = 0;
  std::unique_ptr<GetServer> monitoring_, ready_;

 private:
  std::expected<void, std::string> open_ca() {
    auto authority = Authority::open({bootstrap_.ca.directory, bootstrap_.ca.plugged_in, "cluster.local"}, unix_now());
    if (!authority) return std::unexpected(authority.error());
    authority_.emplace(std::move(*authority));
    if (auto made = make_private_directory(bootstrap_.ca.directory); !made) return made;
    auto issuer = crypto::TokenIssuer::open_or_create(bootstrap_.ca.directory);
    if (!issuer) return std::unexpected(issuer.error());
    auto certificate = ServingCertificate::issue(
        *authority_, bootstrap_.ca.directory + "/serving",
        server_names(bootstrap_.config.system_namespace, bootstrap_.ca.server_names), unix_now());
    if (!certificate) return std::unexpected(certificate.error());
    certificate_.emplace(std::move(*certificate));
    const auto& trusted = bootstrap_.ca.trusted_node_accounts;
    signer_ = std::make_unique<Signer>(
        *authority_,
        SignerOptions{{trusted.begin(), trusted.end()}, bootstrap_.ca.unknown_pod_grace.ms() / 1000},
        [this] { return registry_.index(); });
    signer_->set_lifetimes(lifetimes_of(bootstrap_));
    authenticator_ = std::make_unique<Authenticator>(
        AuthenticatorOptions{{std::string(crypto::kTokenAudience)}, std::string(crypto::kTokenIssuer)},
        issuer->key_set(), [this] { return trust_domains(); });
    metrics_.set(Metric::kRootExpiry, static_cast<double>(authority_->roots().front().info().not_after));
    metrics_.set(Metric::kChainExpiry, static_cast<double>(authority_->certificate().info().not_after));
    return {};
  }

  std::vector<std::string> trust_domains() const {
    const auto index = registry_.index();
    const MeshConfig mesh = index ? index->mesh() : MeshConfig();
    std::vector<std::string> out{mesh.trust_domain};
    out.insert(out.end(), mesh.trust_domain_aliases.begin(), mesh.trust_domain_aliases.end());
    return out;
  }

  CaEvents ca_events() {
    CaEvents events;
    events.on_request = [this] { metrics_.add(Metric::kCsrCount); };
    events.on_issued = [this] { metrics_.add(Metric::kIssued); };
    events.on_unauthenticated = [this] { metrics_.add(Metric::kAuthenticationFailures); };
    events.on_refused = [this](CaRefusal refusal) {
      if (refusal == CaRefusal::kBadRequest) metrics_.add(Metric::kCsrParsing);
      else if (refusal == CaRefusal::kSigning) metrics_.add(Metric::kCsrSigning);
      metrics_.add(Metric::kCsrRefusals, 1, "reason=\"" + std::string(to_string(refusal)) + "\"");
    };
    return events;
  }

  std::expected<void, std::string> serve_grpc() {
    const Authenticate authenticate = [this](const grpc::ServerContextBase& context) {
      return authenticator_->of_call(context);
    };
    ads_ = std::make_unique<AdsServer>(AdsOptions{authenticate, &metrics_, bootstrap_.push.threads});
    ca_ = make_ca_service(authenticate, *signer_, ca_events());
    secure_ = build(bootstrap_.listen.secure, tls_credentials(*certificate_), {ads_->service(), ca_.get()},
                    &secure_port_);
    if (!secure_) return std::unexpected("cannot listen at " + bootstrap_.listen.secure.to_string());
    plaintext_ = build(bootstrap_.listen.plaintext, grpc::InsecureServerCredentials(), {ads_->service()},
                       &plaintext_port_);
    if (!plaintext_) return std::unexpected("cannot listen at " + bootstrap_.listen.plaintext.to_string());
    return {};
  }

  static std::unique_ptr<grpc::Server> build(const Endpoint& at, std::shared_ptr<grpc::ServerCredentials> credentials,
                                             const std::vector<grpc::Service*>& services, int* port) {
    grpc::ServerBuilder builder;
    set_limits(&builder);
    builder.AddListeningPort(at.to_string(), std::move(credentials), port);
    for (grpc::Service* service : services) builder.RegisterService(service);
    auto server = builder.BuildAndStart();
    if (server && *port == 0) server->Shutdown();
    return server && *port != 0 ? std::move(server) : nullptr;
  }

  std::expected<void, std::string> serve_pages() {
    metrics_.set(Metric::kInfo, 1, "version=\"" + std::string(kVersion) + "\"");
    auto monitoring = GetServer::listen(bootstrap_.listen.monitoring, [this](auto path, auto) {
      return monitoring_page(path, metrics_, *ads_);
    });
    if (!monitoring) return std::unexpected(monitoring.error());
    monitoring_ = std::move(*monitoring);
    auto ready = GetServer::listen(bootstrap_.listen.ready, [this](auto path, auto) {
      return ready_page(path, registry_.ready() && ads_, *store_.snapshot());
    });
    if (!ready) return std::unexpected(ready.error());
    ready_ = std::move(*ready);
    return {};
  }

  std::expected<void, std::string> start_source() {
    pusher_ = std::make_unique<Pusher>(PusherOptions{bootstrap_.push.quiet, bootstrap_.push.at_most}, metrics_,
                                       [this](auto world, auto changed) { ads_->publish(world, changed); });
    store_.add_listener([this](const auto& snapshot, const auto&) { count_problems(*snapshot, metrics_); });
    registry_.add_listener([this](const auto& index, const IndexDelta& delta) { pusher_->submit(index, delta); });
    try {
      source_.start(store_);
    } catch (const std::exception& error) {
      return std::unexpected(std::string(error.what()));
    }
    source_started_ = true;
    chores_ = std::thread([this] { run_chores(); });
    return {};
  }

  // What is to be done now and then: the server certificate's renewal.
  void run_chores() {
    std::unique_lock lock(chores_mutex_);
    while (!chores_end_) {
      if (auto renewed = certificate_->renew_if_due(unix_now()); !renewed) {
        log_error("ca", "the server certificate could not be renewed: " + renewed.error());
      }
      chores_wake_.wait_for(lock, std::chrono::minutes(10), [this] { return chores_end_; });
    }
  }

  void stop_chores() {
    if (!chores_.joinable()) return;
    {
      const std::lock_guard lock(chores_mutex_);
      chores_end_ = true;
    }
    chores_wake_.notify_all();
    chores_.join();
  }

  std::mutex chores_mutex_;
  std::condition_variable chores_wake_;
  bool chores_end_ = false;
  std::thread chores_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

std::expected<std::unique_ptr<Server>, std::string> Server::start(const Bootstrap& bootstrap) {
  auto impl = std::make_unique<Impl>(bootstrap);
  if (auto started = impl->start(); !started) return std::unexpected(started.error());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::apply(const Bootstrap& bootstrap) { impl_->apply(bootstrap); }
Endpoint Server::secure() const { return impl_->at(impl_->bootstrap_.listen.secure, impl_->secure_port_); }
Endpoint Server::plaintext() const { return impl_->at(impl_->bootstrap_.listen.plaintext, impl_->plaintext_port_); }
Endpoint Server::monitoring() const { return impl_->monitoring_->endpoint(); }
Endpoint Server::ready() const { return impl_->ready_->endpoint(); }

}  // namespace weft::controlplane
