#include "dataplane/agent/node_server.h"

#include <google/protobuf/util/json_util.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "dataplane/agent/documents.h"
#include "weft/node/v1/node_service.grpc.pb.h"

namespace weft::agent {

namespace node = ::weft::node::v1;

namespace {

grpc::Status to_status(const PodFailure& failure) {
  switch (failure.kind) {
    case PodFailureKind::kInvalid:
      return {grpc::StatusCode::INVALID_ARGUMENT, failure.text};
    case PodFailureKind::kNotFound:
      return {grpc::StatusCode::NOT_FOUND, failure.text};
    case PodFailureKind::kDiffers:
      return {grpc::StatusCode::FAILED_PRECONDITION, failure.text};
    case PodFailureKind::kFailed:
      return {grpc::StatusCode::INTERNAL, failure.text};
  }
  return {grpc::StatusCode::UNKNOWN, failure.text};
}

PodKey key_of(const node::PodKey& key) { return {key.container_id(), key.interface_name()}; }

std::expected<std::vector<IpAddress>, PodFailure> read_addresses(
    const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::vector<IpAddress> out;
  for (const std::string& text : texts) {
    const auto address = IpAddress::parse(text);
    if (!address) return std::unexpected(PodFailure{PodFailureKind::kInvalid, "'" + text + "' is not an IP address"});
    out.push_back(*address);
  }
  return out;
}

void set_port(const PodPort& port, node::AddPodResponse* out) {
  out->set_mac(port.mac);
  out->set_gateway_mac(port.gateway_mac);
  out->set_gateway_ipv4(port.gateway_ipv4.to_string());
  out->set_gateway_ipv6(port.gateway_ipv6.to_string());
  out->set_mtu(port.mtu);
}

}  // namespace

class NodeServer::Pods final : public node::PodService::Service {
 public:
  explicit Pods(Services services) : services_(std::move(services)) {}

  grpc::Status AddPod(grpc::ServerContext*, const node::AddPodRequest* in, node::AddPodResponse* out) override {
    const auto addresses = read_addresses(in->addresses());
    if (!addresses) return to_status(addresses.error());
    const PodRequest request{.key = key_of(in->key()),
                             .netns = in->netns(),
                             .network = in->network(),
                             .name = {in->pod_namespace(), in->pod_name()},
                             .uid = in->pod_uid(),
                             .addresses = *addresses,
                             .mtu = in->mtu()};
    const auto port = services_.loop.call([&] { return services_.pods.add(request); });
    const std::string name = in->pod_namespace() + "/" + in->pod_name();
    if (!port) {
      log_warning("pods", "AddPod " + name + ": " + port.error().text);
      return to_status(port.error());
    }
    log_info("pods", name + " is attached in " + in->netns());
    set_port(*port, out);
    return grpc::Status::OK;
  }

  grpc::Status DeletePod(grpc::ServerContext*, const node::DeletePodRequest* in, node::DeletePodResponse*) override {
    const auto removed = services_.loop.call([&] { return services_.pods.remove(key_of(in->key())); });
    return removed ? grpc::Status::OK : to_status(removed.error());
  }

  grpc::Status CheckPod(grpc::ServerContext*, const node::CheckPodRequest* in, node::CheckPodResponse* out) override {
    const auto addresses = read_addresses(in->addresses());
    if (!addresses) return to_status(addresses.error());
    const auto checked =
        services_.loop.call([&] { return services_.pods.check(key_of(in->key()), in->netns(), *addresses); });
    if (!checked) return to_status(checked.error());
    for (const IpAddress& address : checked->addresses) out->add_addresses(address.to_string());
    set_port(checked->port, out->mutable_port());
    return grpc::Status::OK;
  }

  grpc::Status CollectPods(grpc::ServerContext*, const node::CollectPodsRequest* in,
                           node::CollectPodsResponse* out) override {
    std::vector<PodKey> valid;
    for (const node::PodKey& key : in->valid()) valid.push_back(key_of(key));
    for (const PodKey& key : services_.loop.call([&] { return services_.pods.collect(in->network(), valid); })) {
      node::PodKey& deleted = *out->add_deleted();
      deleted.set_container_id(key.container_id);
      deleted.set_interface_name(key.interface_name);
    }
    return grpc::Status::OK;
  }

  grpc::Status Status(grpc::ServerContext*, const node::StatusRequest*, node::StatusResponse* out) override {
    out->set_version("0.1.0");
    return grpc::Status::OK;
  }

 private:
  Services services_;
};

class NodeServer::Operator final : public node::OperatorService::Service {
 public:
  explicit Operator(Services services) : services_(std::move(services)) {}

  grpc::Status Query(grpc::ServerContext*, const node::QueryRequest* in, node::QueryResponse* out) override {
    const QueryArguments arguments(in->arguments().begin(), in->arguments().end());
    const AgentReport report = services_.loop.call(services_.report);
    const auto document = answer_query(in->topic(), arguments, report, services_.introspection);
    if (!document) return {grpc::StatusCode::INVALID_ARGUMENT, document.error()};
    // A peer's bytes may be no UTF-8; they are replaced, not refused.
    const std::string text = document->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    const auto parsed = google::protobuf::util::JsonStringToMessage(text, out->mutable_document());
    return parsed.ok() ? grpc::Status::OK : grpc::Status(grpc::StatusCode::INTERNAL, std::string(parsed.message()));
  }

 private:
  Services services_;
};

struct NodeServer::Parts {
  explicit Parts(Services services) : pods(services), queries(services) {}
  Pods pods;
  Operator queries;
  std::unique_ptr<grpc::Server> server;
};

namespace {

bool is_served(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool served = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return served;
}

}  // namespace

std::expected<std::unique_ptr<NodeServer>, std::string> NodeServer::listen(const std::string& socket,
                                                                           Services services) {
  if (is_served(socket)) return std::unexpected("socket " + socket + ": another process serves it");
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(socket).parent_path(), error);
  std::filesystem::remove(socket, error);
  auto parts = std::make_unique<Parts>(std::move(services));
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
  builder.RegisterService(&parts->pods);
  builder.RegisterService(&parts->queries);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 2);
  // Whoever can open the socket can attach pods: root alone, from the first moment on.
  const mode_t before = umask(0177);
  parts->server = builder.BuildAndStart();
  umask(before);
  if (!parts->server) return std::unexpected("socket " + socket + ": cannot be made");
  return std::unique_ptr<NodeServer>(new NodeServer(std::move(parts)));
}

NodeServer::NodeServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

NodeServer::~NodeServer() { parts_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2)); }

}  // namespace weft::agent
