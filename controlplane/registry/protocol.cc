#include "controlplane/registry/protocol.h"

#include <absl/strings/match.h>

namespace weft::controlplane {
namespace {

struct Name {
  std::string_view name;
  Protocol protocol;
};
constexpr Name kNames[] = {
    {"tcp", Protocol::kTcp},     {"udp", Protocol::kUdp},     {"grpc", Protocol::kGrpc},   {"http", Protocol::kHttp},
    {"http_proxy", Protocol::kHttp}, {"http2", Protocol::kHttp2}, {"https", Protocol::kHttps}, {"tls", Protocol::kTls},
    {"mongo", Protocol::kMongo}, {"redis", Protocol::kRedis}, {"mysql", Protocol::kMysql},
};
// Kubernetes' own values of appProtocol.
constexpr Name kKubernetesNames[] = {
    {"kubernetes.io/h2c", Protocol::kHttp2},
    {"kubernetes.io/ws", Protocol::kHttp},
    {"kubernetes.io/wss", Protocol::kHttps},
};

}  // namespace

std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::kAuto: return "UnsupportedProtocol";  // istiod's word for "to be sniffed"
    case Protocol::kTcp: return "TCP";
    case Protocol::kTls: return "TLS";
    case Protocol::kHttps: return "HTTPS";
    case Protocol::kHttp: return "HTTP";
    case Protocol::kHttp2: return "HTTP2";
    case Protocol::kGrpc: return "GRPC";
    case Protocol::kGrpcWeb: return "GRPC-Web";
    case Protocol::kMongo: return "Mongo";
    case Protocol::kRedis: return "Redis";
    case Protocol::kMysql: return "MySQL";
    case Protocol::kUdp: return "UDP";
  }
  return "?";
}

Protocol protocol_of(std::uint16_t port, std::string_view name, std::string_view transport,
                     std::string_view app_protocol) {
  if (transport == "UDP") return Protocol::kUdp;
  std::string_view word = name;
  if (!app_protocol.empty()) {
    word = app_protocol;
    for (const Name& known : kKubernetesNames) {
      if (word == known.name) return known.protocol;
    }
  }
  if (absl::StartsWithIgnoreCase({word.data(), word.size()}, "grpc-web")) return Protocol::kGrpcWeb;
  word = word.substr(0, word.find('-'));
  for (const Name& known : kNames) {
    if (absl::EqualsIgnoreCase({word.data(), word.size()}, {known.name.data(), known.name.size()}))
      return known.protocol;
  }
  const bool well_known = port == 25 || port == 53 || port == 3306 || port == 27017;
  return well_known ? Protocol::kTcp : Protocol::kAuto;
}

}  // namespace weft::controlplane
