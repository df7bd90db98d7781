#include "controlplane/xds/proxy.h"

#include <envoy/config/core/v3/base.pb.h>

#include <algorithm>

namespace weft::controlplane {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t at = text.find(separator);
    out.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

class Metadata {
 public:
  explicit Metadata(const google::protobuf::Struct& fields) : fields_(fields.fields()) {}

  std::string text(const std::string& key) const {
    const auto it = fields_.find(key);
    return it == fields_.end() ? "" : it->second.string_value();
  }
  // Istio's agent writes booleans as text.
  bool flag(const std::string& key) const {
    const auto it = fields_.find(key);
    return it != fields_.end() && (it->second.bool_value() || it->second.string_value() == "true" ||
                                   it->second.string_value() == "1");
  }
  Labels labels(const std::string& key) const {
    Labels out;
    const auto it = fields_.find(key);
    if (it == fields_.end()) return out;
    for (const auto& [name, value] : it->second.struct_value().fields()) out[name] = value.string_value();
    return out;
  }

 private:
  const google::protobuf::Map<std::string, google::protobuf::Value>& fields_;
};

std::expected<std::vector<IpAddress>, std::string> addresses_of(const std::string& id_address,
                                                                const std::string& instance_ips) {
  std::vector<IpAddress> out;
  for (const std::string& text : split(instance_ips.empty() ? id_address : instance_ips, ',')) {
    const auto address = IpAddress::parse(text);
    if (!address) return std::unexpected("the node's address '" + text + "' is no IP address");
    out.push_back(*address);
  }
  return out;
}

}  // namespace

bool Proxy::is_own(const IpAddress& address) const {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}
bool Proxy::has_v4() const {
  return std::any_of(addresses.begin(), addresses.end(), [](const IpAddress& a) { return a.is_v4(); });
}
bool Proxy::has_v6() const {
  return std::any_of(addresses.begin(), addresses.end(), [](const IpAddress& a) { return a.is_v6(); });
}

std::expected<Proxy, std::string> proxy_of_node(const envoy::config::core::v3::Node& node) {
  const std::vector<std::string> parts = split(node.id(), '~');
  if (parts.size() != 4) return std::unexpected("node id '" + node.id() + "' is not TYPE~IP~POD.NS~DOMAIN");
  if (parts[0] != "sidecar") {
    return std::unexpected("node type '" + parts[0] + "' is not served: only sidecar~ nodes are");
  }
  const Metadata metadata(node.metadata());
  Proxy proxy;
  proxy.id = node.id();
  auto addresses = addresses_of(parts[1], metadata.text("INSTANCE_IPS"));
  if (!addresses) return std::unexpected(addresses.error());
  proxy.addresses = std::move(*addresses);
  proxy.dns_domain = parts[3];
  proxy.name_space = metadata.text("NAMESPACE");
  if (proxy.name_space.empty()) proxy.name_space = split(parts[3], '.').front();
  const std::string suffix = "." + proxy.name_space;
  proxy.name = parts[2].ends_with(suffix) ? parts[2].substr(0, parts[2].size() - suffix.size()) : parts[2];
  proxy.service_account = metadata.text("SERVICE_ACCOUNT");
  proxy.node_name = metadata.text("NODE_NAME");
  proxy.labels = metadata.labels("LABELS");
  proxy.dns_capture = metadata.flag("DNS_CAPTURE");
  return proxy;
}

Proxy proxy_of_workload(const Workload& workload, const IndexOptions& options) {
  Proxy proxy;
  proxy.addresses = workload.addresses;
  proxy.name = workload.name;
  proxy.name_space = workload.name_space;
  proxy.service_account = workload.service_account;
  proxy.node_name = workload.node;
  proxy.dns_domain = workload.name_space + ".svc." + options.domain;
  proxy.labels = workload.labels;
  proxy.dns_capture = true;
  const std::string address = workload.addresses.empty() ? "0.0.0.0" : workload.addresses.front().to_string();
  proxy.id = "sidecar~" + address + "~" + workload.name + "." + workload.name_space + "~" + proxy.dns_domain;
  return proxy;
}

}  // namespace weft::controlplane
