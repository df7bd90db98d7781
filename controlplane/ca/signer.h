// Who may have which certificate. Pure decisions over an authenticated caller and the index; no network.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/ca/authority.h"
#include "controlplane/registry/index.h"
#include "controlplane/ca/caller.h"

namespace weft::controlplane {

// X(enumerator, gRPC status, text)
#define WEFT_CA_REFUSALS(X)                                                                    \
  X(kNotReady, UNAVAILABLE, "the configuration is not complete yet")                         \
  X(kPodNotKnown, UNAVAILABLE, "no such pod is known on the caller's node yet")              \
  X(kBadRequest, INVALID_ARGUMENT, "not a certificate request")                              \
  X(kForeignSan, PERMISSION_DENIED, "the request asks for a name that is not the caller's")  \
  X(kUntrustedAccount, PERMISSION_DENIED, "the caller's account may not ask for others")     \
  X(kNoNode, PERMISSION_DENIED, "the caller's credential is not bound to a node")            \
  X(kForeignTrustDomain, PERMISSION_DENIED, "the identity is not of this mesh")              \
  X(kNoPodOnNode, PERMISSION_DENIED, "no pod of the account runs on the caller's node")      \
  X(kStaleCaller, PERMISSION_DENIED, "the caller's pod is not the one its token names")      \
  X(kSigning, INTERNAL, "the certificate could not be signed")

enum class CaRefusal : std::uint8_t {
#define WEFT_CA_REFUSAL(name, ...) name,
  WEFT_CA_REFUSALS(WEFT_CA_REFUSAL)
#undef WEFT_CA_REFUSAL
};
std::string_view to_string(CaRefusal refusal);

struct CaError {
  CaRefusal refusal;
  std::string message;  // a sentence with names
};

// Seconds. May change while the control plane runs.
struct CertificateLifetimes {
  std::int64_t by_default = 24 * 3600;
  std::int64_t at_most = 90LL * 24 * 3600;
};

struct SignerOptions {
  std::set<std::string> trusted_node_accounts;  // "ns/sa"
  // An account that has no pod on the caller's node may be one whose pod we have not heard of yet: for so long the
  // refusal is one to retry, then it is final.
  std::int64_t unknown_pod_grace_seconds = 30;
};

struct SignRequest {
  std::string csr_pem;
  std::int64_t validity_seconds = 0;   // <= 0: the default; longer than allowed is cut
  std::string impersonated_identity;   // a SPIFFE ID; empty: the caller's own
};

struct SignedChain {
  std::string identity;
  std::vector<std::string> pems;       // leaf, intermediates, last the root bundle
  std::int64_t not_after = 0;
};

class Signer {
 public:
  using IndexOf = std::function<std::shared_ptr<const Index>()>;  // nullptr: not ready

  // REQUIRES: the authority outlives the signer.
  Signer(const Authority& authority, SignerOptions options, IndexOf index);

  void set_lifetimes(const CertificateLifetimes& lifetimes);
  // Any thread.
  std::expected<SignedChain, CaError> sign(const Caller& caller, const SignRequest& request,
                                           std::int64_t unix_seconds);

 private:
  std::expected<std::string, CaError> identity_for(const Index& index, const Caller& caller,
                                                   const std::string& wanted, std::int64_t now);
  std::expected<void, CaError> check_node(const Index& index, const Caller& caller, const std::string& wanted,
                                          std::int64_t now);
  CaError no_pod(const Caller& caller, const std::string& wanted, std::int64_t now);

  const Authority& authority_;
  SignerOptions options_;
  IndexOf index_;
  std::mutex mutex_;
  CertificateLifetimes lifetimes_;
  std::map<std::string, std::int64_t> unknown_since_;  // by node and identity; bounded
};

// "spiffe://td/ns/NS/sa/SA", nothing else.
struct SpiffeId {
  std::string trust_domain, name_space, service_account;
  static std::expected<SpiffeId, std::string> parse(std::string_view uri);
};

}  // namespace weft::controlplane
