// What a Service port speaks, by Istio's rules of name and appProtocol.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft::controlplane {

enum class Protocol : std::uint8_t {
  kAuto,  // neither name nor appProtocol says: sniffed (HTTP or not)
  kTcp, kTls, kHttps, kHttp, kHttp2, kGrpc, kGrpcWeb, kMongo, kRedis, kMysql,
  kUdp,   // not the proxy's business
};
std::string_view to_string(Protocol protocol);  // "HTTP2"

// `transport` is Kubernetes' protocol (TCP, UDP, SCTP); the last resort is the well-known ports 25, 53, 3306, 27017.
Protocol protocol_of(std::uint16_t port, std::string_view name, std::string_view transport,
                     std::string_view app_protocol);

inline bool is_tcp_based(Protocol protocol) { return protocol != Protocol::kUdp; }

}  // namespace weft::controlplane
