#include "controlplane/xds/envoy_parts.h"

#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>
#include <envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h>
#include <envoy/extensions/transport_sockets/tls/v3/tls.pb.h>

#include <limits>

#include "controlplane/xds/resource.h"

namespace weft::controlplane {
namespace {

namespace tls = envoy::extensions::transport_sockets::tls::v3;
using google::protobuf::Struct;

// `istio-peer-exchange` stands in istiod's ALPN lists because its sidecars run the filter
// istio.metadata_exchange, which sends a preamble once both sides agree on it. We configure no such
// filter (a stock Envoy has none), so we must not let a peer agree on its protocol.
constexpr const char* kClientProtocols[] = {"istio"};
constexpr const char* kServerProtocols[] = {"h2", "http/1.1"};

// The proxy's own agent serves its secrets on a socket of its own, in its bootstrap the cluster `sds-grpc`.
void set_agent_secret(std::string_view name, tls::SdsSecretConfig* out) {
  out->set_name(std::string(name));
  auto* config = out->mutable_sds_config();
  auto* api = config->mutable_api_config_source();
  api->set_api_type(envoy_core::ApiConfigSource::GRPC);
  api->set_transport_api_version(envoy_core::V3);
  api->add_grpc_services()->mutable_envoy_grpc()->set_cluster_name("sds-grpc");
  api->set_set_node_on_first_message_only(true);
  config->mutable_initial_fetch_timeout();  // zero: no limit
  config->set_resource_api_version(envoy_core::V3);
}

tls::CertificateValidationContext* set_common(tls::CommonTlsContext* out) {
  out->mutable_tls_params()->set_tls_minimum_protocol_version(tls::TlsParameters::TLSv1_2);
  out->mutable_tls_params()->set_tls_maximum_protocol_version(tls::TlsParameters::TLSv1_3);
  set_agent_secret("default", out->add_tls_certificate_sds_secret_configs());
  auto* combined = out->mutable_combined_validation_context();
  set_agent_secret("ROOTCA", combined->mutable_validation_context_sds_secret_config());
  return combined->mutable_default_validation_context();
}

// Envoy gave the field a successor with a SAN type; istiod still sends the old one, and so does every client read it.
envoy::type::matcher::v3::StringMatcher* add_san(tls::CertificateValidationContext* context) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  return context->add_match_subject_alt_names();
#pragma GCC diagnostic pop
}

}  // namespace

void set_duration(Duration duration, google::protobuf::Duration* out) {
  out->set_seconds(duration.ns() / 1'000'000'000);
  out->set_nanos(static_cast<std::int32_t>(duration.ns() % 1'000'000'000));
}

void set_address(const IpAddress& address, std::uint32_t port, envoy_core::Address* out) {
  out->mutable_socket_address()->set_address(address.to_string());
  out->mutable_socket_address()->set_port_value(port);
}

void set_services_metadata(const std::vector<ServiceName>& services, envoy_core::Metadata* out) {
  Struct& istio = (*out->mutable_filter_metadata())["istio"];
  auto* list = (*istio.mutable_fields())["services"].mutable_list_value();
  for (const ServiceName& service : services) {
    auto& fields = *list->add_values()->mutable_struct_value()->mutable_fields();
    fields["host"].set_string_value(service.host);
    fields["name"].set_string_value(service.name);
    fields["namespace"].set_string_value(service.name_space);
  }
}

void set_unlimited(envoy_cluster::Cluster* cluster) {
  constexpr std::uint32_t kNoLimit = std::numeric_limits<std::uint32_t>::max();
  auto* threshold = cluster->mutable_circuit_breakers()->add_thresholds();
  threshold->mutable_max_connections()->set_value(kNoLimit);
  threshold->mutable_max_pending_requests()->set_value(kNoLimit);
  threshold->mutable_max_requests()->set_value(kNoLimit);
  threshold->mutable_max_retries()->set_value(kNoLimit);
}

void set_downstream_mtls(const MeshConfig& mesh, envoy_core::TransportSocket* out) {
  tls::DownstreamTlsContext context;
  auto* common = context.mutable_common_tls_context();
  auto* validation = set_common(common);
  add_san(validation)->set_prefix("spiffe://" + mesh.trust_domain + "/");
  for (const std::string& alias : mesh.trust_domain_aliases) {
    add_san(validation)->set_prefix("spiffe://" + alias + "/");
  }
  for (const char* suite : {"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
                            "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
                            "AES256-GCM-SHA384", "AES128-GCM-SHA256"}) {
    common->mutable_tls_params()->add_cipher_suites(suite);
  }
  for (const char* alpn : kServerProtocols) common->add_alpn_protocols(alpn);
  context.mutable_require_client_certificate()->set_value(true);
  out->set_name("envoy.transport_sockets.tls");
  pack_deterministic(context, out->mutable_typed_config());
}

void set_upstream_mtls(std::string_view sni, const std::set<std::string>& identities,
                       envoy_core::TransportSocket* out) {
  tls::UpstreamTlsContext context;
  auto* common = context.mutable_common_tls_context();
  auto* validation = set_common(common);
  for (const std::string& identity : identities) add_san(validation)->set_exact(identity);
  for (const char* alpn : kClientProtocols) common->add_alpn_protocols(alpn);
  context.set_sni(std::string(sni));
  out->set_name("envoy.transport_sockets.tls");
  pack_deterministic(context, out->mutable_typed_config());
}

void set_raw_buffer(envoy_core::TransportSocket* out) {
  out->set_name("envoy.transport_sockets.raw_buffer");
  pack_deterministic(envoy::extensions::transport_sockets::raw_buffer::v3::RawBuffer(),
                     out->mutable_typed_config());
}

void add_tcp_proxy(std::string_view cluster, envoy_listener::FilterChain* chain) {
  envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy proxy;
  proxy.set_stat_prefix(std::string(cluster));
  proxy.set_cluster(std::string(cluster));
  auto* filter = chain->add_filters();
  filter->set_name("envoy.filters.network.tcp_proxy");
  pack_deterministic(proxy, filter->mutable_typed_config());
}

}  // namespace weft::controlplane
