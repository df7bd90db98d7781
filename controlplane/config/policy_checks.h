// What Istio's validating webhook asks of the two security policies, with the place of each finding.
#pragma once

#include <string>

#include "controlplane/config/fields.h"
#include "controlplane/config/validate.h"

namespace istio::security::v1beta1 {
class AuthorizationPolicy;
class PeerAuthentication;
}  // namespace istio::security::v1beta1

namespace weft::controlplane {

class PolicyReport {
 public:
  PolicyReport(const Value& root, FieldProblems& problems) : root_(root), problems_(problems) {}
  void error(const std::string& path, std::string message) { add(ProblemCode::kInvalid, path, std::move(message)); }
  void warning(ProblemCode code, const std::string& path, std::string message) { add(code, path, std::move(message)); }
  void check(const std::string& path, Wrong wrong) {
    if (wrong) error(path, std::move(*wrong));
  }
  // The list or map stands in the file, and is empty: protobuf cannot tell that from an absent one.
  bool is_given_empty(const std::string& path) const;

 private:
  void add(ProblemCode code, const std::string& path, std::string message) {
    problems_.push_back({code, locate(root_, path), path, std::move(message)});
  }
  const Value& root_;
  FieldProblems& problems_;
};

void check_peer_authentication(const istio::security::v1beta1::PeerAuthentication& spec, PolicyReport& report);
void check_authorization_policy(const istio::security::v1beta1::AuthorizationPolicy& spec, PolicyReport& report);

}  // namespace weft::controlplane
