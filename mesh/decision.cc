#include "mesh/decision.h"

#include <array>

#include "mesh/http_inspector.h"

namespace weft::mesh {

namespace {

constexpr std::array<std::string_view, kRefusalCount> kTexts = {
#define X(name, text) text,
    WEFT_MESH_REFUSALS(X)
#undef X
};

// "kNeedsHttp" -> "needs_http", once.
std::array<std::string, kRefusalCount> make_names() {
  constexpr std::array<std::string_view, kRefusalCount> kEnumerators = {
#define X(name, text) #name,
      WEFT_MESH_REFUSALS(X)
#undef X
  };
  std::array<std::string, kRefusalCount> names;
  for (std::size_t i = 0; i < names.size(); ++i)
    for (char c : kEnumerators[i].substr(1)) {
      bool upper = c >= 'A' && c <= 'Z';
      if (upper && !names[i].empty()) names[i] += '_';
      names[i] += upper ? static_cast<char>(c - 'A' + 'a') : c;
    }
  return names;
}

std::string_view http_protocol(DecisionInput::FirstBytes first_bytes) {
  switch (first_bytes) {
    case DecisionInput::FirstBytes::kHttp10: return application_protocol(HttpInspection::kHttp10);
    case DecisionInput::FirstBytes::kHttp11: return application_protocol(HttpInspection::kHttp11);
    case DecisionInput::FirstBytes::kH2Preface: return application_protocol(HttpInspection::kH2c);
    default: return {};
  }
}

Refusal refuse_terminal(const Terminal& terminal) {
  if (std::holds_alternative<NeedsHttp>(terminal)) return Refusal::kNeedsHttp;
  if (std::holds_alternative<NeedsHbone>(terminal)) return Refusal::kNeedsHbone;
  return Refusal::kNone;
}

Refusal refuse_cluster(const Cluster& cluster) {
  if (cluster.needs_hbone) return Refusal::kNeedsHbone;
  if (cluster.needs_dns) return Refusal::kNeedsDns;
  if (cluster.is_black_hole()) return Refusal::kBlackHole;
  if (cluster.type != ClusterType::kOriginalDst && !cluster.has_eligible()) return Refusal::kNoEndpoints;
  return Refusal::kNone;
}

Decision refuse(Decision decision, Refusal refusal) {
  decision.outcome = Decision::Outcome::kRefuse;
  decision.refusal = refusal;
  return decision;
}

// What the listener filters that this listener has make of the first bytes.
ConnectionFacts facts_of(const DecisionInput& input, const Inspection& inspection, std::string_view& http) {
  ConnectionFacts facts{input.source, input.destination, false, {}, {}};
  if (inspection.tls && input.first_bytes == DecisionInput::FirstBytes::kTls) {
    facts.tls = true;
    facts.server_name = input.server_name;
    facts.application_protocols = input.alpn;
    return facts;
  }
  http = inspection.http ? http_protocol(input.first_bytes) : std::string_view();
  if (!http.empty()) facts.application_protocols = {&http, 1};
  return facts;
}

}  // namespace

std::string_view to_string(Refusal refusal) { return kTexts[static_cast<std::size_t>(refusal)]; }

std::string_view to_name(Refusal refusal) {
  static const auto& names = *new std::array<std::string, kRefusalCount>(make_names());
  return names[static_cast<std::size_t>(refusal)];
}

ListenerChoice choose_listener(const PodConfig& config, Direction direction, const Endpoint& original_destination) {
  ListenerChoice choice;
  choice.listener = config.find_listener(direction, original_destination);
  if (!choice.listener) {
    choice.refusal = Refusal::kNoListener;
  } else if (!choice.listener->rejected.empty()) {
    choice.refusal = Refusal::kListenerRejected;
  } else {
    choice.inspection = choice.listener->inspection(original_destination);
  }
  return choice;
}

ChainChoice choose_chain(const Listener& listener, const ConnectionFacts& facts) {
  const FilterChain* chain = listener.match(facts);
  if (!chain) return {Refusal::kNoFilterChain, nullptr};
  return {refuse_terminal(chain->terminal), chain};
}

Refusal check_peer(const DownstreamTls& tls, const PeerFacts& facts) {
  bool presented = !facts.uri_sans.empty() || !facts.dns_sans.empty() || !facts.subject.empty();
  if (!presented) return tls.require_client_certificate ? Refusal::kNoClientCertificate : Refusal::kNone;
  bool trusted = san_matches(tls.san_matchers, facts.uri_sans, facts.dns_sans);
  return trusted ? Refusal::kNone : Refusal::kPeerNotTrusted;
}

PolicyChoice choose_policy(const FilterChain& chain, const PeerFacts& facts) {
  PolicyChoice choice{Refusal::kNone, judge(chain.rbac, facts)};
  if (!choice.verdict.allowed)
    choice.refusal =
        choice.verdict.action == RbacAction::kDeny ? Refusal::kPolicyDenied : Refusal::kPolicyNotAllowed;
  return choice;
}

ClusterChoice choose_cluster(const PodConfig& config, const FilterChain& chain, std::uint64_t random) {
  ClusterChoice choice;
  const auto* proxy = std::get_if<TcpProxy>(&chain.terminal);
  if (!proxy) {
    choice.refusal = refuse_terminal(chain.terminal);
    return choice;
  }
  choice.cluster_name = proxy->pick(random);
  choice.cluster = config.find_cluster(choice.cluster_name);
  choice.refusal = choice.cluster ? refuse_cluster(*choice.cluster) : Refusal::kNoCluster;
  return choice;
}

Decision decide(const PodConfig& config, const DecisionInput& input) {
  Decision decision;
  ListenerChoice listener = choose_listener(config, input.direction, input.destination);
  decision.listener = listener.listener;
  if (listener.refusal != Refusal::kNone) return refuse(decision, listener.refusal);

  if (listener.inspection.any() && input.first_bytes == DecisionInput::FirstBytes::kNone) {
    if (!input.timed_out) {
      decision.outcome = Decision::Outcome::kWaitForFirstBytes;
      return decision;
    }
    if (!listener.inspection.continue_on_timeout) return refuse(decision, Refusal::kFirstBytesTimeout);
  }
  std::string_view http;
  ConnectionFacts facts = facts_of(input, listener.inspection, http);
  ChainChoice chain = choose_chain(*listener.listener, facts);
  decision.chain = chain.chain;
  if (chain.refusal != Refusal::kNone) return refuse(decision, chain.refusal);

  PeerFacts peer{chain.chain->tls.has_value(), {}, {}, {}, input.source, input.destination, facts.server_name};
  if (peer.tls) peer.uri_sans = input.peer_uri_sans;
  Refusal handshake = peer.tls ? check_peer(*chain.chain->tls, peer) : Refusal::kNone;
  if (handshake != Refusal::kNone) return refuse(decision, handshake);
  PolicyChoice policy = choose_policy(*chain.chain, peer);
  decision.verdict = std::move(policy.verdict);
  if (policy.refusal != Refusal::kNone) return refuse(std::move(decision), policy.refusal);

  ClusterChoice cluster = choose_cluster(config, *chain.chain, input.random);
  decision.cluster_name = cluster.cluster_name;
  decision.cluster = cluster.cluster;
  if (cluster.refusal != Refusal::kNone) return refuse(std::move(decision), cluster.refusal);
  decision.outcome = Decision::Outcome::kForward;
  return decision;
}

}  // namespace weft::mesh
