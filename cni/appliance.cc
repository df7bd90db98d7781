#include "cni/appliance.h"

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "weft/node/v1/node_service.grpc.pb.h"

namespace weft::cni {

namespace {

namespace node = weft::node::v1;

// kubelet gives a plugin minutes; a port is made in milliseconds.
constexpr std::chrono::seconds kDeadline{30};

ErrorCode code_of(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED: return ErrorCode::kTryAgainLater;
    case grpc::StatusCode::NOT_FOUND: return ErrorCode::kUnknownContainer;
    case grpc::StatusCode::INVALID_ARGUMENT: return ErrorCode::kInvalidEnvironment;
    default: return ErrorCode::kInternal;
  }
}

void set_key(const Request& request, node::PodKey* key) {
  key->set_container_id(request.container_id);
  key->set_interface_name(request.interface_name);
}

template <typename List>
std::vector<IpAddress> parse_all(const List& texts) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : texts) {
    if (auto address = IpAddress::parse(text)) addresses.push_back(*address);
  }
  return addresses;
}

Attachment attachment_of(const Request& request, const node::AddPodResponse& port, std::vector<IpAddress> addresses) {
  Attachment attachment;
  attachment.interface_name = request.interface_name;
  attachment.netns = request.netns;
  attachment.mac = port.mac();
  attachment.mtu = port.mtu();
  attachment.addresses = std::move(addresses);
  attachment.gateway_ipv4 = port.gateway_ipv4();
  attachment.gateway_ipv6 = port.gateway_ipv6();
  return attachment;
}

}  // namespace

struct Appliance::Impl {
  std::string socket;
  std::unique_ptr<node::PodService::Stub> stub;

  template <typename Method, typename Message, typename Answer>
  Result<void> call(Method method, const Message& message, Answer* answer) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    const grpc::Status status = (stub.get()->*method)(&context, message, answer);
    if (status.ok()) return {};
    const bool absent = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    return fail(code_of(status.error_code()),
                absl::StrCat(absent ? "weft-dataplane is not available: " : "weft-dataplane: ", status.error_message()),
                absl::StrCat("socket ", socket));
  }
};

Appliance::Appliance(const std::string& socket) : impl_(std::make_unique<Impl>()) {
  impl_->socket = socket;
  grpc::ChannelArguments arguments;
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  impl_->stub = node::PodService::NewStub(grpc::CreateCustomChannel(
      absl::StrCat("unix:", socket), grpc::InsecureChannelCredentials(), arguments));
}

Appliance::~Appliance() = default;

Result<Attachment> Appliance::check(const Request& request, const std::vector<IpAddress>& addresses) {
  node::CheckPodRequest message;
  set_key(request, message.mutable_key());
  message.set_netns(request.netns);
  for (const IpAddress& address : addresses) message.add_addresses(address.to_string());
  node::CheckPodResponse answer;
  if (auto called = impl_->call(&node::PodService::Stub::CheckPod, message, &answer); !called) {
    return std::unexpected(called.error());
  }
  return attachment_of(request, answer.port(), parse_all(answer.addresses()));
}

Result<Attachment> Appliance::add(const Request& request, const std::vector<IpAddress>& addresses) {
  node::AddPodRequest message;
  set_key(request, message.mutable_key());
  message.set_netns(request.netns);
  message.set_pod_namespace(request.arg("K8S_POD_NAMESPACE"));
  message.set_pod_name(request.arg("K8S_POD_NAME"));
  message.set_pod_uid(request.arg("K8S_POD_UID"));
  message.set_network(request.config.name);
  message.set_mtu(request.config.mtu);
  for (const IpAddress& address : addresses) message.add_addresses(address.to_string());
  node::AddPodResponse answer;
  if (auto called = impl_->call(&node::PodService::Stub::AddPod, message, &answer); !called) {
    return std::unexpected(called.error());
  }
  return attachment_of(request, answer, addresses);
}

Result<void> Appliance::del(const Request& request) {
  node::DeletePodRequest message;
  set_key(request, message.mutable_key());
  node::DeletePodResponse answer;
  return impl_->call(&node::PodService::Stub::DeletePod, message, &answer);
}

Result<std::vector<std::pair<std::string, std::string>>> Appliance::collect(const Request& request) {
  node::CollectPodsRequest message;
  message.set_network(request.config.name);
  for (const auto& [container, interface] : request.config.valid_attachments) {
    node::PodKey* key = message.add_valid();
    key->set_container_id(container);
    key->set_interface_name(interface);
  }
  node::CollectPodsResponse answer;
  if (auto called = impl_->call(&node::PodService::Stub::CollectPods, message, &answer); !called) {
    return std::unexpected(called.error());
  }
  std::vector<std::pair<std::string, std::string>> deleted;
  for (const node::PodKey& key : answer.deleted()) deleted.emplace_back(key.container_id(), key.interface_name());
  return deleted;
}

Result<void> Appliance::status() {
  node::StatusResponse answer;
  auto called = impl_->call(&node::PodService::Stub::Status, node::StatusRequest(), &answer);
  if (!called) called.error().code = ErrorCode::kNotAvailable;
  return called;
}

}  // namespace weft::cni
