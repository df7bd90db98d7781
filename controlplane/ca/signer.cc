#include "controlplane/ca/signer.h"

#include <algorithm>

namespace weft::controlplane {
namespace {

constexpr std::size_t kCsrBytesMax = 64 << 10;
constexpr std::size_t kUnknownMax = 10'000;

bool in_mesh(const MeshConfig& mesh, const std::string& trust_domain) {
  const auto& aliases = mesh.trust_domain_aliases;
  return trust_domain == mesh.trust_domain ||
         std::find(aliases.begin(), aliases.end(), trust_domain) != aliases.end();
}

std::expected<void, CaError> check_names(const crypto::CertificateRequest& csr, const std::string& identity) {
  const auto foreign = [&](const std::string& name) {
    return std::unexpected(CaError{
        CaRefusal::kForeignSan, "the request asks for '" + name + "', but the caller is " + identity +
                                    ": names come from the caller's credential, leave them out"});
  };
  for (const std::string& name : csr.uri_sans()) {
    if (name != identity) return foreign(name);
  }
  if (!csr.dns_sans().empty()) return foreign(csr.dns_sans().front());
  return {};
}

}  // namespace

std::string_view to_string(CaRefusal refusal) {
  constexpr std::string_view kTexts[] = {
#define WEFT_CA_REFUSAL(name, status, text) text,
      WEFT_CA_REFUSALS(WEFT_CA_REFUSAL)
#undef WEFT_CA_REFUSAL
  };
  return kTexts[static_cast<std::size_t>(refusal)];
}

std::expected<SpiffeId, std::string> SpiffeId::parse(std::string_view uri) {
  const auto bad = [&] {
    return std::unexpected("'" + std::string(uri) + "' is not spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT");
  };
  constexpr std::string_view kScheme = "spiffe://";
  if (!uri.starts_with(kScheme)) return bad();
  std::vector<std::string> parts(1);
  for (const char c : uri.substr(kScheme.size())) {
    if (c == '/') parts.emplace_back();
    else parts.back() += c;
  }
  const bool shape = parts.size() == 5 && parts[1] == "ns" && parts[3] == "sa";
  if (!shape || parts[0].empty() || parts[2].empty() || parts[4].empty()) return bad();
  return SpiffeId{parts[0], parts[2], parts[4]};
}

Signer::Signer(const Authority& authority, SignerOptions options, IndexOf index)
    : authority_(authority), options_(std::move(options)), index_(std::move(index)) {}

void Signer::set_lifetimes(const CertificateLifetimes& lifetimes) {
  const std::lock_guard lock(mutex_);
  lifetimes_ = lifetimes;
}

std::expected<SignedChain, CaError> Signer::sign(const Caller& caller, const SignRequest& request,
                                                 std::int64_t now) {
  const std::shared_ptr<const Index> index = index_();
  if (!index) {
    return std::unexpected(CaError{CaRefusal::kNotReady, std::string(to_string(CaRefusal::kNotReady))});
  }
  auto identity = identity_for(*index, caller, request.impersonated_identity, now);
  if (!identity) return std::unexpected(identity.error());
  if (request.csr_pem.size() > kCsrBytesMax) {
    return std::unexpected(CaError{CaRefusal::kBadRequest, "the certificate request is longer than 64 KB"});
  }
  auto csr = crypto::CertificateRequest::from_pem(request.csr_pem);
  if (!csr) return std::unexpected(CaError{CaRefusal::kBadRequest, csr.error()});
  if (auto names = check_names(*csr, *identity); !names) return std::unexpected(names.error());
  CertificateLifetimes lifetimes;
  {
    const std::lock_guard lock(mutex_);
    lifetimes = lifetimes_;
  }
  const std::int64_t wanted = request.validity_seconds > 0 ? request.validity_seconds : lifetimes.by_default;
  auto leaf = authority_.sign_workload(csr->public_key(), *identity, std::min(wanted, lifetimes.at_most), now);
  if (!leaf) return std::unexpected(CaError{CaRefusal::kSigning, leaf.error()});
  SignedChain out{*identity, {leaf->pem()}, leaf->info().not_after};
  for (const crypto::Certificate& each : authority_.intermediates()) out.pems.push_back(each.pem());
  out.pems.push_back(authority_.root_bundle_pem());
  return out;
}

// The caller's own identity, or the one that a node agent asks for on behalf of a pod of its node.
std::expected<std::string, CaError> Signer::identity_for(const Index& index, const Caller& caller,
                                                         const std::string& wanted, std::int64_t now) {
  const std::string prefix = "spiffe://" + index.mesh().trust_domain + "/ns/";
  const std::string own = prefix + caller.name_space + "/sa/" + caller.service_account;
  if (wanted.empty() || wanted == own) return own;
  const auto refuse = [](CaRefusal refusal, std::string message) {
    return std::unexpected(CaError{refusal, std::move(message)});
  };
  if (!options_.trusted_node_accounts.contains(caller.account())) {
    return refuse(CaRefusal::kUntrustedAccount, "account " + caller.account() + " may not ask for " + wanted +
                                                    ": it is not among the trusted node accounts");
  }
  // A certificate says nothing about nodes, so a leaked one cannot impersonate.
  if (caller.proof != Caller::Proof::kToken || caller.node_name.empty()) {
    return refuse(CaRefusal::kNoNode, "account " + caller.account() +
                                          " must prove itself with a token that is bound to a node to ask for " +
                                          wanted);
  }
  auto id = SpiffeId::parse(wanted);
  if (!id) return refuse(CaRefusal::kBadRequest, "ImpersonatedIdentity " + id.error());
  if (!in_mesh(index.mesh(), id->trust_domain)) {
    return refuse(CaRefusal::kForeignTrustDomain, wanted + " is not of this mesh's trust domain");
  }
  if (auto checked = check_node(index, caller, wanted, now); !checked) return std::unexpected(checked.error());
  return prefix + id->name_space + "/sa/" + id->service_account;
}

std::expected<void, CaError> Signer::check_node(const Index& index, const Caller& caller,
                                                const std::string& wanted, std::int64_t now) {
  if (!caller.pod_name.empty()) {
    const auto pod = index.find_workload(caller.name_space, caller.pod_name);
    const bool other = pod && ((!pod->uid.empty() && pod->uid != caller.pod_uid) ||
                               pod->service_account != caller.service_account || pod->node != caller.node_name);
    if (other) {
      return std::unexpected(CaError{CaRefusal::kStaleCaller,
                                     "pod " + caller.name_space + "/" + caller.pod_name +
                                         " is not the one that the token names (account, uid or node differ)"});
    }
  }
  const SpiffeId id = *SpiffeId::parse(wanted);
  for (const auto& pod : index.workloads_on(caller.node_name)) {
    if (pod->name_space != id.name_space || pod->service_account != id.service_account) continue;
    const std::lock_guard lock(mutex_);
    unknown_since_.erase(caller.node_name + " " + wanted);
    return {};
  }
  return std::unexpected(no_pod(caller, wanted, now));
}

CaError Signer::no_pod(const Caller& caller, const std::string& wanted, std::int64_t now) {
  const std::string what = "no pod of " + wanted + " runs on node " + caller.node_name;
  const std::lock_guard lock(mutex_);
  const std::int64_t grace = options_.unknown_pod_grace_seconds;
  // Old ones start anew, so that a pod that comes much later gets its grace too.
  std::erase_if(unknown_since_, [&](const auto& each) { return now - each.second > 10 * grace + 60; });
  if (unknown_since_.size() >= kUnknownMax) return {CaRefusal::kNoPodOnNode, what};
  const auto [since, is_new] = unknown_since_.try_emplace(caller.node_name + " " + wanted, now);
  if (now - since->second < grace) return {CaRefusal::kPodNotKnown, what + " yet; retry"};
  return {CaRefusal::kNoPodOnNode, what};
}

}  // namespace weft::controlplane
