// The file that remembers attached pods, so that a restarted process finds their devices again.
#pragma once

#include <compare>
#include <expected>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/packet.h"
#include "dataplane/agent/cluster.h"
#include "dataplane/agent/pod_ports.h"

namespace weft::agent {

// CNI's name of one attachment.
struct PodKey {
  std::string container_id;
  std::string interface_name;
  auto operator<=>(const PodKey&) const = default;
};

struct AttachedPod {
  PodKey key;
  InterfaceId interface = kNoInterface;
  std::string netns;
  std::string network;  // name of the CNI network
  ObjectName name;
  std::string uid;  // as CNI gave it; may be empty
  std::vector<IpAddress> addresses;
  std::uint32_t mtu = 0;
  std::string mac;  // of the pod's end, once it is known
};

struct PodState {
  InterfaceId next_interface = kFirstPodInterface;  // ids are never given twice, not even after a restart
  std::vector<AttachedPod> pods;
};

std::string to_json(const PodState& state);
std::expected<PodState, std::string> pod_state_from_json(std::string_view text);

// A file that is not there is an empty state. Error: it cannot be read or does not parse.
std::expected<PodState, std::string> load_pod_state(const std::string& path);
// Replaces the file atomically and durably; makes the folder if it is not there.
std::expected<void, std::string> save_pod_state(const std::string& path, const PodState& state);

}  // namespace weft::agent
