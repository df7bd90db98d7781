// The attached pods of this node: what CNI asked for, what devices there are, what the state file says.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "dataplane/agent/pod_state.h"

namespace weft::agent {

enum class PodFailureKind : std::uint8_t {
  kInvalid,   // the request makes no sense
  kNotFound,  // no such pod
  kDiffers,   // CHECK: something is not as it was asked for
  kFailed,    // device or state file
};

struct PodFailure {
  PodFailureKind kind;
  std::string text;
};

// What AddPod asks for. mtu 0: the default.
struct PodRequest {
  PodKey key;
  std::string netns, network;
  ObjectName name;
  std::string uid;
  std::vector<IpAddress> addresses;
  std::uint32_t mtu = 0;
};

// What CHECK found in order: the addresses in the order that ADD gave them, and the port as ADD answered it.
struct CheckedPod {
  std::vector<IpAddress> addresses;
  PodPort port;
};

// Lives on the agent's thread. Every call is idempotent.
class PodRegistry {
 public:
  struct Options {
    std::string state_file;
    std::uint32_t mtu = 1500;
  };
  // `changed` is called whenever pods() changed: after a device was made, but before one is removed, so that the
  // workers can still reset the pod's connections through it.
  PodRegistry(Options options, PodPorts& ports, std::function<void()> changed);

  // Reopens what the state file names; pods whose namespace or device is gone are forgotten (logged).
  std::expected<void, std::string> restore();

  std::expected<PodPort, PodFailure> add(const PodRequest& request);
  std::expected<void, PodFailure> remove(const PodKey& key);
  std::expected<CheckedPod, PodFailure> check(const PodKey& key, const std::string& netns,
                                              const std::vector<IpAddress>& addresses);
  // Removes every pod of the network that `valid` does not name (CNI GC); returns which.
  std::vector<PodKey> collect(const std::string& network, const std::vector<PodKey>& valid);

  const std::map<PodKey, AttachedPod>& pods() const { return pods_; }

 private:
  std::expected<void, std::string> save() const;
  std::string refusal(const PodRequest& request) const;  // empty: none
  std::expected<PodPort, PodFailure> create(AttachedPod pod);

  Options options_;
  PodPorts& ports_;
  std::function<void()> changed_;
  InterfaceId next_interface_ = kFirstPodInterface;
  std::map<PodKey, AttachedPod> pods_;
};

}  // namespace weft::agent
