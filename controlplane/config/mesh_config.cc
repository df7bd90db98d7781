// The MeshConfig inside the mesh's ConfigMap.
#include <set>

#include "controlplane/config/decode_kinds.h"
#include "controlplane/config/proto_json.h"
#include "controlplane/config/validate.h"
#include "mesh/v1alpha1/config.pb.h"

namespace weft::controlplane {
namespace {

namespace pb = google::protobuf;
namespace mesh = istio::mesh::v1alpha1;

// The fields of Istio's MeshConfig that do nothing here. With those of mesh/proto/mesh/v1alpha1/config.proto these are
// all of Istio 1.32's.
const std::set<std::string_view> kUnread = {
    "proxyHttpPort", "hboneIdleTimeout", "tcpKeepalive", "ingressClass", "ingressService", "ingressControllerMode",
    "ingressSelector", "enableTracing", "accessLogFile", "accessLogFormat", "accessLogEncoding",
    "enableEnvoyAccessLogService", "disableEnvoyListenerLog", "defaultConfig", "configSources", "caCertificates",
    "defaultVirtualServiceExportTo", "defaultDestinationRuleExportTo", "localityLbSetting", "zoneAwareLbSetting",
    "dnsRefreshRate", "h2UpgradePolicy", "inboundClusterStatName", "outboundClusterStatName", "certificates",
    "serviceSettings", "serviceScopeConfigs", "enablePrometheusMerge", "verifyCertificateAtClient", "ca",
    "extensionProviders", "defaultProviders", "discoverySelectors", "pathNormalization", "defaultHttpRetryPolicy",
    "meshMTLS", "tlsDefaults", "defaultTrafficPolicy", "serviceEntryVisibility",
};

Duration duration_of(const pb::Duration& d) {
  return Duration::seconds(d.seconds()) + Duration::nanoseconds(d.nanos());
}

class MeshReader {
 public:
  MeshReader(const Value& tree, FieldProblems& problems) : tree_(tree), problems_(problems) {}

  MeshConfig read(const mesh::MeshConfig& from) {
    MeshConfig config;
    read_names(from, config);
    read_timeouts(from, config);
    if (from.proxy_listen_port() != 0) config.proxy_listen_port = port("proxyListenPort", from.proxy_listen_port());
    if (from.proxy_inbound_listen_port() != 0) {
      config.proxy_inbound_listen_port = port("proxyInboundListenPort", from.proxy_inbound_listen_port());
    }
    if (from.has_enable_auto_mtls()) config.enable_auto_mtls = from.enable_auto_mtls().value();
    if (from.has_outbound_traffic_policy()) config.outbound = outbound(from.outbound_traffic_policy().mode());
    if (from.has_inbound_traffic_policy() &&
        from.inbound_traffic_policy().mode() == mesh::MeshConfig::InboundTrafficPolicy::LOCALHOST) {
      config.inbound = MeshConfig::Inbound::kLocalhost;
    }
    if (from.default_service_export_to_size() > 0) {
      config.default_service_export_to = {from.default_service_export_to().begin(),
                                          from.default_service_export_to().end()};
    }
    return config;
  }

 private:
  void check(const std::string& path, Wrong wrong) {
    if (wrong) problems_.push_back({ProblemCode::kInvalid, locate(tree_, path), path, std::move(*wrong)});
  }

  void read_names(const mesh::MeshConfig& from, MeshConfig& config) {
    if (!from.trust_domain().empty()) {
      check("trustDomain", check_mesh_trust_domain(from.trust_domain()));
      config.trust_domain = from.trust_domain();
    }
    for (int i = 0; i < from.trust_domain_aliases_size(); ++i) {
      check("trustDomainAliases[" + std::to_string(i) + ']', check_mesh_trust_domain(from.trust_domain_aliases(i)));
      config.trust_domain_aliases.push_back(from.trust_domain_aliases(i));
    }
    if (!from.root_namespace().empty()) {
      check("rootNamespace", check_label_name(from.root_namespace()));
      config.root_namespace = from.root_namespace();
    }
  }

  void read_timeouts(const mesh::MeshConfig& from, MeshConfig& config) {
    if (from.has_connect_timeout()) {
      config.connect_timeout = duration_of(from.connect_timeout());
      // istiod's bounds: 1 ms to 1 hour.
      if (config.connect_timeout < Duration::milliseconds(1) || config.connect_timeout > Duration::seconds(3600)) {
        check("connectTimeout", "expected 0.001s to 3600s");
      }
    }
    if (from.has_protocol_detection_timeout()) {
      config.protocol_detection_timeout = duration_of(from.protocol_detection_timeout());
      const Duration wait = config.protocol_detection_timeout;
      if (wait != Duration() && wait < Duration::milliseconds(1)) {
        check("protocolDetectionTimeout", "expected 0s (no limit) or at least 0.001s");
      }
    }
  }

  std::uint16_t port(const std::string& path, std::int32_t number) {
    if (number < 1 || number > 65535) check(path, "expected 1 to 65535, got " + std::to_string(number));
    return static_cast<std::uint16_t>(number);
  }

  MeshConfig::Outbound outbound(mesh::MeshConfig::OutboundTrafficPolicy::Mode mode) {
    if (mode == mesh::MeshConfig::OutboundTrafficPolicy::REGISTRY_ONLY) return MeshConfig::Outbound::kRegistryOnly;
    if (mode == mesh::MeshConfig::OutboundTrafficPolicy::ALLOW_ANY_DYNAMIC_DNS) {
      problems_.push_back({ProblemCode::kFieldNotRead, locate(tree_, "outboundTrafficPolicy.mode"),
                           "outboundTrafficPolicy.mode", "ALLOW_ANY_DYNAMIC_DNS is served as ALLOW_ANY"});
    }
    return MeshConfig::Outbound::kAllowAny;
  }

  const Value& tree_;
  FieldProblems& problems_;
};

// A place inside the text, as a place in the file: the text of a block scalar begins on the line after its `|`.
void move_to_file(const Value& holder, FieldProblems& problems) {
  const bool block = holder.text.find('\n') != std::string::npos;
  for (FieldProblem& problem : problems) {
    problem.field = "data.mesh" + (problem.field.empty() ? "" : ": " + problem.field);
    problem.position = block ? Position{holder.position.line + problem.position.line, 0} : holder.position;
  }
}

}  // namespace

MeshConfig read_mesh_config(const Value& holder, FieldProblems& problems) {
  FieldProblems found;
  MeshConfig config;
  auto trees = parse_yaml(holder.text);
  if (!trees) {
    found.push_back({ProblemCode::kSyntax, trees.error().position, "", trees.error().message});
  } else if (trees->size() > 1) {
    found.push_back({ProblemCode::kInvalid, (*trees)[1].position, "", "more than one document"});
  } else if (!trees->empty()) {
    mesh::MeshConfig message;
    const Value& tree = trees->front();
    if (read_message(tree, "", kUnread, message, found)) config = MeshReader(tree, found).read(message);
  }
  move_to_file(holder, found);
  problems.insert(problems.end(), found.begin(), found.end());
  return config;
}

}  // namespace weft::controlplane
