// Delegation to an IPAM plugin by exec (CNI specification 1.1, section 4).
#pragma once

#include <string>

#include "cni/request.h"
#include "cni/result.h"

namespace weft::cni {

// The outcome of one exec.
struct ExecResult {
  int exit_code = 0;  // 128 + signal when killed by one
  std::string output;
};

// Runs a program with `input` on its stdin and our environment with CNI_COMMAND replaced.
Result<ExecResult> execute(const std::string& program, const std::string& command, const std::string& input);

class Ipam {
 public:
  // Finds `ipam.type` in CNI_PATH and asks it for its versions: Debian's host-local stops at 1.0.0, so it is spoken to
  // in the newest version that both know and that is not above the configuration's.
  static Result<Ipam> open(const Request& request);

  Result<IpamResult> add() const;
  Result<void> del() const;
  Result<void> check() const;
  const std::string& version() const { return version_; }

 private:
  Result<std::string> call(const std::string& command) const;

  std::string program_;
  std::string version_;
  std::string config_;  // the network configuration, in the version spoken
};

// The newest of `supported` that is not above `wanted` and that we speak; empty: none.
std::string negotiate(const std::vector<std::string>& supported, const std::string& wanted);

}  // namespace weft::cni
