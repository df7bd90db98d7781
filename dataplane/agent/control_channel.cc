#include "dataplane/agent/control_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace weft::agent {

// How long a server may take to answer a ping, and to accept a connection.
constexpr int kPatienceMs = 10'000;
// A push to a pod of a large mesh; Istio's agent has no limit here, we prefer one.
constexpr int kLargestMessage = 256 << 20;

std::shared_ptr<grpc::Channel> make_control_channel(const ControlChannelOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(options.server_name);
  arguments.SetMaxReceiveMessageSize(kLargestMessage);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(options.keepalive.ms()));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPatienceMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // an idle stream is the rule
  const int reconnect = static_cast<int>(options.reconnect.ms());
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, reconnect);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, reconnect * 2);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kPatienceMs);  // in truth: how long one attempt may take
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // the control plane is ours, whatever http_proxy says
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = options.roots;
  tls.pem_private_key = options.private_key;
  tls.pem_cert_chain = options.certificate_chain;
  return grpc::CreateCustomChannel(options.address, grpc::SslCredentials(tls), arguments);
}

std::expected<std::string, std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::unexpected(path + ": " + std::strerror(errno));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace weft::agent
