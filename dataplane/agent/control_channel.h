// TLS channels to the control plane: its certificate is verified against a root file, by one fixed name.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "base/clock.h"

namespace grpc {
class Channel;
}

namespace weft::agent {

struct ControlChannelOptions {
  std::string address;                         // host:port
  std::string roots;                           // PEM
  std::string server_name;                     // what its certificate must carry, whatever the address
  std::string private_key, certificate_chain;  // PEM; empty: no client certificate
  Duration keepalive = Duration::seconds(30);
  Duration reconnect = Duration::milliseconds(500);  // of the channel itself; who uses it has a backoff of its own
};

std::shared_ptr<grpc::Channel> make_control_channel(const ControlChannelOptions& options);

// The whole file. Error: "path: why".
std::expected<std::string, std::string> read_file(const std::string& path);

}  // namespace weft::agent
