// The table that mesh/xds_support.h promises; nothing else.
#include <array>
#include <vector>

#include "mesh/xds_support.h"

namespace weft::mesh {

namespace {

using enum Support;

constexpr std::string_view kTelemetry = "telemetry";
constexpr std::string_view kSockets = "about kernel sockets, which we have not";
constexpr std::string_view kHttpOnly = "about HTTP only";
constexpr std::string_view kDns = "how names are resolved; the cluster is held back by its type";

#define LISTENER "envoy.config.listener.v3."
#define CORE "envoy.config.core.v3."
#define CLUSTER "envoy.config.cluster.v3."
#define ENDPOINT "envoy.config.endpoint.v3."
#define RBAC "envoy.config.rbac.v3."
#define TLS "envoy.extensions.transport_sockets.tls.v3."
#define MATCHER "envoy.type.matcher.v3."
#define TCP_PROXY "envoy.extensions.filters.network.tcp_proxy.v3."

constexpr auto kListenerFields = std::to_array<FieldSupport>({
    {LISTENER "Listener", kHonoured,
     "name address additional_addresses filter_chains default_filter_chain use_original_dst listener_filters "
     "listener_filters_timeout continue_on_listener_filters_timeout traffic_direction", ""},
    {LISTENER "Listener", kNeedsHbone, "internal_listener", "reached by name from internal_upstream"},
    {LISTENER "Listener", kNoEffect, "stat_prefix access_log metadata", kTelemetry},
    {LISTENER "Listener", kNoEffect,
     "bind_to_port freebind reuse_port enable_reuse_port tcp_backlog_size tcp_fast_open_queue_length "
     "max_connections_to_accept_per_socket_event connection_balance_config enable_mptcp", kSockets},
    {LISTENER "Listener", kNoEffect,
     "per_connection_buffer_limit_bytes drain_type ignore_global_conn_limit bypass_overload_manager",
     "our own bounds and our own rule for open connections hold"},
    {LISTENER "AdditionalAddress", kHonoured, "address", ""},
    {LISTENER "ListenerFilter", kHonoured, "name typed_config filter_disabled", ""},
    {LISTENER "ListenerFilterChainMatchPredicate", kHonoured,
     "or_match and_match not_match any_match destination_port_range", ""},
    {LISTENER "ListenerFilterChainMatchPredicate.MatchSet", kHonoured, "rules", ""},
    {"envoy.type.v3.Int32Range", kHonoured, "start end", ""},
    {"envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector", kNoEffect,
     "initial_read_buffer_size max_client_hello_size enable_ja3_fingerprinting enable_ja4_fingerprinting",
     "the whole ClientHello is read, within our own bound"},
    {LISTENER "FilterChain", kHonoured,
     "name filter_chain_match filters transport_socket transport_socket_connect_timeout", ""},
    {LISTENER "FilterChain", kNoEffect, "metadata", kTelemetry},
    {LISTENER "FilterChainMatch", kHonoured,
     "destination_port prefix_ranges server_names transport_protocol application_protocols "
     "direct_source_prefix_ranges source_type source_prefix_ranges source_ports", ""},
    {LISTENER "Filter", kHonoured, "name typed_config", ""},
    // ---- addresses and the like
    {CORE "Address", kHonoured, "socket_address", ""},
    {CORE "Address", kNeedsHbone, "envoy_internal_address", "an internal listener"},
    {CORE "SocketAddress", kHonoured, "protocol address port_value ipv4_compat", ""},
    {CORE "CidrRange", kHonoured, "address_prefix prefix_len", ""},
    {CORE "Metadata", kHonoured, "filter_metadata", "of endpoints: envoy.transport_socket_match and istio.workload"},
    {CORE "Metadata", kNoEffect, "typed_filter_metadata", "transport socket matches read filter_metadata only"},
    {CORE "TransportSocket", kHonoured, "name typed_config", ""},
    {CORE "BindConfig", kHonoured, "source_address extra_source_addresses", "127.0.0.6 and ::6: deliver to the pod"},
    {CORE "ExtraSourceAddress", kHonoured, "address", ""},
    {CORE "Locality", kHonoured, "region zone sub_zone", ""},
    {CORE "TypedExtensionConfig", kHonoured, "name typed_config", ""},
    {CORE "TcpKeepalive", kNoEffect, "keepalive_probes keepalive_time keepalive_interval",
     "the data plane's own tcp.keepalive_* hold: when a dead peer is noticed, not who gets in"},
    // ---- tcp_proxy
    {TCP_PROXY "TcpProxy", kHonoured, "cluster weighted_clusters idle_timeout max_connect_attempts", ""},
    {TCP_PROXY "TcpProxy", kNoEffect, "max_downstream_connection_duration", "connections have no longest life"},
    {TCP_PROXY "TcpProxy", kNeedsHbone, "tunneling_config", "HTTP CONNECT upstream"},
    {TCP_PROXY "TcpProxy", kNoEffect,
     "stat_prefix access_log access_log_options access_log_flush_interval flush_access_log_on_connected", kTelemetry},
    {TCP_PROXY "TcpProxy", kNoEffect, "hash_policy",
     "only hashing load balancers read it, and clusters with one are NACKed"},
    {TCP_PROXY "TcpProxy", kNoEffect, "backoff_options", "connection attempts follow each other at once"},
    {TCP_PROXY "TcpProxy.WeightedCluster", kHonoured, "clusters", ""},
    {TCP_PROXY "TcpProxy.WeightedCluster.ClusterWeight", kHonoured, "name weight", ""},
});

constexpr auto kSecurityFields = std::to_array<FieldSupport>({
    // ---- network RBAC
    {"envoy.extensions.filters.network.rbac.v3.RBAC", kHonoured,
     "rules shadow_rules shadow_rules_stat_prefix", ""},
    {"envoy.extensions.filters.network.rbac.v3.RBAC", kNoEffect, "stat_prefix", kTelemetry},
    {"envoy.extensions.filters.network.rbac.v3.RBAC", kNoEffect, "enforcement_type delay_deny",
     "judged before the pod sees a SYN, and again when policy changes; facts do not change "
     "meanwhile"},
    {RBAC "RBAC", kHonoured, "action policies", ""},
    {RBAC "RBAC", kNoEffect, "audit_logging_options", kTelemetry},
    {RBAC "Policy", kHonoured, "permissions principals", ""},
    {RBAC "Permission", kHonoured,
     "and_rules or_rules not_rule any destination_ip destination_port destination_port_range "
     "requested_server_name",
     "header, url_path, metadata and the like need HTTP or other filters: NACKed"},
    {RBAC "Permission.Set", kHonoured, "rules", ""},
    {RBAC "Principal", kHonoured,
     "and_ids or_ids not_id any authenticated source_ip direct_remote_ip remote_ip",
     "as Permission"},
    {RBAC "Principal.Set", kHonoured, "ids", ""},
    {RBAC "Principal.Authenticated", kHonoured, "principal_name", ""},
    {MATCHER "StringMatcher", kHonoured, "exact prefix suffix contains safe_regex ignore_case", ""},
    {MATCHER "RegexMatcher", kHonoured, "regex", ""},
    {MATCHER "RegexMatcher", kNoEffect, "google_re2", "RE2 is what we use"},
    // ---- TLS
    {TLS "DownstreamTlsContext", kHonoured, "common_tls_context require_client_certificate", ""},
    {TLS "DownstreamTlsContext", kHonoured, "disable_stateless_session_resumption", ""},
    {TLS "DownstreamTlsContext", kNoEffect,
     "disable_stateful_session_resumption session_timeout",
     "resumption is by tickets of TLS 1.3, which live an hour at most"},
    {TLS "DownstreamTlsContext", kNoEffect,
     "ocsp_staple_policy full_scan_certs_on_sni_mismatch prefer_client_ciphers",
     "there is one certificate, without OCSP"},
    {TLS "UpstreamTlsContext", kHonoured, "common_tls_context sni", ""},
    {TLS "UpstreamTlsContext", kHonoured, "max_session_keys",
     "0: sessions are not resumed; else at most 16 are kept for each host"},
    {TLS "UpstreamTlsContext", kNoEffect, "enforce_rsa_key_usage",
     "the library's own judgement, which enforces it"},
    {TLS "CommonTlsContext", kHonoured,
     "tls_params tls_certificate_sds_secret_configs validation_context_sds_secret_config "
     "combined_validation_context "
     "alpn_protocols",
     ""},
    {TLS "CommonTlsContext.CombinedCertificateValidationContext", kHonoured,
     "default_validation_context validation_context_sds_secret_config", ""},
    {TLS "CertificateValidationContext", kHonoured,
     "match_typed_subject_alt_names match_subject_alt_names", ""},
    {TLS "SubjectAltNameMatcher", kHonoured, "san_type matcher", ""},
    {TLS "SdsSecretConfig", kHonoured, "name", "`default` and `ROOTCA` only"},
    {TLS "SdsSecretConfig", kNoEffect, "sds_config", "the node agent is its own SDS"},
    {TLS "TlsParameters", kHonoured, "tls_minimum_protocol_version tls_maximum_protocol_version",
     ""},
    {TLS "TlsParameters", kNoEffect, "cipher_suites",
     "TLS 1.2 only, and then the AEAD suites with forward secrecy"},
    {TLS "TlsParameters", kNoEffect, "ecdh_curves", "X25519, P-256, P-384"},
    {"envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
     kNeedsHbone, "passthrough_metadata transport_socket",
     "a tunnel to the internal listener connect_originate"},
});

constexpr auto kClusterFields = std::to_array<FieldSupport>({
    {CLUSTER "Cluster", kHonoured,
     "name type eds_cluster_config connect_timeout lb_policy load_assignment circuit_breakers upstream_bind_config "
     "original_dst_lb_config least_request_lb_config common_lb_config transport_socket transport_socket_matches "
     "upstream_connection_options filters load_balancing_policy", ""},
    {CLUSTER "Cluster", kNoEffect, "outlier_detection", "ejection is not done yet: hosts stay in"},
    {CLUSTER "Cluster", kNoEffect, "round_robin_lb_config", "slow start: new hosts get their full share at once"},
    {CLUSTER "Cluster", kNoEffect,
     "alt_stat_name metadata track_timeout_budgets track_cluster_stats lrs_server", kTelemetry},
    {CLUSTER "Cluster", kNoEffect,
     "typed_extension_protocol_options http_protocol_options http2_protocol_options upstream_http_protocol_options "
     "common_http_protocol_options max_requests_per_connection protocol_selection "
     "connection_pool_per_downstream_connection preconnect_policy", kHttpOnly},
    {CLUSTER "Cluster", kNoEffect,
     "dns_refresh_rate dns_jitter dns_failure_refresh_rate respect_dns_ttl dns_lookup_family dns_resolvers "
     "use_tcp_for_dns_lookups dns_resolution_config typed_dns_resolver_config wait_for_warm_on_init", kDns},
    {CLUSTER "Cluster", kNoEffect,
     "cleanup_interval per_connection_buffer_limit_bytes close_connections_on_host_health_failure "
     "ignore_health_on_host_removal",
     "about hosts that Envoy keeps; we keep none beyond a version, and close nothing when endpoints change"},
    {CLUSTER "Cluster.EdsClusterConfig", kHonoured, "service_name", ""},
    {CLUSTER "Cluster.EdsClusterConfig", kNoEffect, "eds_config", "always this stream; no time limit for warming"},
    {CLUSTER "Cluster.OriginalDstLbConfig", kHonoured, "upstream_port_override", ""},
    {CLUSTER "Cluster.OriginalDstLbConfig", kNeedsHbone, "metadata_key", "the address is in an endpoint's metadata"},
    {CLUSTER "Cluster.LeastRequestLbConfig", kHonoured, "choice_count", ""},
    {CLUSTER "Cluster.LeastRequestLbConfig", kNoEffect, "active_request_bias slow_start_config",
     "shapes the shares of hosts, not which may get bytes"},
    {CLUSTER "Cluster.CommonLbConfig", kHonoured, "healthy_panic_threshold locality_weighted_lb_config", ""},
    {CLUSTER "Cluster.CommonLbConfig", kNoEffect, "zone_aware_lb_config",
     "works only with a local cluster, which a sidecar has not"},
    {CLUSTER "Cluster.CommonLbConfig", kNoEffect,
     "update_merge_window ignore_new_hosts_until_first_hc close_connections_on_host_set_change",
     "there are no active health checks, and a change of endpoints closes nothing"},
    {"envoy.type.v3.Percent", kHonoured, "value", ""},
    {CLUSTER "Cluster.TransportSocketMatch", kHonoured, "match transport_socket", ""},
    {CLUSTER "Cluster.TransportSocketMatch", kNoEffect, "name", kTelemetry},
    {CLUSTER "CircuitBreakers", kHonoured, "thresholds", ""},
    {CLUSTER "CircuitBreakers.Thresholds", kHonoured, "priority max_connections max_pending_requests", ""},
    {CLUSTER "CircuitBreakers.Thresholds", kNoEffect, "max_requests max_retries retry_budget max_connection_pools",
     kHttpOnly},
    {CLUSTER "CircuitBreakers.Thresholds", kNoEffect, "track_remaining", kTelemetry},
    {CLUSTER "UpstreamConnectionOptions", kHonoured, "tcp_keepalive", ""},
    {CLUSTER "UpstreamConnectionOptions", kNoEffect,
     "set_local_interface_name_on_upstream_connections happy_eyeballs_config", kSockets},
    {CLUSTER "Filter", kHonoured, "name typed_config", ""},
    {CLUSTER "LoadBalancingPolicy", kHonoured, "policies", "the first one"},
    {CLUSTER "LoadBalancingPolicy.Policy", kHonoured, "typed_extension_config", ""},
});

constexpr auto kEndpointFields = std::to_array<FieldSupport>({
    {ENDPOINT "ClusterLoadAssignment", kHonoured, "cluster_name endpoints policy", ""},
    {ENDPOINT "ClusterLoadAssignment.Policy", kHonoured, "overprovisioning_factor", ""},
    {ENDPOINT "ClusterLoadAssignment.Policy", kNoEffect, "endpoint_stale_after",
     "last endpoints stay while the control plane is away"},
    {ENDPOINT "LocalityLbEndpoints", kHonoured, "locality metadata lb_endpoints load_balancing_weight priority", ""},
    {ENDPOINT "LocalityLbEndpoints", kNoEffect, "proximity", "not read by Envoy either"},
    {ENDPOINT "LbEndpoint", kHonoured, "endpoint health_status metadata load_balancing_weight", ""},
    {ENDPOINT "Endpoint", kHonoured, "address additional_addresses", ""},
    {ENDPOINT "Endpoint", kNoEffect, "hostname", kHttpOnly},
    {ENDPOINT "Endpoint", kNoEffect, "health_check_config", "clusters with active health checks are NACKed"},
    {ENDPOINT "Endpoint.AdditionalAddress", kHonoured, "address", ""},
});

constexpr auto kTypes = std::to_array<TypeSupport>({
    {AnyPlace::kListenerFilter, "envoy.extensions.filters.listener.original_dst.v3.OriginalDst", kHonoured, ""},
    {AnyPlace::kListenerFilter, "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector", kHonoured, ""},
    {AnyPlace::kListenerFilter, "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector", kHonoured, ""},

    {AnyPlace::kNetworkFilter, "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", kHonoured, ""},
    {AnyPlace::kNetworkFilter, "envoy.extensions.filters.network.rbac.v3.RBAC", kHonoured, ""},
    {AnyPlace::kNetworkFilter,
     "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", kNeedsHttp,
     "its content is not judged"},
    {AnyPlace::kNetworkFilter, "envoy.tcp.metadataexchange.config.MetadataExchange", kNoEffect,
     "istio-peer-exchange is never negotiated, so there is no preamble"},
    {AnyPlace::kNetworkFilter, "stats.PluginConfig", kNoEffect, kTelemetry},

    {AnyPlace::kUpstreamFilter, "envoy.tcp.metadataexchange.config.MetadataExchange", kNoEffect,
     "istio-peer-exchange is never negotiated, so there is no preamble"},

    {AnyPlace::kDownstreamTransportSocket, "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
     kHonoured, ""},
    {AnyPlace::kDownstreamTransportSocket, "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer", kHonoured,
     ""},
    {AnyPlace::kUpstreamTransportSocket, "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", kHonoured, ""},
    {AnyPlace::kUpstreamTransportSocket, "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer", kHonoured, ""},
    {AnyPlace::kUpstreamTransportSocket,
     "envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport", kNeedsHbone, ""},

    // With all fields at their defaults; a field that is set is NACKed.
    {AnyPlace::kLoadBalancingPolicy, "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
     kHonoured, ""},
    {AnyPlace::kLoadBalancingPolicy, "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin", kHonoured,
     ""},
    {AnyPlace::kLoadBalancingPolicy, "envoy.extensions.load_balancing_policies.random.v3.Random", kHonoured, ""},
});

}  // namespace

std::span<const FieldSupport> field_support() {
  static const std::vector<FieldSupport> all = [] {
    std::vector<FieldSupport> rows(kListenerFields.begin(), kListenerFields.end());
    rows.insert(rows.end(), kSecurityFields.begin(), kSecurityFields.end());
    rows.insert(rows.end(), kClusterFields.begin(), kClusterFields.end());
    rows.insert(rows.end(), kEndpointFields.begin(), kEndpointFields.end());
    return rows;
  }();
  return all;
}
std::span<const TypeSupport> type_support() { return kTypes; }

}  // namespace weft::mesh
