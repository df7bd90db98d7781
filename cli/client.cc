#include "cli/client.h"

#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cmath>

#include <nlohmann/json.hpp>

#include "weft/node/v1/node_service.grpc.pb.h"

namespace weft::cli {

namespace {

namespace node = weft::node::v1;

// Struct knows doubles only; whole numbers are printed as such.
void whole_numbers(nlohmann::json& value) {
  if (value.is_number_float()) {
    const double number = value;
    if (std::floor(number) == number && std::abs(number) < 9e15) value = static_cast<std::int64_t>(number);
  } else if (value.is_structured()) {
    for (auto& item : value) whole_numbers(item);
  }
}

}  // namespace

std::expected<nlohmann::json, QueryError> query(const std::string& socket, const std::string& topic,
                                                const std::map<std::string, std::string>& arguments) {
  grpc::ChannelArguments channel;
  channel.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  channel.SetMaxReceiveMessageSize(-1);  // a node's whole configuration
  auto stub = node::OperatorService::NewStub(
      grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), channel));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  node::QueryRequest request;
  request.set_topic(topic);
  for (const auto& [key, value] : arguments) (*request.mutable_arguments())[key] = value;
  node::QueryResponse response;
  const grpc::Status status = stub->Query(&context, request, &response);
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    return std::unexpected(QueryError{
        false, "weft-dataplane does not answer on " + socket + ": " + status.error_message()});
  }
  if (!status.ok()) {
    const bool usage = status.error_code() == grpc::StatusCode::INVALID_ARGUMENT ||
                       status.error_code() == grpc::StatusCode::NOT_FOUND;
    return std::unexpected(QueryError{usage, status.error_message()});
  }
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(response.document(), &text).ok()) {
    return std::unexpected(QueryError{false, "the answer cannot be read"});
  }
  auto document = nlohmann::json::parse(text, nullptr, false);
  whole_numbers(document);
  return document;
}

}  // namespace weft::cli
