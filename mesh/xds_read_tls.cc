#include "mesh/xds_read_tls.h"

#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "mesh/xds_read.h"

namespace weft::mesh {

namespace core = envoy::config::core::v3;
namespace tls = envoy::extensions::transport_sockets::tls::v3;

namespace {

// The preamble that follows this protocol is not ours to speak: never offered, never selected.
constexpr std::string_view kPeerExchange = "istio-peer-exchange";

SanType read_san_type(tls::SubjectAltNameMatcher::SanType type, std::string_view path) {
  switch (type) {
    case tls::SubjectAltNameMatcher::URI: return SanType::kUri;
    case tls::SubjectAltNameMatcher::DNS: return SanType::kDns;
    case tls::SubjectAltNameMatcher::IP_ADDRESS: return SanType::kIp;
    case tls::SubjectAltNameMatcher::EMAIL: return SanType::kEmail;
    default: nack(std::string(path), "is not a kind of name we know");
  }
}

std::vector<SanMatcher> read_sans(const tls::CertificateValidationContext& context, std::string_view path) {
  std::vector<SanMatcher> sans;
  for (int i = 0; i < context.match_typed_subject_alt_names_size(); ++i) {
    const auto& matcher = context.match_typed_subject_alt_names(i);
    std::string where = at(path, "match_typed_subject_alt_names", i);
    sans.push_back({read_san_type(matcher.san_type(), join(where, "san_type")),
                    read_string_matcher(matcher.matcher(), join(where, "matcher"))});
  }
  for (int i = 0; i < context.match_subject_alt_names_size(); ++i)
    sans.push_back({SanType::kAny, read_string_matcher(context.match_subject_alt_names(i),
                                                       at(path, "match_subject_alt_names", i))});
  return sans;
}

TlsVersion read_version(tls::TlsParameters::TlsProtocol version, TlsVersion automatic, std::string_view path) {
  switch (version) {
    case tls::TlsParameters::TLS_AUTO: return automatic;
    case tls::TlsParameters::TLSv1_2: return TlsVersion::kTls12;
    case tls::TlsParameters::TLSv1_3: return TlsVersion::kTls13;
    default: nack(std::string(path), "is older than TLS 1.2");
  }
}

void require_secret(const std::string& name, std::string_view wanted, std::string_view path) {
  if (name != wanted) nack(join(path, "name"), "secret '" + name + "' is not '" + std::string(wanted) + "'");
}

void read_validation(const tls::CommonTlsContext& context, TlsCommon& settings, std::string_view path) {
  if (context.has_validation_context_sds_secret_config())
    return require_secret(context.validation_context_sds_secret_config().name(), "ROOTCA",
                          join(path, "validation_context_sds_secret_config"));
  std::string where = join(path, "combined_validation_context");
  if (!context.has_combined_validation_context()) nack(where, "is missing: peers would not be verified");
  const auto& combined = context.combined_validation_context();
  require_secret(combined.validation_context_sds_secret_config().name(), "ROOTCA",
                 join(where, "validation_context_sds_secret_config"));
  settings.san_matchers = read_sans(combined.default_validation_context(), join(where, "default_validation_context"));
}

void read_common(const tls::CommonTlsContext& context, TlsCommon& settings, std::string_view path) {
  const auto& params = context.tls_params();
  std::string where = join(path, "tls_params");
  settings.min_version = read_version(params.tls_minimum_protocol_version(), TlsVersion::kTls12,
                                      join(where, "tls_minimum_protocol_version"));
  settings.max_version = read_version(params.tls_maximum_protocol_version(), TlsVersion::kTls13,
                                      join(where, "tls_maximum_protocol_version"));
  if (settings.min_version > settings.max_version) nack(where, "minimum version is above the maximum");
  settings.cipher_suites.assign(params.cipher_suites().begin(), params.cipher_suites().end());
  for (const std::string& protocol : context.alpn_protocols())
    if (protocol != kPeerExchange) settings.alpn.push_back(protocol);
  if (context.tls_certificate_sds_secret_configs_size() != 1)
    nack(join(path, "tls_certificate_sds_secret_configs"), "does not name exactly one certificate");
  require_secret(context.tls_certificate_sds_secret_configs(0).name(), "default",
                 at(path, "tls_certificate_sds_secret_configs", 0));
  read_validation(context, settings, path);
}

}  // namespace

std::optional<DownstreamTls> read_downstream_socket(const core::TransportSocket& socket, std::string_view path) {
  std::string where = join(path, "typed_config");
  const TypeSupport& type = type_in(socket.typed_config(), AnyPlace::kDownstreamTransportSocket, where);
  if (!type.type.ends_with("DownstreamTlsContext")) return std::nullopt;
  auto context = unpack<tls::DownstreamTlsContext>(socket.typed_config(), where);
  DownstreamTls settings;
  settings.require_client_certificate = context.require_client_certificate().value();
  settings.tickets = !context.disable_stateless_session_resumption();
  read_common(context.common_tls_context(), settings, join(where, "common_tls_context"));
  return settings;
}

TransportSocket read_upstream_socket(const core::TransportSocket& socket, std::string_view path) {
  std::string where = join(path, "typed_config");
  const TypeSupport& type = type_in(socket.typed_config(), AnyPlace::kUpstreamTransportSocket, where);
  if (type.support == Support::kNeedsHbone) return InternalUpstream{};
  if (!type.type.ends_with("UpstreamTlsContext")) return RawBuffer{};
  auto context = unpack<tls::UpstreamTlsContext>(socket.typed_config(), where);
  UpstreamTls settings;
  settings.sni = context.sni();
  settings.resume = !context.has_max_session_keys() || context.max_session_keys().value() > 0;
  read_common(context.common_tls_context(), settings, join(where, "common_tls_context"));
  return settings;
}

}  // namespace weft::mesh
